"""Any command with small arguments, so that random histories meet their own past."""

from datetime import timedelta
from typing import Any, NamedTuple

from hypothesis import strategies as st

from domain.inquiry import Inquiry
from domain.vocabulary import (
    AnnulReason,
    Channel,
    Delivery,
    EndedBy,
    LeaveReason,
    LinkKind,
    Medium,
    Outcome,
    Plain,
    Purpose,
    TransferKind,
    code,
)
from tests.domain.building import ANOTHER, CALL, CITIZEN, NEXT_CALL, NINE, ONE


class Command(NamedTuple):
    """A public method of `Inquiry` and its arguments; `of` counts among what it may be of."""

    name: str
    arguments: dict[str, Any]

    def __call__(self, inquiry: Inquiry) -> None:
        arguments = self.arguments
        if isinstance(nth := arguments.get("of"), int):
            versions = list(getattr(inquiry, POINTS_AT[self.name]))
            arguments = arguments | {"of": versions[nth] if nth < len(versions) else nth}
        getattr(inquiry, self.name)(**arguments)


POINTS_AT = {
    "agency_reply": "transfers",
    "report_follow_up": "follow_ups",
    "rate": "resolutions",
    "publish_praise": "praises",
    "withdraw_praise": "praises",
}
CODES = st.sampled_from([code("a"), code("b")])
WORDS = st.just(Plain("말"))
NTH = st.sampled_from([0, 0, 1, 2])
VISITS = st.sampled_from([None, None, None, 1, 1, 2, 3])
DURATIONS = st.sampled_from([None, 0, 1] * 4 + [-1])
AGENTS = st.none() | CODES
CONTACTS = st.sampled_from([None, CALL, NEXT_CALL])
OTHERS = st.sampled_from([ONE, ANOTHER])
MINUTE = timedelta(minutes=1)
LAGS = st.sampled_from([0 * MINUTE] * 8 + [-MINUTE, 2 * MINUTE, timedelta(days=-1), None])
"""Mostly on time, else early, late, before the arrival; None is a time without an offset."""


def command(name: str, **arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Command]:
    """Return the strategy of this command; its time comes with its place in a history."""
    return st.builds(Command, st.just(name), st.fixed_dictionaries({"at": LAGS, **arguments}))


OFTEN = [
    command("agency_reply", of=NTH, outcome=CODES, reply=st.none() | WORDS),
    command("queue", queue=CODES, contact=CONTACTS, visit=VISITS),
    command("answer", agent=CODES, visit=VISITS, waited_ms=DURATIONS),
    command(
        "end",
        ended_by=st.sampled_from(EndedBy),
        visit=VISITS,
        agent=AGENTS,
        talk_ms=DURATIONS,
        hold_ms=DURATIONS,
        wrapup_ms=DURATIONS,
    ),
    command(
        "transfer",
        ref=CODES,
        kind=st.sampled_from([TransferKind.AGENCY, *TransferKind]),
        to=CODES,
        from_agent=AGENTS,
        holds=st.booleans(),
    ),
    command(
        "resolve",
        outcome=st.sampled_from(Outcome),
        agent=AGENTS,
        resolution=st.none() | WORDS,
    ),
    command("reopen", reason=CODES),
]
"""What other commands build on: drawn more often, so that histories get somewhere."""

SELDOM = [
    command("identify", citizen=st.sampled_from([CITIZEN, ANOTHER])),
    command(
        "classify",
        channel=st.none() | st.sampled_from(Channel),
        language=AGENTS,
        category=AGENTS,
        district=AGENTS,
    ),
    command(
        "turn_away",
        queue=CODES,
        reason=st.sampled_from(LeaveReason),
        contact=CONTACTS,
        visit=VISITS,
    ),
    command("abandon", visit=VISITS, waited_ms=DURATIONS),
    command("leave_queue", reason=st.sampled_from(LeaveReason), visit=VISITS, waited_ms=DURATIONS),
    command("reply", agent=CODES, message=WORDS, reply_ms=DURATIONS),
    command("note", ref=CODES, kind=CODES, note=WORDS),
    command(
        "follow_up",
        ref=CODES,
        medium=st.sampled_from(Medium),
        purpose=st.sampled_from(Purpose),
        message=WORDS,
    ),
    command("report_follow_up", of=NTH, outcome=st.sampled_from(Delivery), reason=AGENTS),
    command("rate", score=st.integers(0, 6), of=st.none() | NTH, comment=st.none() | WORDS),
    command("praise", ref=CODES, title=WORDS, story=WORDS, author=WORDS, agent=AGENTS),
    command(
        "publish_praise",
        of=NTH,
        moderator=CODES,
        title=st.none() | WORDS,
        story=st.none() | WORDS,
        reason=AGENTS,
    ),
    command("withdraw_praise", of=NTH, moderator=CODES, reason=AGENTS),
    command("link", other=OTHERS, kind=st.sampled_from(LinkKind)),
]

ANNULMENT = command(
    "annul", reason=st.sampled_from(AnnulReason), other=st.sampled_from([None, ONE, ANOTHER])
)

ANY = st.one_of(*SELDOM, *OFTEN, *(drawn.map(lambda again: again) for drawn in OFTEN))


def timed(step: int, drawn: Command) -> Command:
    """Return the command at its time: three steps a minute, and the lag that was drawn."""
    now, lag = NINE + step // 3 * MINUTE, drawn.arguments["at"]
    at = now.replace(tzinfo=None) if lag is None else now + lag
    return Command(drawn.name, drawn.arguments | {"at": at})


@st.composite
def histories(draw: st.DrawFn) -> tuple[Inquiry, list[Command]]:
    """Draw an inquiry that has just arrived, and what people try to do with it.

    Annulment is final, so it comes at the end if at all, with a few attempts after it.
    """
    inquiry = Inquiry.receive(
        ONE,
        at=NINE,
        channel=draw(st.sampled_from(Channel)),
        contact=draw(st.sampled_from([CALL, CALL, None])),
    )
    attempts = draw(st.lists(ANY, min_size=20, max_size=50))
    annulments = draw(st.lists(ANNULMENT, max_size=2))
    drawn = attempts + annulments + attempts[:3]
    return inquiry, [timed(step, command) for step, command in enumerate(drawn)]

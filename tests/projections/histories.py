"""Random histories of a few inquiries at once, and how they come into a log."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from hypothesis import strategies as st

from domain.errors import InquiryError
from domain.inquiry import Inquiry
from domain.request import Request
from domain.vocabulary import Channel, Code, EndedBy, Medium, Outcome, Purpose, TransferKind
from eventlog.log import Log
from tests.domain.building import CALL, CITIZEN, NINE, WATER, WORDS, YANG
from tests.domain.commands import AGENTS, ANNULMENT, ANY, CODES, DURATIONS, Command, command

REQUEST = Request(actor="agent:a017", cause="command:" + "0123456789abcdef" * 2)
BEFORE_MIDNIGHT = datetime(2012, 2, 28, 14, 59, 35, tzinfo=UTC)
"""So short before midnight in Seoul that a visit may cross it."""

PACES = [timedelta(seconds=7), timedelta(minutes=1), timedelta(minutes=25), timedelta(hours=9)]
"""Time from one step to the next: waits within every threshold, hours and days that differ."""

LATE_OR_EARLY = st.sampled_from([0] * 8 + [-1, -2, -4, 2])
"""How many paces a fact lies beside the time that its place in the history suggests."""

USUAL = [
    Command("queue", {"queue": WATER}),
    Command("answer", {"agent": YANG}),
    Command("transfer", {"ref": "t", "kind": TransferKind.INTERPRETER, "to": "ja", "holds": False}),
    Command("end", {"ended_by": EndedBy.CITIZEN, "talk_ms": 61_500, "hold_ms": 1_000}),
    Command(
        "follow_up",
        {"ref": "f", "medium": Medium.SMS, "purpose": Purpose.CARE, "message": WORDS},
    ),
    Command("resolve", {"outcome": Outcome.ANSWERED, "agent": YANG}),
    Command("rate", {"score": 4}),
    Command("praise", {"ref": "p", "title": WORDS, "story": WORDS, "author": WORDS}),
    Command("reopen", {"reason": "wrong"}),
    Command("queue", {"queue": "taxes"}),
]
"""What an inquiry goes through, some way of it, before people try anything at all."""

LABELS: dict[str, Any] = {
    "channel": st.none() | st.sampled_from(Channel),
    "language": AGENTS,
    "category": AGENTS,
    "district": AGENTS,
}
MORE_OFTEN = [
    command("classify", **LABELS),
    command("queue", queue=CODES),
    command("answer", agent=CODES, waited_ms=DURATIONS),
    command("abandon", waited_ms=DURATIONS),
    command("reply", agent=CODES, message=st.just(WORDS)),
    command("publish_praise", of=st.just(0), moderator=CODES, title=st.none() | st.just(WORDS)),
    command("withdraw_praise", of=st.just(0), moderator=CODES),
]
"""What changes earlier counts, and what is rarely possible."""


class Arrival(NamedTuple):
    """With what an inquiry begins, and how many of the usual steps it has gone through."""

    channel: Channel
    language: Code | None
    citizen: UUID | None
    usual: int

    def receive(self, at: datetime) -> Inquiry:
        return Inquiry.receive(
            uuid4(),
            at=at,
            contact=CALL,
            channel=self.channel,
            language=self.language,
            citizen=self.citizen,
        )


class Step(NamedTuple):
    """What people try to do with one of the inquiries, and when."""

    which: int
    at: datetime
    command: Command


class History(NamedTuple):
    """Inquiries that arrive at `begin`, and what happens to them in the log's order."""

    begin: datetime
    arrivals: list[Arrival]
    steps: list[Step]


@st.composite
def histories(draw: st.DrawFn, *, max_inquiries: int = 3) -> History:
    """Draw a history: annulment is final, so it comes at the end if at all."""
    begin = draw(st.sampled_from([NINE, BEFORE_MIDNIGHT]))
    pace = draw(st.sampled_from(PACES))
    arrivals = draw(st.lists(_arrivals, min_size=1, max_size=max_inquiries))
    steps = [
        Step(which, begin + pace * number, usual)
        for which, arrival in enumerate(arrivals)
        for number, usual in enumerate(USUAL[: arrival.usual], 3)
    ]
    attempts = draw(st.lists(_attempts, min_size=10, max_size=15 * len(arrivals)))
    attempts += draw(st.lists(ANNULMENT, max_size=2))
    any_inquiry = st.integers(0, len(arrivals) - 1)
    steps += [
        Step(draw(any_inquiry), begin + pace * (4 + number // 3 + draw(LATE_OR_EARLY)), attempt)
        for number, attempt in enumerate(attempts)
    ]
    return History(begin, arrivals, steps)


_arrivals = st.builds(
    Arrival,
    channel=st.sampled_from([Channel.PHONE, Channel.PHONE, *Channel]),
    language=st.none() | CODES,
    citizen=st.sampled_from([None, CITIZEN]),
    usual=st.integers(0, len(USUAL)),
)
_attempts = st.sampled_from([ANY] * 10 + MORE_OFTEN).flatmap(lambda drawn: drawn)


def record(log: Log, history: History, *, together: int = 1_000) -> Iterator[int]:
    """Append the history, `together` steps in a transaction, and yield the number appended.

    What a rule forbids is no matter: it records nothing.
    """
    inquiries = [arrival.receive(history.begin) for arrival in history.arrivals]
    for begin in range(0, len(history.steps), together):
        steps = history.steps[begin : begin + together]
        saved = log.inquiries.save_each(
            (inquiries[step.which], REQUEST) for step in steps if _happens(step, inquiries)
        )
        assert all(saved)
        yield len(saved)


def _happens(step: Step, inquiries: list[Inquiry]) -> bool:
    inquiry = inquiries[step.which]
    with suppress(InquiryError):
        Command(step.command.name, step.command.arguments | {"at": step.at})(inquiry)
    return bool(inquiry.pending_events)

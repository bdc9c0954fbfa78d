"""Random histories of a few inquiries at once, and how they come into a log."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

from domain.errors import InquiryError
from domain.inquiry import Inquiry
from domain.request import Request
from domain.vocabulary import Channel, Code
from eventlog.log import Log
from hypothesis import strategies as st

from tests.domain.building import CALL, CITIZEN, NINE
from tests.domain.commands import ANNULMENT, ANY, CODES, Command

REQUEST = Request(actor="agent:a017", cause="command:" + "0123456789abcdef" * 2)
BEFORE_MIDNIGHT = datetime(2012, 2, 28, 14, 59, 50, tzinfo=UTC)
"""Ten seconds before midnight in Seoul."""

PACES = [timedelta(seconds=7), timedelta(minutes=1), timedelta(minutes=25), timedelta(hours=9)]
"""Time from one step to the next: waits within every threshold, hours and days that differ."""

LATE_OR_EARLY = st.sampled_from([0] * 8 + [-1, -2, -5, 2])
"""How many paces a fact lies beside the time that its place in the history suggests."""


class Arrival(NamedTuple):
    """With what an inquiry begins."""

    channel: Channel
    language: Code | None
    citizen: UUID | None

    def receive(self, at: datetime) -> Inquiry:
        return Inquiry.receive(uuid4(), at=at, contact=CALL, **self._asdict())


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
    drawn = draw(st.lists(ANY, min_size=15 * len(arrivals), max_size=25 * len(arrivals)))
    drawn += draw(st.lists(ANNULMENT, max_size=2))
    which = st.integers(0, len(arrivals) - 1)
    steps = [
        Step(draw(which), begin + pace * (number // 4 + draw(LATE_OR_EARLY)), command)
        for number, command in enumerate(drawn)
    ]
    return History(begin, arrivals, steps)


_arrivals = st.builds(
    Arrival,
    channel=st.sampled_from([Channel.PHONE, Channel.PHONE, *Channel]),
    language=st.none() | CODES,
    citizen=st.sampled_from([None, CITIZEN]),
)


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
    try:
        Command(step.command.name, step.command.arguments | {"at": step.at})(inquiry)
    except InquiryError:
        pass
    return bool(inquiry.pending_events)

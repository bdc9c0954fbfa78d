"""A log with an event of every type, of which the later part restates the earlier; clock changes.

`tell_end` tells what was late, re-opened, re-classified and annulled of what `tell_beginning` told,
so that a history that is cut between the two reaches back over the cut.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from domain.events import CATALOGUE, InquiryEvent
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
    Sealed,
    TransferKind,
    code,
)
from eventlog.log import Log
from eventlog.record import encode, envelope
from eventlog.writer import Command
from projections.clocks import transitions
from tests.conftest import append
from tests.domain.building import ANOTHER, CALL, CITIZEN, KIM, MODERATOR, NINE, WATER, WORDS, YANG
from tests.eventlog.examples import REQUEST, example
from tests.projections.calls import abandoned, answered, call

HOUR = timedelta(hours=1)
PRECISE, NOTHING = timedelta(microseconds=1), timedelta()

CLOCK_CHANGES = {
    "Asia/Seoul": 1988,
    "America/New_York": 2012,
    "Europe/Berlin": 2012,
    "Australia/Lord_Howe": 2012,
    "Pacific/Chatham": 2012,
    "America/Caracas": 2016,
}
"""Zones, each with a year in which its clocks changed: by half an hour on Lord Howe and in Caracas,
there in the midst of an hour, and Chatham is 45 minutes from the whole hours."""


def hour(number: float) -> datetime:
    """Return the time so many hours after nine in Seoul."""
    return NINE + number * HOUR


@dataclass(frozen=True)
class Chronicle:
    """Inquiries that something is still to be told of, by what that is."""

    full: Inquiry
    """Has something of everything that is counted."""
    written: Inquiry
    """A text whose first reply comes to be known after a later one."""
    waiting: Inquiry
    """A call whose abandonment comes to be known late."""
    wrong: Inquiry
    """An inquiry that should not have been counted."""

    def inquiries(self) -> list[Inquiry]:
        return [self.full, self.written, self.waiting, self.wrong]


def tell_beginning(log: Log) -> Chronicle:
    """Append the first part: an event of every type but those that correct others."""
    told = tell_inquiries(log)
    _append_other_streams(log)
    return told


def tell_inquiries(log: Log) -> Chronicle:
    """Append the first part, less what is no inquiry's."""
    told = Chronicle(
        everything(), _written(), call(hour(2), "taxes", language=code("ko")), _wrong()
    )
    _save(log, *told.inquiries(), *_queues(), *_of_all_channels())
    return told


def tell_end(log: Log, told: Chronicle) -> None:
    """Append the second part: what was late, and what restates the first."""
    told.full.withdraw_praise(of=told.full.version - 3, moderator=MODERATOR, at=hour(30))
    told.full.reopen(reason=code("wrong"), at=hour(8))
    told.full.queue(queue=code("general"), at=hour(9))
    told.full.abandon(at=hour(9) + timedelta(milliseconds=20_001))
    told.full.classify(channel=Channel.VIDEO, category=code("taxes"), at=hour(10))
    told.full.link(other=told.wrong.id, kind=LinkKind.REPEAT, at=hour(11))
    told.written.reply(agent=KIM, message=WORDS, at=hour(1))
    told.written.resolve(outcome=Outcome.ANSWERED, agent=KIM, at=hour(12))
    told.written.classify(language=code("ja"), district=code("jung-gu"), at=hour(13))
    told.waiting.abandon(at=hour(2.5))
    told.wrong.classify(category=code("roads"), at=hour(14))
    told.wrong.annul(reason=AnnulReason.DUPLICATE, other=told.full.id, at=hour(15))
    _save(log, *told.inquiries())


def tell_clock_changes(log: Log) -> None:
    """Append calls on all sides of each clock change, and of the midnights around it."""
    _save(
        log, *(one for at in moments() for one in (answered(at, waited_ms=15_400), abandoned(at)))
    )


@cache
def moments() -> tuple[datetime, ...]:
    """Return the moments around the clock changes of the zones, in UTC."""
    found = []
    for name, year in CLOCK_CHANGES.items():
        zone = ZoneInfo(name)
        begin, end = (datetime(one, 1, 1, tzinfo=zone) for one in (year, year + 1))
        for turn, _ in transitions(zone, begin, end):
            day = turn.astimezone(zone).date()
            midnights = [
                datetime.combine(day + timedelta(days), time(), zone).astimezone(UTC)
                for days in (-1, 0, 1, 2)
            ]
            found += [at - before for at in (turn, *midnights) for before in (PRECISE, NOTHING)]
            found += [turn + n * timedelta(minutes=25) for n in range(-4, 5)]
    return tuple(at.astimezone(UTC) for at in found)


def everything() -> Inquiry:
    """Return an inquiry to which everything happens that leaves its labels as they are."""
    inquiry = Inquiry.receive(
        uuid4(),
        at=hour(0),
        channel=Channel.PHONE,
        language=code("ko"),
        category=code("water"),
        district=code("gangnam-gu"),
        contact=CALL,
        question=Plain("아침에 버스에 돈 가방을 놓고 내렸어요"),
        place=WORDS,
        attributes=WORDS,
        attachments=(example("inquiry.received.v1").attachments[0],),
        due_at=hour(72) + PRECISE,
    )
    inquiry.identify(citizen=CITIZEN, at=hour(0))
    inquiry.queue(queue=WATER, at=hour(0))
    inquiry.answer(agent=YANG, at=hour(0) + timedelta(seconds=15))
    _pass_on(inquiry)
    inquiry.end(ended_by=EndedBy.TRANSFER, at=hour(1), talk_ms=61_500, hold_ms=1_000, wrapup_ms=0)
    inquiry.note(ref=code("n"), kind=code("memo"), note=WORDS, at=hour(2))
    inquiry.resolve(outcome=Outcome.REFERRED, agent=YANG, resolution=WORDS, at=hour(3))
    for number, medium in enumerate(Medium):
        inquiry.follow_up(
            ref=code(medium),
            medium=medium,
            purpose=Purpose.CARE,
            message=WORDS,
            at=hour(4 + number),
        )
        inquiry.report_follow_up(
            of=inquiry.version, outcome=list(Delivery)[number % 2], at=hour(28), reason=code("r")
        )
    inquiry.rate(score=4, comment=WORDS, at=hour(7))
    inquiry.praise(ref=code("p1"), title=WORDS, story=WORDS, author=WORDS, at=hour(7), agent=YANG)
    inquiry.praise(ref=code("p2"), title=WORDS, story=WORDS, author=WORDS, at=hour(7))
    for of in (inquiry.version, inquiry.version - 1):
        inquiry.publish_praise(of=of, moderator=MODERATOR, at=hour(29), title=Plain("고마워요 120"))
    return inquiry


def _pass_on(inquiry: Inquiry) -> None:
    """Let an interpreter join, an agency be asked and reply, and another agency take over."""
    for number, (kind, to, holds) in enumerate(
        [
            (TransferKind.INTERPRETER, "ja", False),
            (TransferKind.AGENCY, "bus", False),
            (TransferKind.AGENT, "a2", True),
            (TransferKind.AGENCY, "taxi", True),
        ]
    ):
        inquiry.transfer(
            ref=code(f"t{number}"),
            kind=kind,
            to=code(to),
            holds=holds,
            from_agent=YANG,
            at=hour(0.5) + timedelta(minutes=number),
        )
    inquiry.agency_reply(of=inquiry.version - 2, outcome=code("found"), at=hour(26), reply=WORDS)


def _written() -> Inquiry:
    inquiry = Inquiry.receive(uuid4(), at=hour(0), channel=Channel.SMS, contact=CALL)
    inquiry.reply(agent=YANG, message=WORDS, at=hour(3))
    return inquiry


def _wrong() -> Inquiry:
    inquiry = answered(hour(3), "taxes", citizen=ANOTHER, district=code("jung-gu"))
    inquiry.resolve(outcome=Outcome.ANSWERED, agent=code("a1"), at=hour(4))
    inquiry.praise(ref=code("p"), title=WORDS, story=WORDS, author=WORDS, at=hour(5))
    return inquiry


def _queues() -> Iterator[Inquiry]:
    """Yield calls that leave a queue in each way, at waits on both sides of each threshold."""
    yield call(hour(40))
    for reason in LeaveReason:
        inquiry = Inquiry.receive(uuid4(), at=hour(5), channel=Channel.PHONE, contact=CALL)
        if reason in (LeaveReason.FULL, LeaveReason.CLOSED):
            inquiry.turn_away(queue=code("general"), reason=reason, at=hour(5))
        else:
            inquiry.queue(queue=code("general"), at=hour(5))
            inquiry.leave_queue(reason=reason, at=hour(5.5))
        yield inquiry
    for second in (0, 5, 10, 15, 20, 30, 60, 120, 121):
        yield answered(hour(20), waited_ms=second * 1000, language=code("en"))
        yield abandoned(hour(20), waited_ms=second * 1000 + 1)


def _of_all_channels() -> Iterator[Inquiry]:
    """Yield an inquiry of each channel, taken up without a queue; the conversation goes on."""
    for channel in Channel:
        inquiry = Inquiry.receive(uuid4(), at=hour(6), channel=channel, contact=CALL)
        inquiry.answer(agent=KIM, at=hour(6.1))
        yield inquiry


def _append_other_streams(log: Log) -> None:
    """Append an event of every type that is not an inquiry's, each in a stream of its own."""
    for name, fact in CATALOGUE.items():
        if not issubclass(fact, InquiryEvent):
            append_fact(log, uuid4(), 1, example(name))


def append_fact(log: Log, stream: UUID, version: int, fact: Any) -> None:
    """Append a fact as it is, whatever the domain would say of it."""
    record = envelope(
        source=f"/dasan/{log.settings.city}", request=REQUEST, stream=stream, version=version,
        time=fact.timestamp, type_=fact.TYPE, data=encode(fact, _never_sealed),
    )  # fmt: skip
    append(log, Command([record]))


def _never_sealed(name: str, text: str) -> Sealed:
    raise AssertionError(f"nothing to seal in {name}: {text}")


def _save(log: Log, *inquiries: Inquiry) -> None:
    assert all(log.inquiries.save_each((one, REQUEST) for one in inquiries if one.pending_events))

"""Calls told in one line, and questions about them."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from domain.inquiry import Inquiry
from domain.vocabulary import Channel, EndedBy, code
from projections.answer import Answer, Row, answer
from projections.question import Question
from tests.domain.building import CALL
from tests.projections.city import City

SEOUL = ZoneInfo("Asia/Seoul")
MIDNIGHT = datetime(2012, 2, 29, tzinfo=SEOUL)
NEXT_MIDNIGHT = MIDNIGHT + timedelta(days=1)
MS = timedelta(milliseconds=1)


def call(at: datetime, queue: str = "general", **labels: Any) -> Inquiry:
    """A call that waits in a queue."""
    inquiry = Inquiry.receive(uuid4(), at=at, channel=Channel.PHONE, contact=CALL, **labels)
    inquiry.queue(queue=code(queue), at=at)
    return inquiry


def answered(
    at: datetime,
    queue: str = "general",
    *,
    waited_ms: int = 10_000,
    agent: str = "a1",
    **labels: Any,
) -> Inquiry:
    """A call that an agent answered after a wait, and that is over a minute later."""
    inquiry = call(at, queue, **labels)
    begun = at + waited_ms * MS
    inquiry.answer(agent=code(agent), at=begun)
    over = begun + timedelta(minutes=1)
    inquiry.end(ended_by=EndedBy.CITIZEN, at=over, talk_ms=60_000, wrapup_ms=5_000)
    return inquiry


def abandoned(
    at: datetime, queue: str = "general", *, waited_ms: int = 10_000, **labels: Any
) -> Inquiry:
    """A call whose citizen hung up after a wait."""
    inquiry = call(at, queue, **labels)
    inquiry.abandon(at=at + waited_ms * MS)
    return inquiry


def asked(
    city: City,
    *by: str,
    begin: datetime = MIDNIGHT,
    end: datetime = NEXT_MIDNIGHT,
    timezone: ZoneInfo = SEOUL,
    **more: Any,
) -> Answer:
    """Ask for the 29th of February unless told otherwise."""
    return answer(city.connection, Question(begin, end, timezone, by or ("total",), **more))


def rows(city: City, *by: str, **more: Any) -> list[Row]:
    return asked(city, *by, **more).rows


def row(city: City, *by: str, **more: Any) -> Row:
    [only] = rows(city, *by, **more)
    return only


def counted(found: list[Row], name: str) -> dict[Any, Any]:
    """Return one sum of the rows that have any of it, by their labels or else their beginnings."""
    return {
        tuple(row.labels.values()) or row.begin.isoformat(): row.sums[name]
        for row in found
        if row.sums[name]
    }

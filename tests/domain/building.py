"""Inquiries in the states that tests begin with, and the words that they are made of.

A builder hands out its inquiry with nothing pending: what `recorded` then shows came of the test.
"""

from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID

from domain.events import InquiryEvent
from domain.inquiry import Inquiry
from domain.vocabulary import (
    Channel,
    Code,
    Contact,
    EndedBy,
    Medium,
    Outcome,
    Plain,
    Purpose,
    TransferKind,
    code,
    digest,
)

Fact = TypeVar("Fact", bound=InquiryEvent)

NINE = datetime(2012, 2, 29, 0, 0, tzinfo=UTC)
"""Nine in the morning in Seoul, when the builders' inquiries arrive."""

ONE = UUID(int=1)
ANOTHER = UUID(int=2)
CITIZEN = UUID(int=120)

YANG = code("a017")
KIM = code("a120")
WATER = code("water")
TAXES = code("taxes")
CALL = Contact(code("pbx"), digest("0" * 32))
NEXT_CALL = Contact(code("pbx"), digest("1" * 32))
DISTRICT_OFFICE = code("gangdong-gu")
MODERATOR = code("m001")
WORDS = Plain("감사합니다")


def after(seconds: int = 0, *, minutes: int = 0) -> datetime:
    """Return the instant so long after nine."""
    return NINE + timedelta(seconds=seconds, minutes=minutes)


def recorded(inquiry: Inquiry) -> list[type[object]]:
    """Return the kinds of fact that were recorded since, in order."""
    return [type(fact) for fact in inquiry.collect_events()]


def only(inquiry: Inquiry, kind: type[Fact]) -> Fact:
    """Return the one fact that was recorded since."""
    [fact] = inquiry.collect_events()
    assert isinstance(fact, kind)
    return fact


def received(channel: Channel = Channel.PHONE, contact: Contact | None = CALL) -> Inquiry:
    """An inquiry arrived at nine."""
    return _settled(Inquiry.receive(ONE, at=NINE, channel=channel, contact=contact))


def queued() -> Inquiry:
    """A call that waits for water since nine."""
    inquiry = received()
    inquiry.queue(queue=WATER, at=NINE)
    return _settled(inquiry)


def answered() -> Inquiry:
    """A call that Yang answered after 10 seconds."""
    inquiry = queued()
    inquiry.answer(agent=YANG, at=after(10))
    return _settled(inquiry)


def ended() -> Inquiry:
    """A call that Yang answered and that is over after two minutes."""
    inquiry = answered()
    inquiry.end(ended_by=EndedBy.CITIZEN, at=after(minutes=2))
    return _settled(inquiry)


def abandoned() -> Inquiry:
    """A call whose citizen hung up after 20 seconds in the queue."""
    inquiry = queued()
    inquiry.abandon(at=after(20))
    return _settled(inquiry)


def taken_up() -> Inquiry:
    """A text message that Yang took up after a minute."""
    inquiry = received(Channel.SMS)
    inquiry.answer(agent=YANG, at=after(minutes=1))
    return _settled(inquiry)


def asked(*, holds: bool = False) -> Inquiry:
    """A call that is over, whose question was put to the district office after three minutes."""
    inquiry = ended()
    inquiry.transfer(
        ref=code("t1"),
        kind=TransferKind.AGENCY,
        to=DISTRICT_OFFICE,
        at=after(minutes=3),
        from_agent=YANG,
        holds=holds,
    )
    return _settled(inquiry)


def resolved() -> Inquiry:
    """A call that Yang resolved after five minutes."""
    inquiry = ended()
    resolve(inquiry, agent=YANG, at=after(minutes=5))
    return _settled(inquiry)


def reopened() -> Inquiry:
    """A call that Yang resolved, and that came back after an hour."""
    inquiry = resolved()
    inquiry.reopen(reason=code("wrong"), at=after(minutes=60))
    return _settled(inquiry)


def followed_up() -> Inquiry:
    """A call that is over, with a text message sent after ten minutes."""
    inquiry = ended()
    follow_up(inquiry, at=after(minutes=10))
    return _settled(inquiry)


def praised() -> Inquiry:
    """A resolved call whose citizen wrote a story after an hour."""
    inquiry = resolved()
    praise(inquiry, at=after(minutes=60))
    return _settled(inquiry)


def resolve(inquiry: Inquiry, *, agent: Code | None, at: datetime) -> None:
    """Resolve as answered."""
    inquiry.resolve(outcome=Outcome.ANSWERED, agent=agent, at=at)


def follow_up(inquiry: Inquiry, *, at: datetime, ref: str = "f1") -> None:
    """Send a text message with information."""
    inquiry.follow_up(
        ref=code(ref), medium=Medium.SMS, purpose=Purpose.INFORMATION, message=WORDS, at=at
    )


def praise(inquiry: Inquiry, *, at: datetime, ref: str = "p1") -> None:
    """Praise Yang."""
    inquiry.praise(ref=code(ref), title=WORDS, story=WORDS, author=WORDS, at=at, agent=YANG)


def _settled(inquiry: Inquiry) -> Inquiry:
    inquiry.collect_events()
    return inquiry

"""A log like a real day's: calls and messages, many at a time, from arrival to rating."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from uuid_utils.compat import uuid7

from benchmarks.saves import QUESTION
from domain.inquiry import Inquiry
from domain.request import Request
from domain.vocabulary import Channel, Code, Contact, EndedBy, Outcome, Plain, TransferKind
from eventlog.keys import Keys
from eventlog.log import Log

BEGIN = datetime(2012, 2, 28, 15, tzinfo=UTC)  # midnight in Seoul
BETWEEN_ARRIVALS = timedelta(seconds=86_400 / 37_000)
AT_A_TIME = 500
"""Inquiries that go on together, so that their events mingle in the log."""

QUEUES = [Code(name) for name in ("general", "transport", "water", "tax", "welfare", "foreign")]
CATEGORIES = [Code(f"category-{number:02}") for number in range(40)]
DISTRICTS = [Code(f"district-{number:02}") for number in range(25)]
CLASSIFIED_LATE = 0.3
"""Share of the answered calls that get labels at wrap-up; a written inquiry brings its own."""

AGENTS = [Code(f"a{number:03}") for number in range(524)]
AGENCIES = [Code(f"agency-{number:02}") for number in range(30)]

Life = Iterator[Inquiry]
"""Yields its inquiry whenever something has happened that is to be saved."""


def load(log: Log, events: int) -> int:
    """Append at least `events` events and return how many it were."""
    chance = random.Random(120)
    request = Request(actor="import:day", cause=log.keys.cause("message", "day"))
    lives = _lives(chance, log.keys)
    going = [next(lives) for _ in range(AT_A_TIME)]
    appended = 0
    while appended < events:
        changes = []
        for place, life in enumerate(going):
            inquiry = next(life, None)
            while inquiry is None:
                going[place] = next(lives)
                inquiry = next(going[place], None)
            appended += len(inquiry.pending_events)
            changes.append((inquiry, request))
        assert all(log.inquiries.save_each(changes))
    return appended


def _lives(chance: random.Random, keys: Keys) -> Iterator[Life]:
    at = BEGIN
    while True:
        at += BETWEEN_ARRIVALS
        inquiry_id = uuid7()
        contact = keys.contact("day", str(inquiry_id))
        if chance.random() < 0.85:
            yield _call(chance, _received(chance, at, Channel.PHONE, contact))
        else:
            channel = chance.choice([Channel.SMS, Channel.INTERNET, Channel.SNS])
            yield _message(chance, _received(chance, at, channel, contact))


def _received(chance: random.Random, at: datetime, channel: Channel, contact: Contact) -> Inquiry:
    return Inquiry.receive(
        uuid7(),
        at=at,
        channel=channel,
        language=chance.choice([Code("ko")] * 19 + [Code("en")]),
        category=None if channel is Channel.PHONE else chance.choice(CATEGORIES),
        district=None if channel is Channel.PHONE else chance.choice(DISTRICTS),
        contact=contact,
        question=None if channel is Channel.PHONE else Plain(QUESTION),
    )


def _call(chance: random.Random, inquiry: Inquiry) -> Life:
    at = inquiry.received_at
    inquiry.queue(queue=chance.choice(QUEUES), at=at)
    yield inquiry
    at += timedelta(milliseconds=chance.expovariate(1 / 15_000))
    if chance.random() < 0.08:
        inquiry.abandon(at=at)
        yield inquiry
        return
    agent = chance.choice(AGENTS)
    inquiry.answer(agent=agent, at=at)
    yield inquiry
    talk_ms = round(chance.expovariate(1 / 120_000))
    at += timedelta(milliseconds=talk_ms)
    inquiry.end(ended_by=EndedBy.CITIZEN, at=at, talk_ms=talk_ms, hold_ms=0, wrapup_ms=9_000)
    if chance.random() < CLASSIFIED_LATE:
        inquiry.classify(
            category=chance.choice(CATEGORIES), district=chance.choice(DISTRICTS), at=at
        )
    yield inquiry
    if chance.random() < 0.05:
        agency = chance.choice(AGENCIES)
        inquiry.transfer(ref=Code("t1"), kind=TransferKind.AGENCY, to=agency, at=at)
        asked = inquiry.version
        yield inquiry
        at += timedelta(hours=2)
        inquiry.agency_reply(of=asked, outcome=Code("done"), at=at)
    yield from _settled(chance, inquiry, agent, at)


def _message(chance: random.Random, inquiry: Inquiry) -> Life:
    yield inquiry
    agent = chance.choice(AGENTS)
    at = inquiry.received_at + timedelta(minutes=chance.expovariate(1 / 20))
    inquiry.reply(agent=agent, message=Plain(QUESTION), at=at)
    yield from _settled(chance, inquiry, agent, at)


def _settled(chance: random.Random, inquiry: Inquiry, agent: Code, at: datetime) -> Life:
    if chance.random() < 0.9:
        inquiry.resolve(outcome=Outcome.ANSWERED, agent=agent, at=at)
    if inquiry.pending_events:
        yield inquiry
    if inquiry.resolution and chance.random() < 0.1:
        inquiry.rate(score=chance.choice([3, 4, 5]), at=at + timedelta(hours=1))
        yield inquiry

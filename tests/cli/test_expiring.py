from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID, uuid4

import pytest

from cli.ending import Forgotten, end_forgotten
from domain.events import Ended, InquiryEvent, LeftQueue
from domain.inquiry import Inquiry
from domain.vocabulary import AnnulReason, Channel, EndedBy, LeaveReason, Outcome, Status
from eventlog.log import Log
from eventlog.reader import read
from eventlog.record import decode
from projections.runner import Runner
from tests.domain.building import CALL, WATER, YANG, after
from tests.projections.histories import REQUEST

Fact = TypeVar("Fact", bound=InquiryEvent)

DAY = timedelta(hours=24)
ENTERED = after(1)
ANSWERED = after(10)
TOMORROW = ANSWERED + DAY
NOTHING = Forgotten(conversations=0, waits=0)


def talking(channel: Channel = Channel.PHONE, answered: datetime = ANSWERED) -> Inquiry:
    """An inquiry whose conversation nobody has ended."""
    inquiry = Inquiry.receive(uuid4(), at=after(0), channel=channel, contact=CALL)
    if channel is Channel.PHONE:
        inquiry.queue(queue=WATER, at=after(1))
    inquiry.answer(agent=YANG, at=answered)
    return inquiry


def save(log: Log, *inquiries: Inquiry) -> None:
    assert all(log.inquiries.save_each((inquiry, REQUEST) for inquiry in inquiries))


def waiting(entered: datetime = ENTERED) -> Inquiry:
    """A call in a queue of which nothing was heard any more."""
    inquiry = Inquiry.receive(uuid4(), at=after(0), channel=Channel.PHONE, contact=CALL)
    inquiry.queue(queue=WATER, at=entered)
    return inquiry


def facts(log: Log, kind: type[Fact]) -> dict[UUID, Fact]:
    """Return the last fact of a kind of each inquiry."""
    with log.database.connect() as connection:
        told = [decode(stored.record) for stored in read(connection, after=0)]
    return {fact.originator_id: fact for fact in told if isinstance(fact, kind)}


def ends(log: Log) -> dict[UUID, Ended]:
    return facts(log, Ended)


@pytest.fixture
def forgotten(log: Log) -> list[Inquiry]:
    """Two conversations, with a visit and without one."""
    inquiries = [talking(), talking(Channel.SNS)]
    save(log, *inquiries)
    return inquiries


def test_conversations_end_24_hours_after_they_began(log: Log, forgotten: list[Inquiry]) -> None:
    call, text = forgotten

    assert end_forgotten(log, now=TOMORROW + DAY) == Forgotten(conversations=2, waits=0)

    for inquiry in (call, text):
        end = ends(log)[inquiry.id]
        assert (end.ended_by, end.talk_ms, end.agent) == (EndedBy.UNKNOWN, None, YANG)
        assert end.timestamp == TOMORROW
        assert log.inquiries.get(inquiry.id).status is Status.RECEIVED
    assert ends(log)[call.id].visit == 1


@pytest.mark.usefixtures("forgotten")
def test_a_second_run_does_nothing(log: Log) -> None:
    end_forgotten(log, now=TOMORROW)

    assert end_forgotten(log, now=TOMORROW + DAY) == NOTHING
    assert len(ends(log)) == 2


def test_what_is_younger_over_or_taken_back_is_left_alone(log: Log) -> None:
    young, over, phantom = talking(answered=after(11)), talking(), talking()
    over.end(ended_by=EndedBy.AGENT, at=after(60), talk_ms=50_000)
    phantom.annul(reason=AnnulReason.PHANTOM, at=after(60))
    save(log, young, over, phantom)

    assert end_forgotten(log, now=TOMORROW) == NOTHING
    assert {*ends(log)} == {over.id}


def test_a_resolved_inquiry_may_have_a_conversation_to_end(log: Log) -> None:
    inquiry = talking()
    inquiry.resolve(outcome=Outcome.ANSWERED, agent=YANG, at=after(60))
    save(log, inquiry)

    assert end_forgotten(log, now=TOMORROW) == Forgotten(conversations=1, waits=0)
    assert log.inquiries.get(inquiry.id).status is Status.RESOLVED


def test_a_conversation_beside_a_younger_one_ends_when_both_are_old(log: Log) -> None:
    inquiry = talking(Channel.SNS)
    inquiry.queue(queue=WATER, at=after(20))
    inquiry.answer(agent=YANG, at=after(30), visit=1)
    save(log, inquiry)

    first = end_forgotten(log, now=TOMORROW)
    then = end_forgotten(log, now=after(30) + DAY)

    assert (first, then) == (NOTHING, Forgotten(conversations=2, waits=0))


def test_waits_are_over_24_hours_after_they_began(log: Log) -> None:
    inquiry = waiting()
    save(log, inquiry)

    assert end_forgotten(log, now=TOMORROW + DAY) == Forgotten(conversations=0, waits=1)

    left = facts(log, LeftQueue)[inquiry.id]
    assert (left.reason, left.visit, left.queue) == (LeaveReason.LOST, 1, WATER)
    assert (left.enqueued_at, left.timestamp) == (ENTERED, ENTERED + DAY)
    assert left.waited_ms is None
    assert log.inquiries.get(inquiry.id).status is Status.ABANDONED


def test_a_wait_is_lost_once(log: Log) -> None:
    save(log, waiting())
    end_forgotten(log, now=TOMORROW)

    assert end_forgotten(log, now=TOMORROW + DAY) == NOTHING
    assert len(facts(log, LeftQueue)) == 1


def test_a_wait_that_is_younger_over_or_taken_back_goes_on(log: Log) -> None:
    young, over, phantom = waiting(after(11)), waiting(), waiting()
    over.leave_queue(reason=LeaveReason.KEY, at=after(60))
    phantom.annul(reason=AnnulReason.PHANTOM, at=after(60))
    save(log, young, over, phantom)

    assert end_forgotten(log, now=TOMORROW) == NOTHING
    assert {*facts(log, LeftQueue)} == {over.id}
    assert log.inquiries.get(young.id).status is Status.QUEUED


def test_of_several_visits_the_old_ones_are_lost(log: Log) -> None:
    inquiry = waiting()
    inquiry.queue(queue=WATER, at=after(20))
    save(log, inquiry)

    first = end_forgotten(log, now=TOMORROW)
    status = log.inquiries.get(inquiry.id).status
    then = end_forgotten(log, now=after(20) + DAY)

    assert (first.waits, status, then.waits) == (1, Status.QUEUED, 1)


def test_a_wait_beside_a_conversation_ends_with_it(log: Log) -> None:
    inquiry = talking()
    inquiry.queue(queue=WATER, at=after(5))
    save(log, inquiry)

    assert end_forgotten(log, now=TOMORROW) == Forgotten(conversations=1, waits=1)


def test_who_was_lost_counts_as_left_and_their_wait_as_none(log: Log) -> None:
    save(log, waiting())
    end_forgotten(log, now=TOMORROW)

    with log.database.connect() as connection:
        Runner(connection).catch_up()
        row = connection.execute(
            "SELECT sum(offered), sum(left_queue), sum(blocked), sum(abandoned),"
            " sum(abandoned_waited_ms) FROM kpi.hourly"
        ).fetchone()

    assert row == (1, 1, 0, 0, 0)


def test_many_end_in_several_batches(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.ending.INQUIRIES_AT_ONCE", 2)
    save(log, *(talking() for _ in range(5)), *(waiting() for _ in range(4)))

    assert end_forgotten(log, now=TOMORROW) == Forgotten(conversations=5, waits=4)


def test_two_runs_at_once_end_each_conversation_and_each_wait_once(log: Log) -> None:
    save(log, *(talking() for _ in range(50)), *(waiting() for _ in range(50)))

    with ThreadPoolExecutor(2) as threads:
        ended = list(threads.map(lambda _: end_forgotten(log, now=TOMORROW), range(2)))

    assert sum(one.conversations for one in ended) == 50
    assert sum(one.waits for one in ended) == 50
    assert len(ends(log)) == 50
    assert len(facts(log, LeftQueue)) == 50

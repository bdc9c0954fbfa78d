from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from cli.ending import end_forgotten
from domain.events import Ended
from domain.inquiry import Inquiry
from domain.vocabulary import AnnulReason, Channel, EndedBy, Outcome, Status
from eventlog.log import Log
from eventlog.reader import read
from eventlog.record import decode
from tests.domain.building import CALL, WATER, YANG, after
from tests.projections.histories import REQUEST

DAY = timedelta(hours=24)
ANSWERED = after(10)
TOMORROW = ANSWERED + DAY


def talking(channel: Channel = Channel.PHONE, answered: datetime = ANSWERED) -> Inquiry:
    """An inquiry whose conversation nobody has ended."""
    inquiry = Inquiry.receive(uuid4(), at=after(0), channel=channel, contact=CALL)
    if channel is Channel.PHONE:
        inquiry.queue(queue=WATER, at=after(1))
    inquiry.answer(agent=YANG, at=answered)
    return inquiry


def save(log: Log, *inquiries: Inquiry) -> None:
    assert all(log.inquiries.save_each((inquiry, REQUEST) for inquiry in inquiries))


def ends(log: Log) -> dict[UUID, Ended]:
    with log.database.connect() as connection:
        facts = [decode(stored.record) for stored in read(connection, after=0)]
    return {fact.originator_id: fact for fact in facts if isinstance(fact, Ended)}


@pytest.fixture
def forgotten(log: Log) -> list[Inquiry]:
    """Two conversations, with a visit and without one."""
    inquiries = [talking(), talking(Channel.SNS)]
    save(log, *inquiries)
    return inquiries


def test_conversations_end_24_hours_after_they_began(log: Log, forgotten: list[Inquiry]) -> None:
    call, text = forgotten

    assert end_forgotten(log, now=TOMORROW + DAY) == 2

    for inquiry in (call, text):
        end = ends(log)[inquiry.id]
        assert (end.ended_by, end.talk_ms, end.agent) == (EndedBy.UNKNOWN, None, YANG)
        assert end.timestamp == TOMORROW
        assert log.inquiries.get(inquiry.id).status is Status.RECEIVED
    assert ends(log)[call.id].visit == 1


@pytest.mark.usefixtures("forgotten")
def test_a_second_run_does_nothing(log: Log) -> None:
    end_forgotten(log, now=TOMORROW)

    assert end_forgotten(log, now=TOMORROW + DAY) == 0
    assert len(ends(log)) == 2


def test_what_is_younger_over_or_taken_back_is_left_alone(log: Log) -> None:
    young, over, phantom = talking(answered=after(11)), talking(), talking()
    over.end(ended_by=EndedBy.AGENT, at=after(60), talk_ms=50_000)
    phantom.annul(reason=AnnulReason.PHANTOM, at=after(60))
    save(log, young, over, phantom)

    assert end_forgotten(log, now=TOMORROW) == 0
    assert {*ends(log)} == {over.id}


def test_a_resolved_inquiry_may_have_a_conversation_to_end(log: Log) -> None:
    inquiry = talking()
    inquiry.resolve(outcome=Outcome.ANSWERED, agent=YANG, at=after(60))
    save(log, inquiry)

    assert end_forgotten(log, now=TOMORROW) == 1
    assert log.inquiries.get(inquiry.id).status is Status.RESOLVED


def test_a_conversation_beside_a_younger_one_ends_when_both_are_old(log: Log) -> None:
    inquiry = talking(Channel.SNS)
    inquiry.queue(queue=WATER, at=after(20))
    inquiry.answer(agent=YANG, at=after(30), visit=1)
    save(log, inquiry)

    first = end_forgotten(log, now=TOMORROW)
    then = end_forgotten(log, now=after(30) + DAY)

    assert (first, then) == (0, 2)


def test_many_end_in_several_batches(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.ending.INQUIRIES_AT_ONCE", 2)
    save(log, *(talking() for _ in range(5)))

    assert end_forgotten(log, now=TOMORROW) == 5


def test_two_runs_at_once_end_each_conversation_once(log: Log) -> None:
    save(log, *(talking() for _ in range(50)))

    with ThreadPoolExecutor(2) as threads:
        ended = list(threads.map(lambda _: end_forgotten(log, now=TOMORROW), range(2)))

    assert sum(ended) == 50
    assert len(ends(log)) == 50

"""Rules go by what is known, not by the order in which it is told."""

import pytest

from domain.errors import ImpossibleTimeError, VisitOverError
from domain.events import Abandoned, Answered, Ended, Queued, Resolved, Transferred
from domain.inquiry import Inquiry
from domain.vocabulary import EndedBy, Status, TransferKind, code
from tests.domain.building import (
    CALL,
    KIM,
    NEXT_CALL,
    NINE,
    TAXES,
    WATER,
    YANG,
    abandoned,
    after,
    answered,
    ended,
    only,
    queued,
    received,
    recorded,
    resolve,
    resolved,
)


def answered_by_kim_while_yangs_answer_is_on_its_way() -> Inquiry:
    inquiry = queued()
    inquiry.queue(queue=TAXES, at=after(minutes=2), contact=NEXT_CALL)
    inquiry.answer(agent=KIM, at=after(minutes=3), visit=2)
    recorded(inquiry)
    return inquiry


def test_an_answer_that_is_told_late_keeps_its_own_time() -> None:
    inquiry = answered_by_kim_while_yangs_answer_is_on_its_way()

    inquiry.answer(agent=YANG, at=after(10), visit=1)

    fact = only(inquiry, Answered)
    assert (fact.timestamp, fact.waited_ms, fact.contact) == (after(10), 10_000, CALL)


def test_the_first_agent_is_first_in_the_world_even_if_told_last() -> None:
    inquiry = answered_by_kim_while_yangs_answer_is_on_its_way()
    inquiry.answer(agent=YANG, at=after(10), visit=1)
    recorded(inquiry)

    resolve(inquiry, agent=KIM, at=after(minutes=5))

    fact = only(inquiry, Resolved)
    assert (fact.first_answered_at, fact.by_first_agent) == (after(10), False)


def test_who_held_last_in_the_world_holds_even_if_an_earlier_answer_is_told_last() -> None:
    inquiry = answered_by_kim_while_yangs_answer_is_on_its_way()

    inquiry.answer(agent=YANG, at=after(10), visit=1)

    assert inquiry.holder == KIM


def test_an_arrival_that_is_told_late_keeps_its_own_time() -> None:
    inquiry = received()
    inquiry.queue(queue=TAXES, at=after(60), contact=NEXT_CALL)
    recorded(inquiry)

    inquiry.queue(queue=WATER, at=after(5))

    fact = only(inquiry, Queued)
    assert (fact.visit, fact.timestamp) == (2, after(5))


def test_a_hangup_that_is_told_late_keeps_its_own_time() -> None:
    inquiry = queued()
    inquiry.queue(queue=TAXES, at=after(60), contact=NEXT_CALL)
    recorded(inquiry)

    inquiry.abandon(at=after(20), visit=1)

    fact = only(inquiry, Abandoned)
    assert (fact.timestamp, fact.waited_ms) == (after(20), 20_000)


def test_an_answer_before_the_known_hangup_is_impossible() -> None:
    inquiry = abandoned()

    with pytest.raises(VisitOverError):
        inquiry.answer(agent=YANG, at=after(15), visit=1)

    assert recorded(inquiry) == []


def test_an_end_that_is_told_after_the_resolution_is_taken() -> None:
    inquiry = answered()
    resolve(inquiry, agent=YANG, at=after(60))
    recorded(inquiry)

    inquiry.end(ended_by=EndedBy.CITIZEN, at=after(50), talk_ms=40_000)

    assert only(inquiry, Ended).timestamp == after(50)
    assert inquiry.status is Status.RESOLVED


def test_a_late_hangup_does_not_reopen() -> None:
    inquiry = resolved()
    inquiry.queue(queue=WATER, at=after(30), contact=NEXT_CALL)

    inquiry.abandon(at=after(45), visit=2)

    assert inquiry.status is Status.RESOLVED


def test_a_transfer_from_before_the_resolution_is_taken_after_it() -> None:
    inquiry = resolved()

    inquiry.transfer(ref=code("t1"), kind=TransferKind.AGENT, to=KIM, at=after(minutes=4))

    fact = only(inquiry, Transferred)
    assert (fact.timestamp, fact.hop) == (after(minutes=4), 1)


def test_a_transfer_and_then_the_answer_before_it_leave_the_new_holder() -> None:
    inquiry = queued()
    inquiry.transfer(ref=code("t1"), kind=TransferKind.AGENT, to=KIM, at=after(60), from_agent=YANG)

    inquiry.answer(agent=YANG, at=after(10))

    assert inquiry.holder == KIM


def test_an_end_before_the_known_answer_is_impossible() -> None:
    inquiry = answered()

    with pytest.raises(ImpossibleTimeError):
        inquiry.end(ended_by=EndedBy.CITIZEN, at=NINE)

    assert recorded(inquiry) == []


def test_a_call_back_after_the_end_is_a_visit_of_its_own() -> None:
    inquiry = ended()

    inquiry.queue(queue=WATER, at=after(minutes=3), contact=NEXT_CALL)
    inquiry.answer(agent=KIM, at=after(minutes=4))

    assert recorded(inquiry) == [Queued, Answered]


def test_a_time_without_an_offset_is_refused_by_name() -> None:
    naive = after(minutes=6).replace(tzinfo=None)
    inquiry = resolved()

    with pytest.raises(ImpossibleTimeError):
        inquiry.transfer(ref=code("t1"), kind=TransferKind.AGENT, to=KIM, at=naive)

    assert recorded(inquiry) == []

import pytest

from domain.errors import (
    ImpossibleTimeError,
    NoArrivalError,
    VisitOverError,
)
from domain.events import Answered
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
    only,
    queued,
    received,
    recorded,
)


def test_a_visit_is_answered_with_its_wait() -> None:
    inquiry = queued()

    inquiry.answer(agent=YANG, at=after(15))

    fact = only(inquiry, Answered)
    assert (fact.contact, fact.queue, fact.visit) == (CALL, WATER, 1)
    assert (fact.agent, fact.enqueued_at, fact.timestamp) == (YANG, NINE, after(15))
    assert fact.waited_ms == 15_000


def test_the_source_knows_the_wait_better_than_the_clock() -> None:
    inquiry = queued()

    inquiry.answer(agent=YANG, at=after(15), waited_ms=15_400)

    assert only(inquiry, Answered).waited_ms == 15_400


def test_a_wait_of_nothing_counts() -> None:
    inquiry = queued()

    inquiry.answer(agent=YANG, at=NINE)

    assert only(inquiry, Answered).waited_ms == 0


def test_no_wait_is_negative() -> None:
    inquiry = queued()

    with pytest.raises(ImpossibleTimeError):
        inquiry.answer(agent=YANG, at=after(15), waited_ms=-1)

    assert recorded(inquiry) == []


def test_there_is_no_answer_without_an_arrival() -> None:
    inquiry = received()

    with pytest.raises(NoArrivalError):
        inquiry.answer(agent=YANG, at=after(15), visit=1)

    assert recorded(inquiry) == []


def test_when_two_visits_wait_the_answer_names_one() -> None:
    inquiry = queued()
    inquiry.queue(queue=TAXES, at=after(1), contact=NEXT_CALL)
    recorded(inquiry)

    with pytest.raises(NoArrivalError):
        inquiry.answer(agent=YANG, at=after(15))
    inquiry.answer(agent=YANG, at=after(15), visit=2)

    assert only(inquiry, Answered).contact == NEXT_CALL


def test_a_wait_cannot_end_before_it_began() -> None:
    inquiry = received()
    inquiry.queue(queue=WATER, at=after(30))
    recorded(inquiry)

    with pytest.raises(ImpossibleTimeError):
        inquiry.answer(agent=YANG, at=after(29))

    assert recorded(inquiry) == []


def test_one_visit_is_not_answered_by_two_agents() -> None:
    inquiry = answered()

    with pytest.raises(VisitOverError):
        inquiry.answer(agent=KIM, at=after(11), visit=1)

    assert recorded(inquiry) == []


def test_a_call_whose_visit_is_over_is_not_answered_beside_the_queue() -> None:
    inquiry = abandoned()

    with pytest.raises(VisitOverError):
        inquiry.answer(agent=YANG, at=after(30))

    assert recorded(inquiry) == []


@pytest.mark.parametrize("visit", [None, 1])
def test_an_answer_that_is_told_twice_counts_once(visit: int | None) -> None:
    inquiry = answered()

    inquiry.answer(agent=YANG, at=after(10), visit=visit)

    assert recorded(inquiry) == []


def test_an_answer_that_is_told_twice_does_not_answer_the_next_visit() -> None:
    inquiry = answered()
    inquiry.queue(queue=TAXES, at=after(10))
    recorded(inquiry)

    inquiry.answer(agent=YANG, at=after(10))

    assert recorded(inquiry) == []

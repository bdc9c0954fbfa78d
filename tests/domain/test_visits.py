import pytest

from domain.errors import (
    ContactMissingError,
    DifferentFactError,
    ImpossibleTimeError,
    NoArrivalError,
)
from domain.events import Queued
from domain.vocabulary import Channel
from tests.domain.building import (
    CALL,
    NEXT_CALL,
    NINE,
    TAXES,
    WATER,
    after,
    answered,
    only,
    queued,
    received,
    recorded,
)


def test_a_call_enters_a_queue_as_its_first_visit() -> None:
    inquiry = received()

    inquiry.queue(queue=WATER, at=after(3))

    fact = only(inquiry, Queued)
    assert (fact.contact, fact.queue, fact.visit) == (CALL, WATER, 1)
    assert (fact.timestamp, fact.channel) == (after(3), Channel.PHONE)


def test_visits_count_up_when_a_call_is_queued_again() -> None:
    inquiry = answered()

    inquiry.queue(queue=TAXES, at=after(90))

    fact = only(inquiry, Queued)
    assert (fact.queue, fact.visit) == (TAXES, 2)


def test_a_second_call_about_the_same_inquiry_is_a_visit_with_its_own_contact() -> None:
    inquiry = queued()

    inquiry.queue(queue=WATER, at=NINE, contact=NEXT_CALL)

    fact = only(inquiry, Queued)
    assert (fact.contact, fact.visit) == (NEXT_CALL, 2)


def test_a_visit_needs_a_contact() -> None:
    inquiry = received(contact=None)

    with pytest.raises(ContactMissingError):
        inquiry.queue(queue=WATER, at=NINE)

    assert recorded(inquiry) == []


def test_a_visit_cannot_come_before_its_inquiry() -> None:
    inquiry = received()

    with pytest.raises(ImpossibleTimeError):
        inquiry.queue(queue=WATER, at=after(-1))

    assert recorded(inquiry) == []


def test_the_second_visit_cannot_come_before_the_first() -> None:
    inquiry = received()

    with pytest.raises(NoArrivalError):
        inquiry.queue(queue=WATER, at=NINE, visit=2)

    assert recorded(inquiry) == []


@pytest.mark.parametrize("visit", [None, 1])
def test_an_arrival_that_is_told_twice_is_one_visit(visit: int | None) -> None:
    inquiry = queued()

    inquiry.queue(queue=WATER, at=NINE, visit=visit)

    assert recorded(inquiry) == []


def test_a_visit_cannot_have_entered_two_queues() -> None:
    inquiry = queued()

    with pytest.raises(DifferentFactError):
        inquiry.queue(queue=TAXES, at=NINE, visit=1)

    assert recorded(inquiry) == []

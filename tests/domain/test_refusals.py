import pytest

from domain.errors import ContactMissingError, DifferentFactError, NoArrivalError, VisitOverError
from domain.events import LeftQueue, Queued
from domain.inquiry import Inquiry
from domain.vocabulary import LeaveReason
from tests.domain.building import (
    CALL,
    NINE,
    TAXES,
    WATER,
    YANG,
    after,
    only,
    queued,
    received,
    recorded,
)


def turned_away() -> Inquiry:
    inquiry = received()
    inquiry.turn_away(queue=WATER, reason=LeaveReason.FULL, at=NINE)
    recorded(inquiry)
    return inquiry


@pytest.mark.parametrize("reason", [LeaveReason.FULL, LeaveReason.CLOSED])
def test_a_call_is_refused_on_entry_and_never_waited(reason: LeaveReason) -> None:
    inquiry = received()

    inquiry.turn_away(queue=WATER, reason=reason, at=after(1))

    fact = only(inquiry, LeftQueue)
    assert (fact.contact, fact.queue, fact.visit, fact.reason) == (CALL, WATER, 1, reason)
    assert (fact.enqueued_at, fact.timestamp, fact.waited_ms) == (after(1), after(1), None)


@pytest.mark.parametrize(
    "reason",
    [LeaveReason.TIMEOUT, LeaveReason.KEY, LeaveReason.EMPTY, LeaveReason.CALLBACK],
)
def test_who_never_entered_cannot_have_left_while_waiting(reason: LeaveReason) -> None:
    inquiry = received()

    with pytest.raises(NoArrivalError):
        inquiry.turn_away(queue=WATER, reason=reason, at=NINE)

    assert recorded(inquiry) == []


def test_a_refusal_needs_a_contact() -> None:
    inquiry = received(contact=None)

    with pytest.raises(ContactMissingError):
        inquiry.turn_away(queue=WATER, reason=LeaveReason.FULL, at=NINE)

    assert recorded(inquiry) == []


def test_a_refused_visit_is_not_answered() -> None:
    inquiry = turned_away()

    with pytest.raises(VisitOverError):
        inquiry.answer(agent=YANG, at=after(10), visit=1)

    assert recorded(inquiry) == []


def test_a_refused_call_that_tries_another_queue_is_a_second_visit() -> None:
    inquiry = turned_away()

    inquiry.queue(queue=TAXES, at=after(5))

    assert only(inquiry, Queued).visit == 2


@pytest.mark.parametrize("visit", [None, 1])
def test_a_refusal_that_is_told_twice_counts_once(visit: int | None) -> None:
    inquiry = turned_away()

    inquiry.turn_away(queue=WATER, reason=LeaveReason.FULL, at=NINE, visit=visit)

    assert recorded(inquiry) == []


def test_a_visit_that_entered_was_not_refused() -> None:
    inquiry = queued()

    with pytest.raises(DifferentFactError):
        inquiry.turn_away(queue=WATER, reason=LeaveReason.FULL, at=NINE, visit=1)

    assert recorded(inquiry) == []


def test_a_visit_that_was_refused_did_not_enter() -> None:
    inquiry = turned_away()

    with pytest.raises(DifferentFactError):
        inquiry.queue(queue=WATER, at=NINE, visit=1)

    assert recorded(inquiry) == []

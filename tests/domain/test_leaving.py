import pytest

from domain.errors import (
    DifferentFactError,
    NoArrivalError,
    VisitOverError,
)
from domain.events import Abandoned, LeftQueue
from domain.vocabulary import LeaveReason
from tests.domain.building import (
    CALL,
    NINE,
    TAXES,
    WATER,
    abandoned,
    after,
    answered,
    only,
    queued,
    received,
    recorded,
)


def test_a_citizen_hangs_up_while_waiting() -> None:
    inquiry = queued()

    inquiry.abandon(at=after(20))

    fact = only(inquiry, Abandoned)
    assert (fact.contact, fact.queue, fact.visit) == (CALL, WATER, 1)
    assert (fact.enqueued_at, fact.timestamp, fact.waited_ms) == (NINE, after(20), 20_000)


def test_a_visit_is_abandoned_once() -> None:
    inquiry = abandoned()

    with pytest.raises(VisitOverError):
        inquiry.abandon(at=after(21))

    assert recorded(inquiry) == []


def test_who_is_talking_cannot_abandon() -> None:
    inquiry = answered()

    with pytest.raises(VisitOverError):
        inquiry.abandon(at=after(20))

    assert recorded(inquiry) == []


def test_nobody_abandons_without_an_arrival() -> None:
    inquiry = received()

    with pytest.raises(NoArrivalError):
        inquiry.abandon(at=after(20))

    assert recorded(inquiry) == []


@pytest.mark.parametrize("visit", [None, 1])
def test_an_abandonment_that_is_told_twice_counts_once(visit: int | None) -> None:
    inquiry = abandoned()
    inquiry.queue(queue=WATER, at=after(40))
    recorded(inquiry)

    inquiry.abandon(at=after(20), visit=visit)

    assert recorded(inquiry) == []


@pytest.mark.parametrize(
    "reason",
    [LeaveReason.TIMEOUT, LeaveReason.KEY, LeaveReason.EMPTY, LeaveReason.CALLBACK],
)
def test_a_visit_leaves_its_queue_otherwise(reason: LeaveReason) -> None:
    inquiry = queued()

    inquiry.leave_queue(reason=reason, at=after(60))

    fact = only(inquiry, LeftQueue)
    assert (fact.contact, fact.queue, fact.visit, fact.reason) == (CALL, WATER, 1, reason)
    assert (fact.enqueued_at, fact.timestamp, fact.waited_ms) == (NINE, after(60), 60_000)


def test_how_long_was_waited_until_nobody_knows_what_is_unknown() -> None:
    inquiry = queued()

    inquiry.leave_queue(reason=LeaveReason.LOST, at=after(86_400))

    fact = only(inquiry, LeftQueue)
    assert (fact.reason, fact.timestamp, fact.waited_ms) == (LeaveReason.LOST, after(86_400), None)


def test_how_long_a_lost_visit_waited_may_be_known() -> None:
    inquiry = queued()

    inquiry.leave_queue(reason=LeaveReason.LOST, at=after(60), waited_ms=50_000)

    assert only(inquiry, LeftQueue).waited_ms == 50_000


@pytest.mark.parametrize("reason", [LeaveReason.FULL, LeaveReason.CLOSED])
def test_who_has_entered_cannot_be_refused_on_entry(reason: LeaveReason) -> None:
    inquiry = queued()

    with pytest.raises(DifferentFactError):
        inquiry.leave_queue(reason=reason, at=after(60))

    assert recorded(inquiry) == []


def test_who_has_hung_up_cannot_leave() -> None:
    inquiry = abandoned()

    with pytest.raises(VisitOverError):
        inquiry.leave_queue(reason=LeaveReason.TIMEOUT, at=after(60))

    assert recorded(inquiry) == []


@pytest.mark.parametrize("visit", [None, 1])
def test_a_leaving_that_is_told_twice_counts_once(visit: int | None) -> None:
    inquiry = queued()
    inquiry.leave_queue(reason=LeaveReason.KEY, at=after(60))
    inquiry.queue(queue=TAXES, at=after(60))
    recorded(inquiry)

    inquiry.leave_queue(reason=LeaveReason.KEY, at=after(60), visit=visit)

    assert recorded(inquiry) == []

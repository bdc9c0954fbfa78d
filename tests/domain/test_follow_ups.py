from collections.abc import Callable

import pytest

from domain.errors import DifferentFactError, ImpossibleTimeError, UnknownReferenceError
from domain.events import FollowedUp, FollowUpReported
from domain.inquiry import Inquiry
from domain.vocabulary import Delivery, Medium, Plain, Purpose, Status, code
from tests.domain.building import (
    after,
    answered,
    ended,
    follow_up,
    followed_up,
    only,
    received,
    recorded,
    resolved,
)


@pytest.mark.parametrize("inquiry_in_state", [received, answered, ended, resolved])
def test_the_line_gets_back_to_a_citizen_while_open_and_after(
    inquiry_in_state: Callable[[], Inquiry],
) -> None:
    inquiry = inquiry_in_state()

    inquiry.follow_up(
        ref=code("f1"),
        medium=Medium.SMS,
        purpose=Purpose.CARE,
        message=Plain("잘 들어가셨나요?"),
        at=after(minutes=30),
    )

    fact = only(inquiry, FollowedUp)
    assert (fact.ref, fact.medium, fact.purpose) == ("f1", Medium.SMS, Purpose.CARE)
    assert (fact.message, fact.timestamp) == (Plain("잘 들어가셨나요?"), after(minutes=30))


def test_a_follow_up_does_not_reopen() -> None:
    inquiry = resolved()

    follow_up(inquiry, at=after(minutes=30))

    assert inquiry.status is Status.RESOLVED


def test_nobody_gets_back_to_a_citizen_before_the_inquiry() -> None:
    inquiry = received()

    with pytest.raises(ImpossibleTimeError):
        follow_up(inquiry, at=after(-1))

    assert recorded(inquiry) == []


def test_a_follow_up_with_the_same_ref_is_a_repeat_and_another_ref_is_another() -> None:
    inquiry = ended()

    for ref in ("f1", "f1", "f2"):
        follow_up(inquiry, at=after(minutes=10), ref=ref)

    assert recorded(inquiry) == [FollowedUp, FollowedUp]


def test_the_ref_of_a_note_is_free_for_a_follow_up() -> None:
    inquiry = ended()
    inquiry.note(ref=code("1"), kind=code("handover"), note=Plain("x"), at=after(minutes=3))

    follow_up(inquiry, at=after(minutes=10), ref="1")

    assert recorded(inquiry)[-1] is FollowedUp


@pytest.mark.parametrize("outcome", list(Delivery))
def test_it_is_learnt_what_became_of_a_follow_up(outcome: Delivery) -> None:
    inquiry = followed_up()

    inquiry.report_follow_up(
        of=inquiry.version, outcome=outcome, at=after(minutes=11), reason=code("network")
    )

    fact = only(inquiry, FollowUpReported)
    assert (fact.of, fact.outcome, fact.reason) == (5, outcome, "network")
    assert fact.timestamp == after(minutes=11)


def test_a_report_names_a_follow_up() -> None:
    inquiry = followed_up()

    with pytest.raises(UnknownReferenceError):
        inquiry.report_follow_up(of=1, outcome=Delivery.DELIVERED, at=after(minutes=11))

    assert recorded(inquiry) == []


def test_a_report_cannot_precede_the_follow_up() -> None:
    inquiry = followed_up()

    with pytest.raises(ImpossibleTimeError):
        inquiry.report_follow_up(
            of=inquiry.version, outcome=Delivery.DELIVERED, at=after(minutes=9)
        )

    assert recorded(inquiry) == []


def test_what_was_delivered_did_not_fail() -> None:
    inquiry = followed_up()
    of = inquiry.version
    inquiry.report_follow_up(of=of, outcome=Delivery.DELIVERED, at=after(minutes=11))
    recorded(inquiry)

    with pytest.raises(DifferentFactError):
        inquiry.report_follow_up(of=of, outcome=Delivery.FAILED, at=after(minutes=12))

    assert recorded(inquiry) == []


def test_a_report_that_is_told_twice_counts_once() -> None:
    inquiry = followed_up()
    of = inquiry.version

    for _ in range(2):
        inquiry.report_follow_up(of=of, outcome=Delivery.DELIVERED, at=after(minutes=11))

    assert recorded(inquiry) == [FollowUpReported]

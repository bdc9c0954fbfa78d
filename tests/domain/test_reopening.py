import pytest

from domain.errors import (
    ImpossibleTimeError,
    InquiryNotResolvedError,
)
from domain.events import Reopened
from domain.vocabulary import code
from tests.domain.building import (
    YANG,
    after,
    answered,
    only,
    recorded,
    reopened,
    resolve,
    resolved,
)


def test_a_resolution_is_withdrawn() -> None:
    inquiry = resolved()

    inquiry.reopen(reason=code("wrong"), at=after(minutes=60))

    fact = only(inquiry, Reopened)
    assert (fact.of, fact.ordinal, fact.reason) == (5, 1, "wrong")
    assert fact.timestamp == after(minutes=60)


def test_the_second_reopening_is_of_the_second_resolution() -> None:
    inquiry = reopened()
    resolve(inquiry, agent=YANG, at=after(minutes=70))
    recorded(inquiry)

    inquiry.reopen(reason=code("wrong"), at=after(minutes=80))

    fact = only(inquiry, Reopened)
    assert (fact.of, fact.ordinal) == (7, 2)


def test_an_open_inquiry_is_not_reopened() -> None:
    inquiry = answered()

    with pytest.raises(InquiryNotResolvedError):
        inquiry.reopen(reason=code("wrong"), at=after(minutes=60))

    assert recorded(inquiry) == []


def test_a_reopened_inquiry_is_not_reopened() -> None:
    inquiry = reopened()

    with pytest.raises(InquiryNotResolvedError):
        inquiry.reopen(reason=code("wrong"), at=after(minutes=61))

    assert recorded(inquiry) == []


def test_a_reopening_cannot_precede_the_resolution() -> None:
    inquiry = resolved()

    with pytest.raises(ImpossibleTimeError):
        inquiry.reopen(reason=code("wrong"), at=after(minutes=4))

    assert recorded(inquiry) == []


def test_the_next_resolution_cannot_precede_the_reopening() -> None:
    inquiry = reopened()

    with pytest.raises(ImpossibleTimeError):
        resolve(inquiry, agent=YANG, at=after(minutes=59))

    assert recorded(inquiry) == []


def test_a_reopening_that_is_told_twice_counts_once() -> None:
    inquiry = reopened()

    inquiry.reopen(reason=code("wrong"), at=after(minutes=60))

    assert recorded(inquiry) == []

import pytest

from domain.errors import (
    AlreadyRatedError,
    ImpossibleTimeError,
    InquiryNotResolvedError,
    ScoreError,
)
from domain.events import Rated
from tests.domain.building import (
    KIM,
    NINE,
    WORDS,
    YANG,
    after,
    ended,
    only,
    recorded,
    reopened,
    resolve,
    resolved,
)


def test_a_citizen_rates_the_resolution_of_an_agent() -> None:
    inquiry = resolved()

    inquiry.rate(score=5, at=after(minutes=10), comment=WORDS)

    fact = only(inquiry, Rated)
    assert (fact.of, fact.score, fact.agent, fact.comment) == (5, 5, YANG, WORDS)
    assert fact.timestamp == after(minutes=10)


@pytest.mark.parametrize("score", [0, 6, -1])
def test_a_score_is_from_one_to_five(score: int) -> None:
    inquiry = resolved()

    with pytest.raises(ScoreError):
        inquiry.rate(score=score, at=after(minutes=10))

    assert recorded(inquiry) == []


@pytest.mark.parametrize("score", [1, 5])
def test_the_ends_of_the_scale_are_scores(score: int) -> None:
    inquiry = resolved()

    inquiry.rate(score=score, at=after(minutes=10))

    assert only(inquiry, Rated).score == score


def test_an_open_inquiry_is_not_rated() -> None:
    inquiry = ended()

    with pytest.raises(InquiryNotResolvedError):
        inquiry.rate(score=5, at=after(minutes=10))

    assert recorded(inquiry) == []


def test_a_rating_names_a_resolution() -> None:
    inquiry = resolved()

    with pytest.raises(InquiryNotResolvedError):
        inquiry.rate(score=5, at=after(minutes=10), of=1)

    assert recorded(inquiry) == []


def test_a_rating_cannot_precede_the_resolution() -> None:
    inquiry = resolved()

    with pytest.raises(ImpossibleTimeError):
        inquiry.rate(score=5, at=NINE)

    assert recorded(inquiry) == []


def test_one_rating_a_resolution() -> None:
    inquiry = resolved()
    inquiry.rate(score=5, at=after(minutes=10))
    recorded(inquiry)

    with pytest.raises(AlreadyRatedError):
        inquiry.rate(score=1, at=after(minutes=11))

    assert recorded(inquiry) == []


def test_a_rating_that_is_told_twice_counts_once() -> None:
    inquiry = resolved()
    inquiry.rate(score=5, at=after(minutes=10))
    recorded(inquiry)

    inquiry.rate(score=5, at=after(minutes=10))

    assert recorded(inquiry) == []


def test_a_withdrawn_resolution_and_the_next_one_have_a_rating_each() -> None:
    inquiry = reopened()
    inquiry.rate(score=1, at=after(minutes=61))
    resolve(inquiry, agent=KIM, at=after(minutes=70))

    inquiry.rate(score=5, at=after(minutes=71))

    ratings = [fact for fact in inquiry.collect_events() if isinstance(fact, Rated)]
    assert [(rated.of, rated.score, rated.agent) for rated in ratings] == [
        (5, 1, YANG),
        (8, 5, KIM),
    ]

import pytest

from domain.errors import ImpossibleTimeError
from domain.events import Classified, Identified, Queued
from domain.vocabulary import Channel, code
from tests.domain.building import (
    ANOTHER,
    CITIZEN,
    NINE,
    WATER,
    after,
    only,
    received,
    recorded,
    resolved,
)


def test_it_is_learnt_later_who_asks() -> None:
    inquiry = received()

    inquiry.identify(citizen=CITIZEN, at=after(60))

    fact = only(inquiry, Identified)
    assert (fact.citizen, fact.timestamp) == (CITIZEN, after(60))


def test_it_may_turn_out_to_be_somebody_else() -> None:
    inquiry = received()
    inquiry.identify(citizen=CITIZEN, at=after(60))
    recorded(inquiry)

    inquiry.identify(citizen=ANOTHER, at=after(70))

    assert only(inquiry, Identified).citizen == ANOTHER


def test_nobody_is_identified_before_the_inquiry() -> None:
    inquiry = received()

    with pytest.raises(ImpossibleTimeError):
        inquiry.identify(citizen=CITIZEN, at=after(-1))

    assert recorded(inquiry) == []


def test_identifying_the_same_citizen_again_says_nothing_new() -> None:
    inquiry = received()
    inquiry.identify(citizen=CITIZEN, at=after(60))
    recorded(inquiry)

    inquiry.identify(citizen=CITIZEN, at=after(70))

    assert recorded(inquiry) == []


def test_labels_are_learnt_late_and_those_not_given_stay() -> None:
    inquiry = resolved()
    inquiry.classify(at=after(minutes=6), language=code("ja"))
    recorded(inquiry)

    inquiry.classify(at=after(minutes=7), category=code("tourism"), district=code("gangnam-gu"))

    fact = only(inquiry, Classified)
    assert (fact.channel, fact.language) == (Channel.PHONE, "ja")
    assert (fact.category, fact.district) == ("tourism", "gangnam-gu")
    assert fact.timestamp == after(minutes=7)


def test_even_the_channel_may_be_mended() -> None:
    inquiry = received()

    inquiry.classify(at=NINE, channel=Channel.VIDEO)

    assert only(inquiry, Classified).channel is Channel.VIDEO


def test_what_comes_after_carries_the_new_labels() -> None:
    inquiry = received()
    inquiry.classify(
        at=NINE, language=code("ja"), category=code("tourism"), district=code("gangnam-gu")
    )
    recorded(inquiry)

    inquiry.queue(queue=WATER, at=after(1))

    fact = only(inquiry, Queued)
    assert (fact.language, fact.category, fact.district) == ("ja", "tourism", "gangnam-gu")


def test_nothing_is_classified_before_the_inquiry() -> None:
    inquiry = received()

    with pytest.raises(ImpossibleTimeError):
        inquiry.classify(at=after(-1), language=code("ja"))

    assert recorded(inquiry) == []


def test_labels_that_are_known_say_nothing_new() -> None:
    inquiry = received()

    inquiry.classify(at=after(60), channel=Channel.PHONE)

    assert recorded(inquiry) == []

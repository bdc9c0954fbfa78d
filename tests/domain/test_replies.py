import pytest

from domain.errors import ChannelError, ImpossibleTimeError
from domain.events import Noted, Replied
from domain.inquiry import Inquiry
from domain.vocabulary import Channel, Plain, code
from tests.domain.building import (
    KIM,
    WORDS,
    YANG,
    after,
    answered,
    only,
    received,
    recorded,
    taken_up,
)


def replied() -> Inquiry:
    inquiry = received(Channel.SNS)
    inquiry.reply(agent=YANG, message=WORDS, at=after(minutes=1))
    recorded(inquiry)
    return inquiry


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.INTERNET, Channel.SNS])
def test_an_agent_writes_back_on_a_text_channel(channel: Channel) -> None:
    inquiry = received(channel)

    inquiry.reply(agent=YANG, message=Plain("네, 열려 있습니다"), at=after(90))

    fact = only(inquiry, Replied)
    assert (fact.agent, fact.message) == (YANG, Plain("네, 열려 있습니다"))
    assert (fact.timestamp, fact.reply_ms) == (after(90), 90_000)


def test_the_source_knows_the_time_to_a_reply_better_than_the_clock() -> None:
    inquiry = received(Channel.SMS)

    inquiry.reply(agent=YANG, message=WORDS, at=after(90), reply_ms=0)

    assert only(inquiry, Replied).reply_ms == 0


@pytest.mark.parametrize("channel", [Channel.PHONE, Channel.VIDEO])
def test_nobody_writes_back_to_a_call(channel: Channel) -> None:
    inquiry = received(channel)

    with pytest.raises(ChannelError):
        inquiry.reply(agent=YANG, message=WORDS, at=after(90))

    assert recorded(inquiry) == []


def test_a_reply_cannot_come_before_the_question() -> None:
    inquiry = received(Channel.SMS)

    with pytest.raises(ImpossibleTimeError):
        inquiry.reply(agent=YANG, message=WORDS, at=after(-1))

    assert recorded(inquiry) == []


def test_no_time_to_a_reply_is_negative() -> None:
    inquiry = received(Channel.SMS)

    with pytest.raises(ImpossibleTimeError):
        inquiry.reply(agent=YANG, message=WORDS, at=after(90), reply_ms=-1)

    assert recorded(inquiry) == []


def test_two_replies_of_one_second_are_two() -> None:
    inquiry = replied()

    inquiry.reply(agent=YANG, message=WORDS, at=after(minutes=1))

    assert recorded(inquiry) == [Replied]


def test_a_second_reply_is_another() -> None:
    inquiry = replied()

    inquiry.reply(agent=KIM, message=WORDS, at=after(minutes=1))
    inquiry.reply(agent=YANG, message=WORDS, at=after(minutes=2))

    assert recorded(inquiry) == [Replied, Replied]


def test_who_takes_up_a_text_may_write_back_in_the_same_instant() -> None:
    inquiry = taken_up()

    inquiry.reply(agent=YANG, message=WORDS, at=after(minutes=1))

    assert only(inquiry, Replied).agent == YANG


def test_an_agent_writes_something_down() -> None:
    inquiry = answered()

    inquiry.note(ref=code("n1"), kind=code("handover"), note=Plain("다시 전화"), at=after(60))

    fact = only(inquiry, Noted)
    assert (fact.ref, fact.kind, fact.note) == ("n1", "handover", Plain("다시 전화"))
    assert fact.timestamp == after(60)


def test_a_note_with_the_same_ref_is_a_repeat_and_another_ref_is_another_note() -> None:
    inquiry = answered()

    for ref in ("n1", "n1", "n2"):
        inquiry.note(ref=code(ref), kind=code("handover"), note=WORDS, at=after(60))

    assert recorded(inquiry) == [Noted, Noted]


def test_nothing_is_written_down_before_the_inquiry_arrives() -> None:
    inquiry = received()

    with pytest.raises(ImpossibleTimeError):
        inquiry.note(ref=code("n1"), kind=code("handover"), note=WORDS, at=after(-1))

    assert recorded(inquiry) == []

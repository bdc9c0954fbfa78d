import pytest

from domain.errors import (
    ConversationOpenError,
    ImpossibleTimeError,
    NoArrivalError,
    NoConversationError,
)
from domain.events import Answered, Ended
from domain.vocabulary import Channel, EndedBy
from tests.domain.building import (
    CALL,
    KIM,
    NEXT_CALL,
    NINE,
    TAXES,
    YANG,
    after,
    answered,
    ended,
    only,
    queued,
    received,
    recorded,
    taken_up,
)


def test_an_agent_takes_up_a_text_without_a_queue_and_without_a_wait() -> None:
    inquiry = received(Channel.SMS)

    inquiry.answer(agent=YANG, at=after(60))

    fact = only(inquiry, Answered)
    assert (fact.agent, fact.contact, fact.timestamp) == (YANG, CALL, after(60))
    assert (fact.queue, fact.visit, fact.enqueued_at, fact.waited_ms) == (None, None, None, None)


def test_a_text_is_not_taken_up_by_two_agents() -> None:
    inquiry = taken_up()

    with pytest.raises(ConversationOpenError):
        inquiry.answer(agent=KIM, at=after(70))

    assert recorded(inquiry) == []


def test_a_text_is_not_taken_up_before_it_arrives() -> None:
    inquiry = received(Channel.SMS)

    with pytest.raises(ImpossibleTimeError):
        inquiry.answer(agent=YANG, at=after(-1))

    assert recorded(inquiry) == []


def test_taking_up_a_text_twice_counts_once() -> None:
    inquiry = taken_up()

    inquiry.answer(agent=YANG, at=after(minutes=1))

    assert recorded(inquiry) == []


def test_a_conversation_ends_with_its_durations() -> None:
    inquiry = answered()

    inquiry.end(
        ended_by=EndedBy.AGENT, at=after(100), talk_ms=80_000, hold_ms=10_000, wrapup_ms=5_000
    )

    fact = only(inquiry, Ended)
    assert (fact.contact, fact.visit, fact.agent) == (CALL, 1, YANG)
    assert (fact.talk_ms, fact.hold_ms, fact.wrapup_ms) == (80_000, 10_000, 5_000)
    assert (fact.ended_by, fact.timestamp) == (EndedBy.AGENT, after(100))


def test_no_time_is_a_time_and_an_unknown_time_is_none() -> None:
    inquiry = answered()

    inquiry.end(ended_by=EndedBy.CITIZEN, at=after(10), talk_ms=0)

    fact = only(inquiry, Ended)
    assert fact.talk_ms == 0
    assert (fact.hold_ms, fact.wrapup_ms) == (None, None)


@pytest.mark.parametrize(
    ("talk_ms", "hold_ms", "wrapup_ms"), [(-1, None, None), (None, -1, None), (None, None, -1)]
)
def test_no_duration_is_negative(
    talk_ms: int | None, hold_ms: int | None, wrapup_ms: int | None
) -> None:
    inquiry = answered()

    with pytest.raises(ImpossibleTimeError):
        inquiry.end(
            ended_by=EndedBy.CITIZEN,
            at=after(100),
            talk_ms=talk_ms,
            hold_ms=hold_ms,
            wrapup_ms=wrapup_ms,
        )

    assert recorded(inquiry) == []


def test_a_conversation_without_a_visit_ends_too() -> None:
    inquiry = taken_up()

    inquiry.end(ended_by=EndedBy.AGENT, at=after(minutes=2))

    fact = only(inquiry, Ended)
    assert (fact.contact, fact.visit, fact.agent) == (None, None, YANG)


def test_the_next_agent_takes_up_a_text_that_was_laid_down() -> None:
    inquiry = taken_up()
    inquiry.end(ended_by=EndedBy.AGENT, at=after(minutes=2))
    recorded(inquiry)

    inquiry.answer(agent=KIM, at=after(minutes=3))

    assert only(inquiry, Answered).agent == KIM


def test_a_conversation_cannot_end_before_it_began() -> None:
    inquiry = answered()

    with pytest.raises(ImpossibleTimeError):
        inquiry.end(ended_by=EndedBy.CITIZEN, at=after(9))

    assert recorded(inquiry) == []


@pytest.mark.parametrize("visit", [None, 1])
def test_what_nobody_answered_has_no_end(visit: int | None) -> None:
    inquiry = queued()

    with pytest.raises(NoConversationError):
        inquiry.end(ended_by=EndedBy.CITIZEN, at=after(60), visit=visit)

    assert recorded(inquiry) == []


def test_a_visit_that_never_arrived_has_no_end() -> None:
    inquiry = answered()

    with pytest.raises(NoArrivalError):
        inquiry.end(ended_by=EndedBy.CITIZEN, at=after(60), visit=2)

    assert recorded(inquiry) == []


def test_when_two_conversations_go_on_the_end_names_one() -> None:
    inquiry = answered()
    inquiry.queue(queue=TAXES, at=after(20), contact=NEXT_CALL)
    inquiry.answer(agent=KIM, at=after(30))
    recorded(inquiry)

    with pytest.raises(NoConversationError):
        inquiry.end(ended_by=EndedBy.CITIZEN, at=after(60))
    inquiry.end(ended_by=EndedBy.CITIZEN, at=after(60), visit=1)

    assert only(inquiry, Ended).agent == YANG


def test_a_conversation_ends_once() -> None:
    inquiry = ended()

    with pytest.raises(NoConversationError):
        inquiry.end(ended_by=EndedBy.CITIZEN, at=after(minutes=3), visit=1)

    assert recorded(inquiry) == []


@pytest.mark.parametrize("visit", [None, 1])
def test_an_end_that_is_told_twice_counts_once(visit: int | None) -> None:
    inquiry = ended()

    inquiry.end(ended_by=EndedBy.CITIZEN, at=after(minutes=2), visit=visit)

    assert recorded(inquiry) == []


def test_a_call_may_be_answered_without_a_queue() -> None:
    inquiry = received(Channel.VIDEO)

    inquiry.answer(agent=YANG, at=NINE)

    assert only(inquiry, Answered).visit is None

from collections.abc import Callable

import pytest

from domain.errors import (
    ImpossibleTimeError,
    InquiryResolvedError,
    NobodyAnsweredError,
)
from domain.events import Resolved
from domain.inquiry import Inquiry
from domain.vocabulary import Channel, Outcome, Plain, TransferKind, code
from tests.domain.building import (
    DISTRICT_OFFICE,
    KIM,
    WORDS,
    YANG,
    abandoned,
    after,
    answered,
    ended,
    follow_up,
    only,
    received,
    recorded,
    resolve,
    resolved,
)


def test_an_agent_resolves_what_that_agent_answered() -> None:
    inquiry = ended()

    inquiry.resolve(
        outcome=Outcome.REFERRED, agent=YANG, at=after(minutes=5), resolution=Plain("구청")
    )

    fact = only(inquiry, Resolved)
    assert (fact.agent, fact.outcome, fact.resolution) == (YANG, Outcome.REFERRED, Plain("구청"))
    assert (fact.by_first_agent, fact.first_answered_at) == (True, after(10))
    assert (fact.ordinal, fact.timestamp) == (1, after(minutes=5))


@pytest.mark.parametrize("inquiry_in_state", [received, abandoned])
def test_what_nobody_answered_is_not_resolved(inquiry_in_state: Callable[[], Inquiry]) -> None:
    inquiry = inquiry_in_state()

    with pytest.raises(NobodyAnsweredError):
        resolve(inquiry, agent=YANG, at=after(minutes=5))

    assert recorded(inquiry) == []


def test_an_agency_that_was_only_asked_resolves_nothing() -> None:
    inquiry = received()
    ask(inquiry)
    recorded(inquiry)

    with pytest.raises(NobodyAnsweredError):
        resolve(inquiry, agent=None, at=after(minutes=5))

    assert recorded(inquiry) == []


def ask(inquiry: Inquiry) -> None:
    inquiry.transfer(ref=code("t1"), kind=TransferKind.AGENCY, to=DISTRICT_OFFICE, at=after(60))


def test_the_reply_of_an_agency_may_resolve() -> None:
    inquiry = received()
    ask(inquiry)
    inquiry.agency_reply(of=inquiry.version, outcome=code("done"), at=after(120))
    recorded(inquiry)

    resolve(inquiry, agent=None, at=after(minutes=5))

    fact = only(inquiry, Resolved)
    assert (fact.by_first_agent, fact.first_answered_at) == (False, None)


def test_a_follow_up_may_resolve() -> None:
    inquiry = received()
    follow_up(inquiry, at=after(60))
    recorded(inquiry)

    resolve(inquiry, agent=YANG, at=after(minutes=5))

    assert not only(inquiry, Resolved).by_first_agent


def test_a_reply_on_a_text_channel_may_resolve() -> None:
    inquiry = received(Channel.SMS)
    inquiry.reply(agent=YANG, message=WORDS, at=after(60))
    recorded(inquiry)

    resolve(inquiry, agent=YANG, at=after(60))

    fact = only(inquiry, Resolved)
    assert (fact.by_first_agent, fact.first_answered_at) == (True, after(60))


def test_a_resolution_cannot_precede_the_answer_that_it_rests_on() -> None:
    inquiry = answered()

    with pytest.raises(ImpossibleTimeError):
        resolve(inquiry, agent=YANG, at=after(9))

    assert recorded(inquiry) == []


def test_an_inquiry_is_resolved_once() -> None:
    inquiry = resolved()

    with pytest.raises(InquiryResolvedError):
        resolve(inquiry, agent=KIM, at=after(minutes=6))

    assert recorded(inquiry) == []


def test_a_resolution_that_is_told_twice_counts_once() -> None:
    inquiry = resolved()

    resolve(inquiry, agent=YANG, at=after(minutes=5))

    assert recorded(inquiry) == []

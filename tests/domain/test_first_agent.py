import pytest

from domain.events import Resolved
from domain.vocabulary import Code
from tests.domain.building import (
    KIM,
    TAXES,
    YANG,
    after,
    asked,
    ended,
    only,
    recorded,
    reopened,
    resolve,
)


@pytest.mark.parametrize("agent", [KIM, None])
def test_another_than_the_agent_who_answered_is_not_the_first_agent(agent: Code | None) -> None:
    inquiry = ended()

    resolve(inquiry, agent=agent, at=after(minutes=5))

    assert not only(inquiry, Resolved).by_first_agent


def test_a_transfer_ends_the_first_agents_claim_even_when_the_inquiry_comes_back() -> None:
    inquiry = asked(holds=True)

    resolve(inquiry, agent=YANG, at=after(minutes=5))

    assert not only(inquiry, Resolved).by_first_agent


def test_asking_an_agency_while_holding_keeps_the_first_agents_claim() -> None:
    inquiry = asked(holds=False)

    resolve(inquiry, agent=YANG, at=after(minutes=5))

    assert only(inquiry, Resolved).by_first_agent


def test_a_second_agent_who_answers_ends_the_first_agents_claim() -> None:
    inquiry = ended()
    inquiry.queue(queue=TAXES, at=after(minutes=3))
    inquiry.answer(agent=KIM, at=after(minutes=4))
    recorded(inquiry)

    resolve(inquiry, agent=YANG, at=after(minutes=5))

    fact = only(inquiry, Resolved)
    assert (fact.by_first_agent, fact.first_answered_at) == (False, after(10))


def test_a_reopening_ends_the_first_agents_claim() -> None:
    inquiry = reopened()

    resolve(inquiry, agent=YANG, at=after(minutes=70))

    fact = only(inquiry, Resolved)
    assert (fact.by_first_agent, fact.ordinal) == (False, 2)

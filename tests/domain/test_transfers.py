import pytest

from domain.errors import (
    AgencyRepliedError,
    ImpossibleTimeError,
    InquiryResolvedError,
    UnknownReferenceError,
)
from domain.events import AgencyReplied, Transferred
from domain.inquiry import Inquiry
from domain.vocabulary import Plain, TransferKind, code
from tests.domain.building import (
    DISTRICT_OFFICE,
    KIM,
    YANG,
    after,
    answered,
    asked,
    ended,
    only,
    queued,
    received,
    recorded,
    reopened,
    resolved,
)


def pass_on(inquiry: Inquiry, ref: str = "t1", *, minute: int = 1, holds: bool = True) -> None:
    inquiry.transfer(
        ref=code(ref), kind=TransferKind.AGENT, to=KIM, at=after(minutes=minute), holds=holds
    )


def test_an_agent_passes_an_inquiry_on() -> None:
    inquiry = answered()

    inquiry.transfer(ref=code("t1"), kind=TransferKind.AGENT, to=KIM, at=after(60), from_agent=YANG)

    fact = only(inquiry, Transferred)
    assert (fact.ref, fact.from_agent, fact.to) == ("t1", YANG, KIM)
    assert (fact.kind, fact.holds, fact.hop) == (TransferKind.AGENT, True, 1)
    assert fact.timestamp == after(60)


def test_hops_count_the_changes_of_holder() -> None:
    inquiry = answered()

    pass_on(inquiry, "t1", minute=1)
    pass_on(inquiry, "t2", minute=2, holds=False)
    pass_on(inquiry, "t3", minute=3)

    hops = [fact.hop for fact in inquiry.collect_events() if isinstance(fact, Transferred)]
    assert hops == [1, 1, 2]


@pytest.mark.parametrize("kind", [TransferKind.INTERPRETER, TransferKind.AGENCY])
def test_who_joins_or_is_asked_while_the_agent_holds_is_no_hop(kind: TransferKind) -> None:
    inquiry = answered()

    inquiry.transfer(ref=code("t1"), kind=kind, to=code("ja"), at=after(60), holds=False)

    fact = only(inquiry, Transferred)
    assert (fact.kind, fact.holds, fact.hop) == (kind, False, 0)


def test_an_inquiry_that_nobody_held_changes_no_holder() -> None:
    inquiry = received()

    pass_on(inquiry)

    assert only(inquiry, Transferred).hop == 0


def test_passing_on_twice_what_nobody_answered_changes_no_holder() -> None:
    inquiry = received()
    pass_on(inquiry, "t1")
    recorded(inquiry)

    pass_on(inquiry, "t2")

    assert only(inquiry, Transferred).hop == 0


def test_who_passes_an_inquiry_on_held_it_even_when_the_answer_is_told_later() -> None:
    inquiry = queued()

    inquiry.transfer(
        ref=code("t1"), kind=TransferKind.AGENCY, to=DISTRICT_OFFICE, at=after(60), from_agent=YANG
    )

    assert only(inquiry, Transferred).hop == 1


def test_each_change_of_holder_has_its_own_number_whoever_tells_it() -> None:
    inquiry = queued()
    inquiry.transfer(ref=code("t1"), kind=TransferKind.AGENT, to=KIM, at=after(60), from_agent=YANG)
    recorded(inquiry)

    pass_on(inquiry, "t2")

    assert only(inquiry, Transferred).hop == 2


def test_a_resolved_inquiry_is_not_passed_on() -> None:
    inquiry = resolved()

    with pytest.raises(InquiryResolvedError):
        pass_on(inquiry, minute=6)

    assert recorded(inquiry) == []


def test_a_reopened_inquiry_is_passed_on() -> None:
    inquiry = reopened()

    pass_on(inquiry, minute=61)

    assert only(inquiry, Transferred).hop == 1


def test_an_inquiry_is_not_passed_on_before_it_arrives() -> None:
    inquiry = received()

    with pytest.raises(ImpossibleTimeError):
        pass_on(inquiry, minute=-1)

    assert recorded(inquiry) == []


def test_a_transfer_with_the_same_ref_is_a_repeat_and_another_ref_is_another() -> None:
    inquiry = answered()

    pass_on(inquiry, "t1")
    pass_on(inquiry, "t1")
    pass_on(inquiry, "t2")

    assert recorded(inquiry) == [Transferred, Transferred]


def test_a_transfer_that_is_told_again_after_the_resolution_is_a_repeat() -> None:
    inquiry = resolved()
    pass_on(inquiry, "t1", minute=1)
    recorded(inquiry)

    pass_on(inquiry, "t1", minute=6)

    assert recorded(inquiry) == []


def test_an_agency_replies_to_what_it_was_asked() -> None:
    inquiry = asked()

    inquiry.agency_reply(
        of=inquiry.version, outcome=code("found"), at=after(minutes=4), reply=Plain("있습니다")
    )

    fact = only(inquiry, AgencyReplied)
    assert (fact.of, fact.agency, fact.outcome) == (5, DISTRICT_OFFICE, "found")
    assert (fact.reply, fact.took_ms) == (Plain("있습니다"), 60_000)


def test_an_agency_that_was_not_asked_cannot_reply() -> None:
    inquiry = ended()

    with pytest.raises(UnknownReferenceError):
        inquiry.agency_reply(of=inquiry.version, outcome=code("found"), at=after(minutes=4))

    assert recorded(inquiry) == []


def test_an_agent_is_no_agency() -> None:
    inquiry = answered()
    pass_on(inquiry)
    recorded(inquiry)

    with pytest.raises(UnknownReferenceError):
        inquiry.agency_reply(of=inquiry.version, outcome=code("found"), at=after(minutes=4))

    assert recorded(inquiry) == []


def test_an_agency_cannot_reply_before_it_was_asked() -> None:
    inquiry = asked()

    with pytest.raises(ImpossibleTimeError):
        inquiry.agency_reply(of=inquiry.version, outcome=code("found"), at=after(minutes=2))

    assert recorded(inquiry) == []


def test_an_agency_replies_once_to_a_question() -> None:
    inquiry = asked()
    of = inquiry.version
    inquiry.agency_reply(of=of, outcome=code("found"), at=after(minutes=4))
    recorded(inquiry)

    with pytest.raises(AgencyRepliedError):
        inquiry.agency_reply(of=of, outcome=code("lost"), at=after(minutes=5))

    assert recorded(inquiry) == []


def test_a_reply_of_an_agency_that_is_told_twice_counts_once() -> None:
    inquiry = asked()
    of = inquiry.version
    inquiry.agency_reply(of=of, outcome=code("found"), at=after(minutes=4))
    recorded(inquiry)

    inquiry.agency_reply(of=of, outcome=code("found"), at=after(minutes=4))

    assert recorded(inquiry) == []

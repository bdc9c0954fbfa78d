from collections.abc import Callable

import pytest

from domain.errors import ImpossibleTimeError, InquiryAnnulledError, LinkError
from domain.events import Annulled
from domain.inquiry import Inquiry
from domain.vocabulary import (
    AnnulReason,
    Delivery,
    EndedBy,
    LeaveReason,
    LinkKind,
    Outcome,
    Status,
    TransferKind,
    code,
)
from tests.domain.building import (
    ANOTHER,
    CITIZEN,
    MODERATOR,
    ONE,
    WATER,
    WORDS,
    YANG,
    after,
    follow_up,
    only,
    praise,
    received,
    recorded,
    resolved,
)

LATER = after(minutes=90)

COMMANDS: dict[str, Callable[[Inquiry], None]] = {
    "identify": lambda it: it.identify(citizen=CITIZEN, at=LATER),
    "classify": lambda it: it.classify(at=LATER, language=code("ja")),
    "queue": lambda it: it.queue(queue=WATER, at=LATER),
    "turn_away": lambda it: it.turn_away(queue=WATER, reason=LeaveReason.FULL, at=LATER),
    "answer": lambda it: it.answer(agent=YANG, at=LATER),
    "abandon": lambda it: it.abandon(at=LATER),
    "leave_queue": lambda it: it.leave_queue(reason=LeaveReason.KEY, at=LATER),
    "end": lambda it: it.end(ended_by=EndedBy.CITIZEN, at=LATER),
    "transfer": lambda it: it.transfer(ref=code("t9"), kind=TransferKind.AGENT, to=YANG, at=LATER),
    "agency_reply": lambda it: it.agency_reply(of=2, outcome=code("done"), at=LATER),
    "reply": lambda it: it.reply(agent=YANG, message=WORDS, at=LATER),
    "note": lambda it: it.note(ref=code("n9"), kind=code("x"), note=WORDS, at=LATER),
    "resolve": lambda it: it.resolve(outcome=Outcome.ANSWERED, agent=YANG, at=LATER),
    "reopen": lambda it: it.reopen(reason=code("wrong"), at=LATER),
    "follow_up": lambda it: follow_up(it, at=LATER, ref="f9"),
    "report_follow_up": lambda it: it.report_follow_up(of=2, outcome=Delivery.FAILED, at=LATER),
    "rate": lambda it: it.rate(score=5, at=LATER),
    "praise": lambda it: praise(it, at=LATER, ref="p9"),
    "publish_praise": lambda it: it.publish_praise(of=2, moderator=MODERATOR, at=LATER),
    "withdraw_praise": lambda it: it.withdraw_praise(of=2, moderator=MODERATOR, at=LATER),
    "link": lambda it: it.link(other=ANOTHER, kind=LinkKind.REPEAT, at=LATER),
    "annul": lambda it: it.annul(reason=AnnulReason.PHANTOM, at=LATER),
}


def annulled() -> Inquiry:
    inquiry = resolved()
    inquiry.annul(reason=AnnulReason.TEST, at=after(minutes=60))
    recorded(inquiry)
    return inquiry


@pytest.mark.parametrize("reason", [AnnulReason.TEST, AnnulReason.PHANTOM])
def test_an_inquiry_that_was_none_is_taken_back(reason: AnnulReason) -> None:
    inquiry = resolved()

    inquiry.annul(reason=reason, at=after(minutes=60))

    fact = only(inquiry, Annulled)
    assert (fact.reason, fact.other, fact.timestamp) == (reason, None, after(minutes=60))


@pytest.mark.parametrize("reason", [AnnulReason.DUPLICATE, AnnulReason.MERGED])
def test_a_duplicate_names_the_inquiry_that_stays(reason: AnnulReason) -> None:
    inquiry = resolved()

    with pytest.raises(LinkError):
        inquiry.annul(reason=reason, at=after(minutes=60))
    inquiry.annul(reason=reason, at=after(minutes=60), other=ANOTHER)

    assert only(inquiry, Annulled).other == ANOTHER


def test_an_inquiry_is_no_duplicate_of_itself() -> None:
    inquiry = resolved()

    with pytest.raises(LinkError):
        inquiry.annul(reason=AnnulReason.DUPLICATE, at=after(minutes=60), other=ONE)

    assert recorded(inquiry) == []


def test_nothing_is_annulled_before_it_arrives() -> None:
    inquiry = received()

    with pytest.raises(ImpossibleTimeError):
        inquiry.annul(reason=AnnulReason.TEST, at=after(-1))

    assert recorded(inquiry) == []


def test_annulling_twice_is_annulling_once() -> None:
    inquiry = annulled()

    inquiry.annul(reason=AnnulReason.TEST, at=after(minutes=61))

    assert recorded(inquiry) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_annulment_is_final(command: str) -> None:
    inquiry = annulled()

    with pytest.raises(InquiryAnnulledError):
        COMMANDS[command](inquiry)

    assert recorded(inquiry) == []
    assert inquiry.status is Status.ANNULLED

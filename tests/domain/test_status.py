from collections.abc import Callable
from functools import partial

import pytest

from domain.inquiry import Inquiry
from domain.vocabulary import (
    AnnulReason,
    Channel,
    EndedBy,
    LeaveReason,
    Status,
    TransferKind,
    code,
)
from tests.domain.building import (
    CALL,
    DISTRICT_OFFICE,
    NINE,
    TAXES,
    WATER,
    WORDS,
    YANG,
    abandoned,
    after,
    answered,
    asked,
    ended,
    followed_up,
    praised,
    queued,
    received,
    reopened,
    resolve,
    resolved,
    taken_up,
)


@pytest.mark.parametrize(
    ("inquiry_in_state", "status"),
    [
        (received, Status.RECEIVED),
        (queued, Status.QUEUED),
        (answered, Status.IN_CONVERSATION),
        (taken_up, Status.IN_CONVERSATION),
        (ended, Status.RECEIVED),
        (asked, Status.AT_AGENCY),
        (partial(asked, holds=True), Status.AT_AGENCY),
        (followed_up, Status.RECEIVED),
        (resolved, Status.RESOLVED),
        (praised, Status.RESOLVED),
        (reopened, Status.RECEIVED),
        (abandoned, Status.ABANDONED),
    ],
)
def test_the_status_says_where_an_inquiry_stands(
    inquiry_in_state: Callable[[], Inquiry], status: Status
) -> None:
    inquiry = inquiry_in_state()

    assert inquiry.status is status


@pytest.mark.parametrize("reason", [LeaveReason.TIMEOUT, LeaveReason.KEY, LeaveReason.EMPTY])
def test_an_inquiry_whose_only_visit_left_is_abandoned(reason: LeaveReason) -> None:
    inquiry = queued()

    inquiry.leave_queue(reason=reason, at=after(60))

    assert inquiry.status is Status.ABANDONED


@pytest.mark.parametrize("reason", [LeaveReason.FULL, LeaveReason.CLOSED])
def test_an_inquiry_whose_only_visit_was_refused_is_abandoned(reason: LeaveReason) -> None:
    inquiry = received()

    inquiry.turn_away(queue=WATER, reason=reason, at=NINE)

    assert inquiry.status is Status.ABANDONED


def test_who_asked_to_be_called_back_did_not_abandon() -> None:
    inquiry = queued()

    inquiry.leave_queue(reason=LeaveReason.CALLBACK, at=after(60))

    assert inquiry.status is Status.RECEIVED


def test_who_queues_again_has_not_abandoned() -> None:
    inquiry = abandoned()

    inquiry.queue(queue=TAXES, at=after(30))

    assert inquiry.status is Status.QUEUED


def test_who_was_answered_before_has_not_abandoned() -> None:
    inquiry = ended()
    inquiry.queue(queue=TAXES, at=after(minutes=3))

    inquiry.abandon(at=after(minutes=4))

    assert inquiry.status is Status.RECEIVED


def test_a_text_that_was_replied_to_is_not_abandoned_by_leaving_a_queue() -> None:
    inquiry = received(Channel.SMS)
    inquiry.reply(agent=YANG, message=WORDS, at=after(60))

    inquiry.turn_away(queue=WATER, reason=LeaveReason.CLOSED, at=after(70))

    assert inquiry.status is Status.RECEIVED


def test_an_abandoned_inquiry_that_was_passed_on_is_open() -> None:
    inquiry = abandoned()

    inquiry.transfer(ref=code("t1"), kind=TransferKind.AGENT, to=YANG, at=after(60))

    assert inquiry.status is Status.RECEIVED


def test_a_conversation_counts_before_a_wait() -> None:
    inquiry = answered()

    inquiry.queue(queue=TAXES, at=after(30), contact=CALL)

    assert inquiry.status is Status.IN_CONVERSATION


def test_a_conversation_counts_before_an_agency_that_is_asked() -> None:
    inquiry = answered()

    inquiry.transfer(
        ref=code("t1"), kind=TransferKind.AGENCY, to=DISTRICT_OFFICE, at=after(60), holds=False
    )

    assert inquiry.status is Status.IN_CONVERSATION


def test_an_inquiry_is_back_when_its_agency_has_replied() -> None:
    inquiry = asked()

    inquiry.agency_reply(of=inquiry.version, outcome=code("found"), at=after(minutes=4))

    assert inquiry.status is Status.RECEIVED


def test_an_interpreter_is_no_agency() -> None:
    inquiry = ended()

    inquiry.transfer(
        ref=code("t1"), kind=TransferKind.INTERPRETER, to=code("ja"), at=after(minutes=3)
    )

    assert inquiry.status is Status.RECEIVED


def test_a_reply_leaves_a_text_open_until_it_is_resolved() -> None:
    inquiry = received(Channel.SMS)

    inquiry.reply(agent=YANG, message=WORDS, at=after(60))
    before = inquiry.status
    resolve(inquiry, agent=YANG, at=after(60))

    assert (before, inquiry.status) == (Status.RECEIVED, Status.RESOLVED)


def test_a_text_that_was_laid_down_is_open() -> None:
    inquiry = taken_up()

    inquiry.end(ended_by=EndedBy.AGENT, at=after(minutes=2))

    assert inquiry.status is Status.RECEIVED


def test_annulment_counts_before_everything() -> None:
    inquiry = resolved()

    inquiry.annul(reason=AnnulReason.TEST, at=after(minutes=60))

    assert inquiry.status is Status.ANNULLED

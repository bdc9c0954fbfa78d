"""What the views of inquiries, of praise and of the audit say, one promise a test."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from domain.inquiry import Inquiry
from domain.vocabulary import (
    AnnulReason,
    Channel,
    EndedBy,
    LeaveReason,
    Outcome,
    Plain,
    TransferKind,
    code,
)
from tests.domain.building import (
    CALL,
    CITIZEN,
    KIM,
    MODERATOR,
    NEXT_CALL,
    NINE,
    WORDS,
    YANG,
    after,
    follow_up,
)
from tests.projections.calls import abandoned, answered, call
from tests.projections.city import City

SECRET = Plain("내 번호는 010-1234-5678")


def praised() -> tuple[Inquiry, int]:
    """An answered call with a praise, and the praise's version."""
    inquiry = answered(NINE)
    inquiry.praise(
        ref=code("p1"), title=WORDS, story=SECRET, author=WORDS, at=after(minutes=60), agent=YANG
    )
    return inquiry, inquiry.version


def publish(
    inquiry: Inquiry,
    of: int,
    minute: int,
    *,
    title: Plain | None = None,
    story: Plain | None = None,
) -> None:
    at = after(minutes=minute)
    inquiry.publish_praise(of=of, moderator=MODERATOR, at=at, title=title, story=story)


# Inquiries


def test_an_open_visit_says_who_waits_where_and_since_when(city: City) -> None:
    waiting = call(NINE, "water")

    city.tell(waiting, abandoned(NINE))

    assert city.row("inquiries.visit") == {
        "stream_id": waiting.id,
        "visit": 1,
        "queue": "water",
        "enqueued_at": NINE,
        "answered_at": None,
        "agent": None,
    }


def test_an_answered_visit_is_open_until_the_conversation_is_over(city: City) -> None:
    inquiry = call(NINE)
    city.tell(inquiry)

    inquiry.answer(agent=YANG, at=after(10))
    city.tell(inquiry)

    visit = city.row("inquiries.visit")
    assert (visit["answered_at"], visit["agent"]) == (after(10), YANG)
    inquiry.end(ended_by=EndedBy.CITIZEN, at=after(60))
    city.tell(inquiry)
    assert city.rows("inquiries.visit") == []


@pytest.mark.parametrize("by_and_by", [True, False])
def test_nobody_waits_with_an_annulled_inquiry(city: City, *, by_and_by: bool) -> None:
    inquiry = call(NINE)
    city.tell(inquiry)

    inquiry.answer(agent=YANG, at=after(10))
    if by_and_by:
        city.tell(inquiry)
    inquiry.annul(reason=AnnulReason.TEST, at=after(20))
    city.tell(inquiry)

    assert city.rows("inquiries.visit") == []
    assert city.row("inquiries.inquiry")["status"] == "annulled"


def test_only_the_visit_that_is_over_is_closed(city: City) -> None:
    inquiry = call(NINE, "water")
    inquiry.queue(queue=code("taxes"), at=after(30), contact=NEXT_CALL)
    city.tell(inquiry)

    inquiry.leave_queue(visit=1, reason=LeaveReason.TIMEOUT, at=after(60))
    city.tell(inquiry)

    assert city.row("inquiries.visit")["queue"] == "taxes"
    assert city.row("inquiries.inquiry")["waiting"] == 1


def test_the_queue_is_the_last_that_was_entered_whichever_was_answered_last(city: City) -> None:
    inquiry = call(NINE, "water")
    inquiry.queue(queue=code("taxes"), at=after(30), contact=NEXT_CALL)
    inquiry.answer(agent=YANG, at=after(60), visit=1)

    city.tell(inquiry)

    assert city.row("inquiries.inquiry")["queue"] == "taxes"


@pytest.mark.parametrize(
    ("reason", "status"), [(LeaveReason.KEY, "abandoned"), (LeaveReason.CALLBACK, "received")]
)
def test_who_is_to_be_called_back_is_not_lost(city: City, reason: LeaveReason, status: str) -> None:
    inquiry = call(NINE)
    inquiry.leave_queue(reason=reason, at=after(60))

    city.tell(inquiry)

    assert city.row("inquiries.inquiry")["status"] == inquiry.status == status


def test_the_version_is_that_of_the_last_event(city: City) -> None:
    inquiry = answered(NINE)

    city.tell(inquiry)

    row = city.row("inquiries.inquiry")
    assert (row["version"], row["changed_at"]) == (inquiry.version, inquiry.modified_on)


def test_the_holder_is_the_last_in_the_worlds_time(city: City) -> None:
    inquiry = answered(NINE)
    inquiry.transfer(ref=code("t1"), kind=TransferKind.AGENT, to=KIM, at=after(minutes=9))
    city.tell(inquiry)
    assert city.row("inquiries.inquiry")["holder"] == KIM

    inquiry.transfer(ref=code("t2"), kind=TransferKind.AGENT, to=YANG, at=after(minutes=5))
    city.tell(inquiry)

    assert city.row("inquiries.inquiry")["holder"] == KIM


def test_a_resolution_stands_until_it_is_reopened(city: City) -> None:
    inquiry = answered(NINE)
    inquiry.resolve(outcome=Outcome.REFERRED, agent=YANG, at=after(minutes=6))
    city.tell(inquiry)
    row = city.row("inquiries.inquiry")
    assert (row["resolved_at"], row["outcome"]) == (after(minutes=6), "referred")

    inquiry.reopen(reason=code("wrong"), at=after(minutes=9))
    city.tell(inquiry)

    row = city.row("inquiries.inquiry")
    assert (row["resolved_at"], row["outcome"], row["status"]) == (None, None, "received")


def test_who_asks_and_about_what_may_be_learnt_later(city: City) -> None:
    inquiry = call(NINE)
    city.tell(inquiry)

    inquiry.identify(citizen=CITIZEN, at=after(10))
    inquiry.classify(category=code("buses"), at=after(20))
    city.tell(inquiry)

    row = city.row("inquiries.inquiry")
    assert (row["citizen"], row["category"], row["channel"]) == (CITIZEN, "buses", "phone")


# The board


def test_a_praise_is_pending_until_it_is_moderated(city: City) -> None:
    inquiry, version = praised()

    city.tell(inquiry)

    row = city.row("praise.story")
    assert (row["version"], row["status"], row["agent"]) == (version, "pending", YANG)
    assert row["praised_at"] == after(minutes=60)


def test_a_praise_is_published_as_it_was_written_or_in_moderated_words(city: City) -> None:
    inquiry, version = praised()
    publish(inquiry, version, 61, story=WORDS)
    city.tell(inquiry)

    row = city.row("praise.story")

    assert (row["status"], row["moderator"], row["shown_title"]) == ("published", MODERATOR, None)
    assert row["shown_story"]["c"] != row["story"]["c"]


@pytest.mark.parametrize("by_and_by", [True, False])
def test_a_withdrawn_praise_shows_no_words_that_were_published(
    city: City, *, by_and_by: bool
) -> None:
    inquiry, version = praised()
    publish(inquiry, version, 61, title=WORDS, story=WORDS)
    if by_and_by:
        city.tell(inquiry)

    inquiry.withdraw_praise(
        of=version, moderator=KIM, at=after(minutes=62), reason=code("name-shown")
    )
    city.tell(inquiry)

    row = city.row("praise.story")
    assert (row["status"], row["moderator"], row["reason"]) == ("withdrawn", KIM, "name-shown")
    assert (row["shown_title"], row["shown_story"]) == (None, None)
    assert (row["moderated"], row["moderated_at"]) == (inquiry.version, after(minutes=62))


def test_a_withdrawn_praise_may_be_published_after_all(city: City) -> None:
    inquiry, version = praised()
    inquiry.withdraw_praise(of=version, moderator=KIM, at=after(minutes=61), reason=code("doubt"))
    city.tell(inquiry)

    publish(inquiry, version, 62)
    city.tell(inquiry)

    row = city.row("praise.story")
    assert (row["status"], row["reason"]) == ("published", None)


def test_moderation_concerns_one_praise_of_an_inquiry(city: City) -> None:
    inquiry, first = praised()
    inquiry.praise(ref=code("p2"), title=WORDS, story=WORDS, author=WORDS, at=after(minutes=60))

    publish(inquiry, first, 61)
    city.tell(inquiry)

    statuses = {row["version"]: row["status"] for row in city.rows("praise.story")}
    assert statuses == {first: "published", first + 1: "pending"}


@pytest.mark.parametrize("by_and_by", [True, False])
def test_no_praise_of_an_annulled_inquiry_is_on_the_board(city: City, *, by_and_by: bool) -> None:
    inquiry, version = praised()
    publish(inquiry, version, 61)
    if by_and_by:
        city.tell(inquiry)

    inquiry.annul(reason=AnnulReason.PHANTOM, at=after(minutes=70))
    city.tell(inquiry)

    assert city.row("praise.story")["status"] == "annulled"


# The audit


def test_the_audit_has_a_row_an_event_in_the_order_of_the_log(city: City) -> None:
    one, other = answered(NINE), call(NINE)
    city.tell(one, other)
    one.classify(category=code("buses"), at=after(minutes=5))

    city.tell(one)

    rows = sorted(city.rows("audit.entry"), key=lambda row: int(row["position"]))
    assert [row["position"] for row in rows] == list(range(1, city.position + 1))
    assert [row["version"] for row in rows if row["stream_id"] == one.id] == [1, 2, 3, 4, 5]
    assert [row["type"] for row in rows][-1] == "inquiry.classified"


def test_the_audit_says_who_did_it_and_which_agent_it_is_about(city: City) -> None:
    inquiry = call(NINE)
    inquiry.answer(agent=YANG, at=after(10))

    city.tell(inquiry)

    found = {row["type"]: (row["actor"], row["agent"]) for row in city.rows("audit.entry")}
    assert found["inquiry.answered"] == ("agent:a017", YANG)
    assert found["inquiry.queued"] == ("agent:a017", None)


@pytest.mark.parametrize(
    ("kind", "to_agent"),
    [(TransferKind.AGENT, KIM), (TransferKind.INTERPRETER, KIM), (TransferKind.AGENCY, None)],
)
def test_the_audit_says_to_whom_an_inquiry_was_handed(
    city: City, kind: TransferKind, to_agent: str | None
) -> None:
    inquiry = answered(NINE)
    inquiry.transfer(ref=code("t1"), kind=kind, to=KIM, from_agent=YANG, at=after(minutes=9))

    city.tell(inquiry)

    [row] = city.rows("audit.entry", "type = 'inquiry.transferred'")
    assert (row["agent"], row["to_agent"]) == (YANG, to_agent)


def test_the_audit_names_sealed_fields_and_holds_no_text_of_them(city: City) -> None:
    inquiry = Inquiry.receive(
        uuid4(), at=NINE, channel=Channel.PHONE, contact=CALL, question=SECRET, place=WORDS
    )
    follow_up(inquiry, at=after(minutes=5))

    city.tell(inquiry)

    rows: dict[str, dict[str, Any]] = {row["type"]: row for row in city.rows("audit.entry")}
    assert rows["inquiry.received"]["sealed"] == ["place", "question"]
    assert rows["inquiry.followed-up"]["sealed"] == ["message"]
    texts = [value for row in rows.values() for value in row.values() if isinstance(value, str)]
    assert all(len(text) < len("inquiry.follow-up-reported") + 1 for text in texts)


def test_the_audit_keeps_the_time_of_the_world_beside_that_of_the_log(city: City) -> None:
    city.tell(call(NINE))

    for row in city.rows("audit.entry"):
        assert row["time"] == NINE
        assert row["recordedtime"] > NINE + timedelta(days=1)

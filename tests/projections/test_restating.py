"""What is learnt late, or was wrong, restates the bucket that it belongs to."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from domain.inquiry import Inquiry
from domain.vocabulary import (
    AnnulReason,
    Channel,
    Delivery,
    EndedBy,
    Medium,
    Outcome,
    Purpose,
    TransferKind,
    code,
)
from tests.domain.building import CALL, KIM, NINE, WORDS, YANG, follow_up
from tests.projections.calls import abandoned, answered, call
from tests.projections.city import City, Sums

HOUR = timedelta(hours=1)
OLD: dict[str, Any] = {"language": "ko", "category": "water", "district": "jung-gu"}
NEW: dict[str, Any] = {"language": "ja", "category": "taxes", "district": "gangnam-gu"}


def hour(number: int) -> datetime:
    """Return the hour so many after nine in Seoul, 0:00 in UTC."""
    return NINE + number * HOUR


def eventful() -> Inquiry:
    """A call with something of everything that is counted."""
    inquiry = answered(NINE, **OLD)
    inquiry.transfer(
        ref=code("t"), kind=TransferKind.AGENCY, to=code("bus"), at=hour(1), from_agent=YANG
    )
    inquiry.agency_reply(of=inquiry.version, outcome=code("found"), at=hour(2))
    follow_up(inquiry, at=hour(3))
    inquiry.report_follow_up(of=inquiry.version, outcome=Delivery.DELIVERED, at=hour(4))
    inquiry.resolve(outcome=Outcome.ANSWERED, agent=code("a1"), at=hour(5))
    inquiry.rate(score=5, at=hour(6))
    inquiry.praise(ref=code("p"), title=WORDS, story=WORDS, author=WORDS, at=hour(7), agent=YANG)
    inquiry.reopen(reason=code("wrong"), at=hour(8))
    inquiry.queue(queue=code("general"), at=hour(9))
    inquiry.abandon(at=hour(9) + timedelta(seconds=20))
    return inquiry


def written(at: datetime) -> Inquiry:
    """A text message that arrived."""
    return Inquiry.receive(uuid4(), at=at, channel=Channel.SMS, contact=CALL)


def reply(inquiry: Inquiry, *, at: datetime, agent: str = "a1") -> None:
    inquiry.reply(agent=code(agent), message=WORDS, at=at)


def relabelled(tables: Sums, new: dict[Any, Any]) -> Sums:
    """Return the sums as they would be under other labels."""
    return {
        table: {tuple(new.get(label, label) for label in row): sums for row, sums in rows.items()}
        for table, rows in tables.items()
    }


def test_an_annulment_takes_everything_back(city: City) -> None:
    inquiry = eventful()
    city.tell(inquiry)
    assert set(city.kpi()) == {"hourly", "daily", "daily_agent", "daily_agency", "waits"}

    inquiry.annul(reason=AnnulReason.TEST, at=hour(10))
    city.tell(inquiry)

    assert city.kpi() == {}


def test_an_annulment_takes_back_no_other_inquiry(city: City) -> None:
    city.tell(answered(NINE))
    alone = city.kpi()
    inquiry = answered(NINE)
    city.tell(inquiry)

    inquiry.annul(reason=AnnulReason.PHANTOM, at=hour(1))
    city.tell(inquiry)

    assert city.kpi() == alone


@pytest.mark.parametrize("by_and_by", [True, False])
def test_a_classification_moves_everything_to_the_new_labels(
    city: City, *, by_and_by: bool
) -> None:
    city.tell(eventful())
    counted = relabelled(city.kpi(), dict(zip(OLD.values(), NEW.values(), strict=True)))
    city.begin_again(city.position)
    inquiry = eventful()
    if by_and_by:
        city.tell(inquiry)

    inquiry.classify(at=hour(10), **NEW)
    city.tell(inquiry)

    assert city.kpi() == counted


@pytest.mark.parametrize("by_and_by", [True, False])
def test_of_two_classifications_the_last_holds(city: City, *, by_and_by: bool) -> None:
    inquiry = eventful()
    city.tell(inquiry)
    counted = relabelled(city.kpi(), dict(zip(OLD.values(), NEW.values(), strict=True)))

    inquiry.classify(at=hour(10), language=code("vi"), category=code("roads"))
    if by_and_by:
        city.tell(inquiry)
    inquiry.classify(at=hour(11), **NEW)
    city.tell(inquiry)

    assert city.kpi() == counted


def test_what_was_classified_and_then_annulled_counts_under_no_label(city: City) -> None:
    inquiry = eventful()
    inquiry.classify(at=hour(10), **NEW)
    city.tell(inquiry)

    inquiry.annul(reason=AnnulReason.TEST, at=hour(11))
    city.tell(inquiry)

    assert city.kpi() == {}


def test_what_happens_after_a_classification_counts_under_the_new_labels_once(city: City) -> None:
    inquiry = call(NINE, **OLD)
    inquiry.classify(at=NINE, **NEW)
    inquiry.answer(agent=YANG, at=NINE)

    city.tell(inquiry)

    assert city.counted("answered", "language") == {"ja": 1}
    assert city.counted("offered", "language") == {"ja": 1}


def test_a_call_that_turns_out_to_be_a_text_leaves_the_sums_of_visits(city: City) -> None:
    inquiry = answered(NINE)
    city.tell(inquiry)

    inquiry.classify(at=hour(1), channel=Channel.SMS)
    city.tell(inquiry)

    assert (city.total("offered"), city.total("answered"), city.total("talk_ms")) == (0, 0, 0)
    assert city.counted("received", "channel") == {"sms": 1}
    assert "waits" not in city.kpi()


def test_an_earlier_answer_told_late_takes_the_place_of_the_first(city: City) -> None:
    inquiry = written(NINE)
    reply(inquiry, at=hour(3), agent="a3")
    city.tell(inquiry)
    assert city.counted("answered_inquiries") == {hour(3): 1}

    reply(inquiry, at=hour(1), agent="a1")
    city.tell(inquiry)

    assert city.counted("answered_inquiries") == {hour(1): 1}
    assert city.counted("answered_inquiries", "agent", "daily_agent") == {"a1": 1}
    assert city.counted("replied") == {hour(1): 1, hour(3): 1}


def test_a_later_answer_moves_nothing(city: City) -> None:
    inquiry = written(NINE)
    reply(inquiry, at=hour(1))
    reply(inquiry, at=hour(2))

    city.tell(inquiry)

    assert city.counted("answered_inquiries") == {hour(1): 1}


def test_an_answer_told_after_a_resolution_that_it_came_after_is_counted(city: City) -> None:
    inquiry = written(NINE)
    inquiry.follow_up(
        ref=code("f"), medium=Medium.SMS, purpose=Purpose.CARE, message=WORDS, at=hour(1)
    )
    reply(inquiry, at=hour(3))
    inquiry.resolve(outcome=Outcome.ANSWERED, at=hour(2))

    city.tell(inquiry)

    assert city.counted("answered_inquiries") == {hour(3): 1}


def test_a_visit_that_crosses_midnight_counts_on_the_day_of_its_entry(city: City) -> None:
    before_midnight = datetime.fromisoformat("2012-02-29T23:59:55+09:00")

    city.tell(answered(before_midnight, "water"))

    entry = date(2012, 2, 29)
    for what in ("answered", "waited_ms", "ended", "talk_ms", "answered_inquiries"):
        assert set(city.counted(what, "day", "daily")) == {entry}
        assert set(city.counted(what, "queue", "daily")) == {"water"}
        assert set(city.counted(what, "hour")) == {hour(14)}


def test_the_end_of_each_visit_counts_in_the_queue_of_that_visit(city: City) -> None:
    inquiry = answered(NINE, "water")
    city.tell(inquiry)

    inquiry.queue(queue=code("taxes"), at=hour(1))
    inquiry.answer(agent=KIM, at=hour(1))
    city.tell(inquiry)
    inquiry.end(ended_by=EndedBy.AGENT, at=hour(2), talk_ms=7)
    city.tell(inquiry)

    assert city.counted("talk_ms", "queue") == {"water": 60_000, "taxes": 7}
    assert city.counted("talk_ms") == {NINE: 60_000, hour(1): 7}


def test_an_abandonment_told_late_counts_where_its_visit_entered(city: City) -> None:
    waiting = call(NINE)
    city.tell(waiting, abandoned(hour(5)))

    waiting.abandon(at=hour(2))
    city.tell(waiting)

    assert city.counted("abandoned") == {NINE: 1, hour(5): 1}


def test_a_withdrawn_resolution_stays_and_is_named_at_its_own_hour(city: City) -> None:
    inquiry = answered(NINE)
    inquiry.resolve(outcome=Outcome.ANSWERED, agent=code("a1"), at=hour(1))
    city.tell(inquiry)

    inquiry.reopen(reason=code("wrong"), at=hour(4))
    city.tell(inquiry)

    assert city.counted("resolutions") == {hour(1): 1}
    assert city.counted("resolutions_withdrawn") == {hour(1): 1}
    assert city.counted("resolutions_withdrawn", "agent", "daily_agent") == {"a1": 1}
    assert city.counted("reopened") == {hour(4): 1}
    assert city.counted("resolved_by_first_agent") == {NINE: 1}


def test_a_follow_up_is_delivered_in_the_hour_in_which_it_was_sent(city: City) -> None:
    inquiry = answered(NINE)
    follow_up(inquiry, at=hour(1), ref="f1")
    sent = inquiry.version
    follow_up(inquiry, at=hour(2), ref="f2")
    city.tell(inquiry)

    inquiry.report_follow_up(of=sent, outcome=Delivery.DELIVERED, at=hour(6))
    inquiry.report_follow_up(of=sent + 1, outcome=Delivery.FAILED, at=hour(6))
    city.tell(inquiry)

    assert city.counted("followed_up") == {hour(1): 1, hour(2): 1}
    assert city.counted("delivered") == {hour(1): 1}

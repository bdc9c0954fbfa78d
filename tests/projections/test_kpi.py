"""What is counted as what, one promise of `docs/kpi.md` a test."""

from datetime import timedelta
from uuid import uuid4

import pytest

from domain.inquiry import Inquiry
from domain.vocabulary import (
    Channel,
    EndedBy,
    LeaveReason,
    Medium,
    Outcome,
    Purpose,
    TransferKind,
    code,
)
from tests.domain.building import CALL, KIM, NINE, WORDS, YANG, after
from tests.projections.calls import MS, abandoned, answered, call
from tests.projections.city import City


def arrived(channel: Channel = Channel.PHONE) -> Inquiry:
    return Inquiry.receive(uuid4(), at=NINE, channel=channel, contact=CALL)


def pass_on(inquiry: Inquiry, ref: str, kind: TransferKind, *, holds: bool = True) -> None:
    inquiry.transfer(
        ref=code(ref), kind=kind, to=code("x"), at=after(minutes=5), from_agent=YANG, holds=holds
    )


@pytest.mark.parametrize("reason", [LeaveReason.FULL, LeaveReason.CLOSED])
def test_who_is_refused_on_entry_is_offered_and_blocked(city: City, reason: LeaveReason) -> None:
    inquiry = arrived()
    inquiry.turn_away(queue=code("water"), reason=reason, at=NINE)

    city.tell(inquiry)

    assert city.counted("offered", "queue") == {"water": 1}
    assert city.counted("blocked", "queue") == {"water": 1}
    assert city.total("left_queue") == 0


def test_who_leaves_the_queue_otherwise_is_neither_abandoned_nor_blocked(city: City) -> None:
    inquiry = call(NINE)
    inquiry.leave_queue(reason=LeaveReason.TIMEOUT, at=after(60))

    city.tell(inquiry)

    assert (city.total("offered"), city.total("left_queue")) == (1, 1)
    assert (city.total("abandoned"), city.total("blocked")) == (0, 0)


def test_who_waits_is_offered_and_nothing_else(city: City) -> None:
    city.tell(call(NINE))

    [sums] = [sums for row, sums in city.kpi()["hourly"].items() if "general" in row]
    assert sums == {"offered": 1}


def test_text_channels_count_replies_and_no_visits(city: City) -> None:
    inquiry = arrived(Channel.SMS)
    inquiry.queue(queue=code("texts"), at=NINE)
    inquiry.answer(agent=YANG, at=after(5))
    inquiry.end(ended_by=EndedBy.AGENT, at=after(60), talk_ms=1)
    inquiry.reply(agent=YANG, message=WORDS, at=after(60))

    city.tell(inquiry)

    assert (city.total("replied"), city.total("reply_ms")) == (1, 60_000)
    for what in ("offered", "answered", "answered_within_15", "waited_ms", "ended", "talk_ms"):
        assert city.total(what) == 0
    assert city.total("answered_inquiries") == 1
    assert "waits" not in city.kpi()


def test_a_direct_call_is_answered_but_was_never_offered(city: City) -> None:
    inquiry = arrived()
    inquiry.answer(agent=YANG, at=after(5))
    inquiry.end(ended_by=EndedBy.AGENT, at=after(60), talk_ms=55_000)

    city.tell(inquiry)

    assert (city.total("offered"), city.total("answered")) == (0, 0)
    assert (city.total("answered_inquiries"), city.total("talk_ms")) == (1, 55_000)


def test_a_wait_is_within_a_threshold_to_the_millisecond(city: City) -> None:
    city.tell(answered(NINE, waited_ms=15_000), answered(NINE, waited_ms=15_001))

    assert (city.total("answered_within_10"), city.total("answered_within_15")) == (0, 1)
    assert city.total("answered_within_20") == 2


def test_waits_stand_in_whole_seconds_rounded_up(city: City) -> None:
    waits_ms = [0, 1, 1_000, 1_001, 15_000, 15_400]
    city.tell(*(answered(NINE, waited_ms=wait) for wait in waits_ms))
    city.tell(abandoned(NINE, waited_ms=4_999), abandoned(NINE, waited_ms=5_001))

    assert city.counted("answered", "seconds", "waits") == {0: 1, 1: 2, 2: 1, 15: 1, 16: 1}
    assert city.counted("abandoned", "seconds", "waits") == {5: 1, 6: 1}
    assert city.total("abandoned_within_5") == 1


def test_the_sources_own_wait_counts_where_it_gives_one(city: City) -> None:
    inquiry = call(NINE)
    inquiry.answer(agent=YANG, at=after(10), waited_ms=9_000)

    city.tell(inquiry)

    assert city.total("waited_ms") == 9_000


def test_an_unknown_talk_time_is_left_out_and_none_at_all_counts(city: City) -> None:
    for talk_ms in (None, 0):
        inquiry = call(NINE)
        inquiry.answer(agent=YANG, at=NINE)
        inquiry.end(ended_by=EndedBy.AGENT, at=after(60), talk_ms=talk_ms, hold_ms=5, wrapup_ms=7)
        city.tell(inquiry)

    assert (city.total("ended"), city.total("ended_with_talk")) == (2, 1)
    assert (city.total("talk_ms"), city.total("hold_ms"), city.total("wrapup_ms")) == (0, 5, 7)


def test_a_change_of_holder_counts_once_an_inquiry_and_each_as_a_hop(city: City) -> None:
    inquiry = answered(NINE)
    pass_on(inquiry, "t1", TransferKind.AGENT)
    pass_on(inquiry, "t2", TransferKind.AGENCY)

    city.tell(inquiry)

    assert (city.total("transferred"), city.total("transfer_hops")) == (1, 2)
    assert (city.total("transferred_agent"), city.total("transferred_agency")) == (1, 1)
    assert city.counted("transferred_agency", "agency", "daily_agency") == {"x": 1}


def test_who_joins_while_the_agent_holds_changes_no_holder(city: City) -> None:
    inquiry = answered(NINE)
    pass_on(inquiry, "t1", TransferKind.INTERPRETER, holds=False)
    inquiry.resolve(outcome=Outcome.ANSWERED, agent=code("a1"), at=after(minutes=6))

    city.tell(inquiry)

    assert (city.total("transferred"), city.total("transfer_hops")) == (0, 0)
    assert city.total("transferred_interpreter") == 1
    assert city.total("resolved_by_first_agent") == 1


def test_an_agencys_reply_counts_for_the_agency_with_the_time_that_it_took(city: City) -> None:
    inquiry = answered(NINE)
    pass_on(inquiry, "t1", TransferKind.AGENCY, holds=False)
    inquiry.agency_reply(of=inquiry.version, outcome=code("found"), at=after(minutes=8))

    city.tell(inquiry)

    assert city.counted("agency_replied", "agency", "daily_agency") == {"x": 1}
    assert city.total("agency_took_ms") == 180_000


def test_a_first_agent_resolution_counts_where_the_inquiry_was_first_answered(city: City) -> None:
    inquiry = answered(NINE)
    inquiry.resolve(outcome=Outcome.ANSWERED, agent=code("a1"), at=after(minutes=200))

    city.tell(inquiry)

    assert city.counted("resolved_by_first_agent") == {NINE: 1}
    assert city.counted("resolved_by_first_agent", "agent", "daily_agent") == {"a1": 1}


def test_what_another_agent_resolves_is_no_first_agent_resolution(city: City) -> None:
    inquiry = answered(NINE)
    inquiry.resolve(outcome=Outcome.ANSWERED, agent=KIM, at=after(minutes=6))

    city.tell(inquiry)

    assert (city.total("resolutions"), city.total("resolved_by_first_agent")) == (1, 0)


def test_ratings_of_four_and_five_are_satisfied(city: City) -> None:
    for score in range(1, 6):
        inquiry = answered(NINE)
        inquiry.resolve(outcome=Outcome.ANSWERED, agent=YANG, at=after(minutes=6))
        inquiry.rate(score=score, at=after(minutes=7))
        city.tell(inquiry)

    assert (city.total("rated"), city.total("satisfied"), city.total("score_sum")) == (5, 2, 15)
    assert city.counted("rated", "agent", "daily_agent") == {YANG: 5}


def test_follow_ups_count_by_medium(city: City) -> None:
    inquiry = answered(NINE)
    for medium in [*Medium, Medium.SMS]:
        inquiry.follow_up(
            ref=code(f"f{inquiry.version}"),
            medium=medium,
            purpose=Purpose.CARE,
            message=WORDS,
            at=after(minutes=10),
        )

    city.tell(inquiry)

    counts = {medium: city.total(f"followed_up_{medium}") for medium in Medium}
    assert counts == {Medium.SMS: 2, Medium.CALL: 1, Medium.EMAIL: 1, Medium.POST: 1}
    assert city.total("followed_up") == 5


def test_each_visit_of_a_transferred_call_counts_in_its_own_queue(city: City) -> None:
    inquiry = answered(NINE, "general", waited_ms=4_000)
    inquiry.queue(queue=code("taxes"), at=after(minutes=2))
    inquiry.answer(agent=KIM, at=after(minutes=2) + 9_000 * MS)

    city.tell(inquiry)

    assert city.counted("waited_ms", "queue") == {"general": 4_000, "taxes": 9_000}
    assert city.counted("answered_inquiries", "queue") == {"general": 1}


def test_a_day_is_the_citys_and_an_hour_is_utc(city: City) -> None:
    city.tell(call(NINE - timedelta(hours=9)), call(NINE - timedelta(hours=9) - MS))

    days = {str(day): count for day, count in city.counted("offered", "day", "daily").items()}
    assert days == {"2012-02-28": 1, "2012-02-29": 1}
    assert set(city.counted("offered")) == {
        NINE - timedelta(hours=9),
        NINE - timedelta(hours=10),
    }

"""What is open: now as the view has it, at any instant as the facts until then make it."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.inquiry import Inquiry
from domain.vocabulary import AnnulReason, Channel, LeaveReason, Outcome, Status, code
from projections.as_of import moment_at
from projections.asking_history import Past
from projections.backlog import LABELS, OPEN_THEN, Backlog, backlog_now, backlog_then, require_label
from projections.question import QuestionError
from projections.runner import fill
from tests.domain.building import resolve
from tests.projections.calls import MS, abandoned, answered, call
from tests.projections.city import City
from tests.projections.histories import History, histories
from tests.projections.naive import Fact
from tests.projections.test_as_of import UNHURRIED
from tests.projections.test_split import recorded

DAY, MINUTE, SECOND = timedelta(days=1), timedelta(minutes=1), timedelta(seconds=1)
OPEN = {Status.RECEIVED, Status.QUEUED, Status.IN_CONVERSATION, Status.AT_AGENCY}
NOTHING = {"open": 0, "under_1d": 0, "from_1d_to_7d": 0, "from_7d_to_30d": 0, "from_30d": 0}


@pytest.fixture
def city(old_city: City) -> City:
    """A city whose views know nothing yet."""
    old_city.begin_again(old_city.position)
    return old_city


def then(past: Past, at: datetime, by: str | None = None, position: int | None = None) -> Backlog:
    """Return the backlog at an instant, as known at a position, by default the last."""
    [row] = past.connection.execute("SELECT position FROM log_head").fetchall()
    moment = moment_at(past.connection, row[0] if position is None else position)
    [told] = backlog_then(past, at, [by], moment)
    return told


def now(city: City, at: datetime, by: str | None = None) -> Backlog:
    [told] = backlog_now(city.connection, at, [by])
    return told


def counted(told: Backlog) -> dict[str | None, int]:
    return {row.label: row.counts["open"] for row in told.rows}


def opened(past: Past, at: datetime) -> int:
    """Return how many are open at an instant."""
    [row] = then(past, at).rows
    return row.counts["open"]


# What is open


def test_an_inquiry_is_open_from_its_arrival_until_it_is_resolved(
    city: City, past: Past, noon: datetime
) -> None:
    inquiry = answered(noon)
    resolve(inquiry, agent=code("a1"), at=noon + 5 * MINUTE)
    city.tell(inquiry)

    at = [noon - MS, noon, noon + 5 * MINUTE - MS, noon + 5 * MINUTE]
    assert [opened(past, one) for one in at] == [0, 1, 1, 0]


def test_a_reopened_inquiry_is_open_again(city: City, past: Past, noon: datetime) -> None:
    inquiry = answered(noon)
    resolve(inquiry, agent=code("a1"), at=noon + 5 * MINUTE)
    inquiry.reopen(reason=code("wrong"), at=noon + 60 * MINUTE)
    city.tell(inquiry)

    assert [opened(past, noon + one * MINUTE) for one in (59, 60)] == [0, 1]
    assert counted(now(city, noon + 61 * MINUTE)) == {None: 1}


def test_who_hung_up_is_not_open_and_who_asked_to_be_called_back_is(
    city: City, past: Past, noon: datetime
) -> None:
    called_back = call(noon)
    called_back.leave_queue(reason=LeaveReason.CALLBACK, at=noon + 10 * SECOND)
    city.tell(abandoned(noon), called_back)

    assert opened(past, noon + 9 * SECOND) == 2
    assert opened(past, noon + MINUTE) == 1


def test_what_was_annulled_later_was_never_open(city: City, past: Past, noon: datetime) -> None:
    phantom = call(noon)
    city.tell(phantom)
    before = city.position
    phantom.annul(reason=AnnulReason.PHANTOM, at=noon + 60 * MINUTE)
    city.tell(phantom)

    assert opened(past, noon + 5 * SECOND) == 0
    assert counted(then(past, noon + 5 * SECOND, position=before)) == {None: 1}


def test_a_late_fact_counts_where_it_happened_once_it_is_known(
    city: City, past: Past, noon: datetime
) -> None:
    inquiry = answered(noon)
    city.tell(inquiry)
    before = city.position
    inquiry.resolve(outcome=Outcome.ANSWERED, agent=code("a1"), at=noon + 5 * MINUTE)
    city.tell(inquiry)

    at = noon + 30 * MINUTE
    assert counted(then(past, at, position=before)) == {None: 1}
    assert counted(then(past, at)) == {None: 0}


def test_labels_are_those_known_and_the_queue_is_the_last_entered_by_then(
    city: City, past: Past, noon: datetime
) -> None:
    inquiry = call(noon, "general")
    inquiry.abandon(at=noon + 10 * SECOND)
    inquiry.queue(queue=code("taxes"), at=noon + 2 * MINUTE)
    inquiry.classify(category=code("tax"), at=noon + 3 * MINUTE)
    city.tell(inquiry, Inquiry.receive(uuid4(), at=noon, channel=Channel.SMS))

    assert counted(then(past, noon + 5 * SECOND, "queue")) == {"general": 1, None: 1}
    assert counted(then(past, noon + 2 * MINUTE, "queue")) == {"taxes": 1, None: 1}
    assert counted(then(past, noon + 5 * SECOND, "category")) == {"tax": 1, None: 1}
    assert counted(then(past, noon + 5 * SECOND, "channel")) == {"phone": 1, "sms": 1}


# Ages


def test_an_age_of_whole_days_is_no_younger(city: City, past: Past, noon: datetime) -> None:
    city.tell(call(noon - 7 * DAY + MS))
    city.tell(*(call(noon - days * DAY) for days in (0, 1, 2, 7, 8, 30)))

    for told in (then(past, noon), now(city, noon)):
        [row] = told.rows
        assert row.counts == {
            "open": 7, "under_1d": 1, "from_1d_to_7d": 3, "from_7d_to_30d": 2, "from_30d": 1
        }  # fmt: skip


@pytest.mark.parametrize(("seconds", "p50_s", "p90_s"), [([4], 4, 4), (list(range(1, 11)), 5, 9)])
def test_a_percentile_is_the_least_age_that_the_share_does_not_exceed(
    city: City, past: Past, noon: datetime, seconds: list[int], p50_s: int, p90_s: int
) -> None:
    city.tell(*(call(noon - age * SECOND) for age in seconds))

    for told in (then(past, noon), now(city, noon)):
        [row] = told.rows
        assert row.ages == {
            "age_p50_ms": 1000 * p50_s,
            "age_p90_ms": 1000 * p90_s,
            "age_max_ms": 1000 * max(seconds),
        }


def test_where_nothing_is_open_ages_are_null(city: City, past: Past, noon: datetime) -> None:
    for told in (then(past, noon), now(city, noon), then(past, noon, position=0)):
        [row] = told.rows
        assert row.counts == NOTHING
        assert set(row.ages.values()) == {None}
    assert then(past, noon, "queue").rows == []
    assert now(city, noon, "queue").rows == []


# Now


def test_now_it_is_known_who_waits_and_who_talks(city: City, noon: datetime) -> None:
    talking = call(noon, "taxes")
    talking.answer(agent=code("a1"), at=noon + 10 * SECOND)
    taken_up = Inquiry.receive(uuid4(), at=noon, channel=Channel.SMS)
    taken_up.answer(agent=code("a1"), at=noon + 10 * SECOND)
    phantom = call(noon)
    phantom.answer(agent=code("a1"), at=noon + SECOND)
    phantom.annul(reason=AnnulReason.TEST, at=noon + 2 * SECOND)
    city.tell(
        talking, taken_up, phantom, call(noon + SECOND), call(noon + 2 * SECOND), answered(noon)
    )

    [row] = now(city, noon + 31 * SECOND).rows
    by_queue = {row.label: row.now for row in now(city, noon + 31 * SECOND, "queue").rows}

    assert row.now == {"waiting": 2, "longest_wait_ms": 30_000, "conversations": 2}
    assert by_queue == {
        "general": {"waiting": 2, "longest_wait_ms": 30_000, "conversations": 0},
        "taxes": {"waiting": 0, "longest_wait_ms": None, "conversations": 1},
        None: {"waiting": 0, "longest_wait_ms": None, "conversations": 1},
    }


def test_a_backlog_says_what_it_stands_for(city: City, past: Past, noon: datetime) -> None:
    city.tell(call(noon))

    told = then(past, noon + SECOND, "queue").as_json()

    assert list(told) == ["at", "position", "rows"]
    assert (told["at"], told["position"]) == ((noon + SECOND).isoformat(), city.position)
    assert told["rows"][0]["queue"] == "general"
    assert "waiting" not in told["rows"][0]
    assert now(city, noon + SECOND).as_json()["position"] == city.position


def test_another_label_is_refused() -> None:
    with pytest.raises(QuestionError, match="no backlog by 'agent': use one of queue, channel"):
        require_label("agent")


# Properties


def naive(inquiries: Iterable[Sequence[Fact]], at: datetime) -> dict[str | None, list[int]]:
    """Return the ages of what is open by the domain's own words, by category."""
    ages: dict[str | None, list[int]] = {}
    for facts in inquiries:
        inquiry: Any = None
        for fact in facts:
            if inquiry is None and fact.timestamp <= at:
                inquiry = fact.mutate(None)
            elif fact.timestamp <= at:
                fact.apply(inquiry)
        is_annulled = facts[-1].TYPE == "inquiry.annulled.v1"
        if inquiry is not None and not is_annulled and inquiry.status in OPEN:
            age = (at - inquiry.received_at) // MS
            ages.setdefault(facts[-1].category, []).append(age)
    return ages


@UNHURRIED
@given(history=histories(), share=st.floats(0, 1.1), by=st.sampled_from(LABELS))
def test_the_backlog_is_what_the_domain_calls_open(
    old_city: City, past: Past, history: History, share: float, by: str
) -> None:
    begin = recorded(old_city, history)
    facts = old_city.facts(0)
    last = max(fact.timestamp for told in facts.values() for fact in told)
    at = history.begin + share * (last - history.begin)

    moment = moment_at(old_city.connection, old_city.position)
    by_category, by_label, whole = backlog_then(past, at, ["category", by, None], moment)

    assert begin < moment.position
    expected = naive(facts.values(), at)
    assert counted(by_category) == {label: len(ages) for label, ages in expected.items()}
    assert {row.label: row.ages["age_max_ms"] for row in by_category.rows} == {
        label: max(ages) for label, ages in expected.items()
    }
    [row] = whole.rows
    assert sum(row.counts["open"] for row in by_label.rows) == row.counts["open"]
    ages = sorted(age for found in expected.values() for age in found)
    for percent in (50, 90) if ages else ():
        nth = -(-percent * len(ages) // 100)
        assert row.ages[f"age_p{percent}_ms"] == ages[nth - 1]


@UNHURRIED
@given(history=histories(), by=st.sampled_from(LABELS))
def test_the_view_says_now_what_the_replay_says(
    old_city: City, past: Past, history: History, by: str
) -> None:
    recorded(old_city, history)
    old_city.begin_again()
    old_city.catch_up()
    at = datetime.now(UTC)

    by_view = now(old_city, at, by)

    by_replay = then(past, at, by)
    open_now = [row for row in by_view.rows if row.counts["open"]]
    assert [(row.label, row.counts, row.ages) for row in open_now] == [
        (row.label, row.counts, row.ages) for row in by_replay.rows
    ]


def test_postgresql_reads_the_definition_the_same(city: City, past: Past, noon: datetime) -> None:
    resolved, moved = answered(noon), call(noon)
    resolve(resolved, agent=code("a1"), at=noon + 5 * MINUTE)
    moved.classify(category=code("tax"), at=noon + 3 * MINUTE)
    city.tell(resolved, moved, abandoned(noon))
    at = noon + 6 * MINUTE

    with city.connection.transaction():
        fill(city.connection, 0, city.position)
        text = OPEN_THEN.replace("%", "%%").replace(":at", "%(at)s")
        found = city.connection.execute(text.encode(), {"at": at}).fetchall()

    assert [row[0] for row in found] == [moved.id]
    assert counted(then(past, at, "category")) == {"tax": 1}

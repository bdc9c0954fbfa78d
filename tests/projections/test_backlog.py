"""What is open: now as the view has it, at any instant as the facts until then make it."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.inquiry import Inquiry
from domain.vocabulary import AnnulReason, Channel, LeaveReason, Outcome, Status, code
from eventlog.archive import Archive
from projections.as_of import moment_at
from projections.asking_history import Past
from projections.backlog import LABELS, OPEN_THEN, Backlog, backlog_now, backlog_then, require_label
from projections.question import QuestionError
from projections.runner import fill
from tests.domain.building import NINE, after, resolve
from tests.projections.calls import MS, abandoned, answered, call
from tests.projections.city import City
from tests.projections.histories import History, histories
from tests.projections.naive import Fact
from tests.projections.test_as_of import UNHURRIED
from tests.projections.test_split import recorded

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
OPEN = {Status.RECEIVED, Status.QUEUED, Status.IN_CONVERSATION, Status.AT_AGENCY}
NOTHING = {"open": 0, "under_1d": 0, "from_1d_to_7d": 0, "from_7d_to_30d": 0, "from_30d": 0}


@pytest.fixture
def past(city: City, tmp_path: Path) -> Past:
    """The history of a city whose archive is empty."""
    return Past(city.connection, Archive(str(tmp_path)), "Asia/Seoul")


@pytest.fixture(scope="module")
def old_past(old_city: City, tmp_path_factory: pytest.TempPathFactory) -> Past:
    """That of a city that the examples of a property share."""
    folder = tmp_path_factory.mktemp("archive")
    return Past(old_city.connection, Archive(str(folder)), "Asia/Seoul")


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


def test_an_inquiry_is_open_from_its_arrival_until_it_is_resolved(city: City, past: Past) -> None:
    inquiry = answered(NINE)
    resolve(inquiry, agent=code("a1"), at=after(minutes=5))
    city.tell(inquiry)

    at = [NINE - MS, NINE, after(minutes=5) - MS, after(minutes=5)]
    assert [opened(past, one) for one in at] == [0, 1, 1, 0]


def test_a_reopened_inquiry_is_open_again(city: City, past: Past) -> None:
    inquiry = answered(NINE)
    resolve(inquiry, agent=code("a1"), at=after(minutes=5))
    inquiry.reopen(reason=code("wrong"), at=after(minutes=60))
    city.tell(inquiry)

    assert [opened(past, after(minutes=one)) for one in (59, 60)] == [0, 1]
    assert counted(now(city, after(minutes=61))) == {None: 1}


def test_who_hung_up_is_not_open_and_who_asked_to_be_called_back_is(city: City, past: Past) -> None:
    called_back = call(NINE)
    called_back.leave_queue(reason=LeaveReason.CALLBACK, at=after(10))
    city.tell(abandoned(NINE), called_back)

    assert opened(past, after(9)) == 2
    assert opened(past, after(minutes=1)) == 1


def test_what_was_annulled_later_was_never_open(city: City, past: Past) -> None:
    phantom = call(NINE)
    city.tell(phantom)
    before = city.position
    phantom.annul(reason=AnnulReason.PHANTOM, at=after(minutes=60))
    city.tell(phantom)

    assert opened(past, after(5)) == 0
    assert counted(then(past, after(5), position=before)) == {None: 1}


def test_a_late_fact_counts_where_it_happened_once_it_is_known(city: City, past: Past) -> None:
    inquiry = answered(NINE)
    city.tell(inquiry)
    before = city.position
    inquiry.resolve(outcome=Outcome.ANSWERED, agent=code("a1"), at=after(minutes=5))
    city.tell(inquiry)

    at = after(minutes=30)
    assert counted(then(past, at, position=before)) == {None: 1}
    assert counted(then(past, at)) == {None: 0}


def test_labels_are_those_known_and_the_queue_is_the_last_entered_by_then(
    city: City, past: Past
) -> None:
    inquiry = call(NINE, "general")
    inquiry.abandon(at=after(10))
    inquiry.queue(queue=code("taxes"), at=after(minutes=2))
    inquiry.classify(category=code("tax"), at=after(minutes=3))
    city.tell(inquiry, Inquiry.receive(uuid4(), at=NINE, channel=Channel.SMS))

    assert counted(then(past, after(5), "queue")) == {"general": 1, None: 1}
    assert counted(then(past, after(minutes=2), "queue")) == {"taxes": 1, None: 1}
    assert counted(then(past, after(5), "category")) == {"tax": 1, None: 1}
    assert counted(then(past, after(5), "channel")) == {"phone": 1, "sms": 1}


# Ages


def test_an_age_of_whole_days_is_no_younger(city: City, past: Past) -> None:
    city.tell(call(NINE - 7 * DAY + MS))
    city.tell(*(call(NINE - days * DAY) for days in (0, 1, 2, 7, 8, 30)))

    for told in (then(past, NINE), now(city, NINE)):
        [row] = told.rows
        assert row.counts == {
            "open": 7, "under_1d": 1, "from_1d_to_7d": 3, "from_7d_to_30d": 2, "from_30d": 1
        }  # fmt: skip


@pytest.mark.parametrize(("seconds", "p50_s", "p90_s"), [([4], 4, 4), (list(range(1, 11)), 5, 9)])
def test_a_percentile_is_the_least_age_that_the_share_does_not_exceed(
    city: City, past: Past, seconds: list[int], p50_s: int, p90_s: int
) -> None:
    city.tell(*(call(NINE - age * SECOND) for age in seconds))

    for told in (then(past, NINE), now(city, NINE)):
        [row] = told.rows
        assert row.ages == {
            "age_p50_ms": 1000 * p50_s,
            "age_p90_ms": 1000 * p90_s,
            "age_max_ms": 1000 * max(seconds),
        }


def test_where_nothing_is_open_ages_are_null(city: City, past: Past) -> None:
    for told in (then(past, NINE), now(city, NINE), then(past, NINE, position=0)):
        [row] = told.rows
        assert row.counts == NOTHING
        assert set(row.ages.values()) == {None}
    assert then(past, NINE, "queue").rows == []
    assert now(city, NINE, "queue").rows == []


# Now


def test_now_it_is_known_who_waits_and_who_talks(city: City) -> None:
    talking = call(NINE, "taxes")
    talking.answer(agent=code("a1"), at=after(10))
    taken_up = Inquiry.receive(uuid4(), at=NINE, channel=Channel.SMS)
    taken_up.answer(agent=code("a1"), at=after(10))
    phantom = call(NINE)
    phantom.answer(agent=code("a1"), at=after(1))
    phantom.annul(reason=AnnulReason.TEST, at=after(2))
    city.tell(talking, taken_up, phantom, call(after(1)), call(after(2)), answered(NINE))

    [row] = now(city, after(31)).rows
    by_queue = {row.label: row.now for row in now(city, after(31), "queue").rows}

    assert row.now == {"waiting": 2, "longest_wait_ms": 30_000, "conversations": 2}
    assert by_queue == {
        "general": {"waiting": 2, "longest_wait_ms": 30_000, "conversations": 0},
        "taxes": {"waiting": 0, "longest_wait_ms": None, "conversations": 1},
        None: {"waiting": 0, "longest_wait_ms": None, "conversations": 1},
    }


def test_a_backlog_says_what_it_stands_for(city: City, past: Past) -> None:
    city.tell(call(NINE))

    told = then(past, after(1), "queue").as_json()

    assert list(told) == ["at", "position", "rows"]
    assert (told["at"], told["position"]) == (after(1).isoformat(), city.position)
    assert told["rows"][0]["queue"] == "general"
    assert "waiting" not in told["rows"][0]
    assert now(city, after(1)).as_json()["position"] == city.position


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
    old_city: City, old_past: Past, history: History, share: float, by: str
) -> None:
    begin = recorded(old_city, history)
    facts = old_city.facts(0)
    last = max(fact.timestamp for told in facts.values() for fact in told)
    at = history.begin + share * (last - history.begin)

    moment = moment_at(old_city.connection, old_city.position)
    by_category, by_label, whole = backlog_then(old_past, at, ["category", by, None], moment)

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
    old_city: City, old_past: Past, history: History, by: str
) -> None:
    recorded(old_city, history)
    old_city.catch_up()
    at = datetime.now(UTC)

    by_view = now(old_city, at, by)

    by_replay = then(old_past, at, by)
    open_now = [row for row in by_view.rows if row.counts["open"]]
    assert [(row.label, row.counts, row.ages) for row in open_now] == [
        (row.label, row.counts, row.ages) for row in by_replay.rows
    ]


def test_postgresql_reads_the_definition_the_same(city: City, past: Past) -> None:
    resolved, moved = answered(NINE), call(NINE)
    resolve(resolved, agent=code("a1"), at=after(minutes=5))
    moved.classify(category=code("tax"), at=after(minutes=3))
    city.tell(resolved, moved, abandoned(NINE))

    with city.connection.transaction():
        fill(city.connection, 0, city.position)
        text = OPEN_THEN.replace(":at", "timestamptz '2012-02-29 00:06Z'")
        found = city.connection.execute(text.encode()).fetchall()

    assert [row[0] for row in found] == [moved.id]
    assert counted(then(past, after(minutes=6))) == {None: 1}

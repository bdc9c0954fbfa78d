"""What no table of the view holds is answered from the history, by the same definitions."""

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.vocabulary import TransferKind, code
from projections.answer import Answer, Standing, answers
from projections.asking import ask, from_history, held_by_view
from projections.asking_history import Past, Recalled
from projections.formulas import HELD_BY
from projections.question import Question, UnanswerableError
from projections.views import view
from tests.domain.building import resolve
from tests.projections.calls import (
    MIDNIGHT,
    MS,
    NEXT_MIDNIGHT,
    SEOUL,
    abandoned,
    answered,
    counted,
)
from tests.projections.city import City
from tests.projections.histories import History, histories
from tests.projections.test_as_of import EVER, UNHURRIED
from tests.projections.test_split import recorded

HOUR = timedelta(hours=1)
NOON = MIDNIGHT + 12 * HOUR
TICK = timedelta.resolution
BERLIN, KOLKATA = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata")
KATHMANDU = ZoneInfo("Asia/Kathmandu")
WATER, TAX = code("water"), code("tax")


def day(noon: datetime, *by: str, **more: Any) -> Question:
    """A question for a day that no table holds the answer to."""
    question = Question(noon - 12 * HOUR, noon + 12 * HOUR, SEOUL, by, **more)
    assert not held(question)
    return question


def held(question: Question) -> bool:
    """Whether a table of the view in Seoul holds the answer."""
    return held_by_view(question, Standing(view("kpi").definition, 0, SEOUL)) is not None


def told(past: Past, question: Question) -> Answer:
    [answer] = ask(past, [question])
    return answer


def test_labels_that_no_table_has_together_are_counted_together(
    old_city: City, past: Past, noon: datetime
) -> None:
    old_city.tell(
        answered(noon, category=WATER),
        answered(noon, category=TAX, agent="a2"),
        answered(noon + HOUR, category=TAX),
        abandoned(noon, category=TAX),
    )

    by_hour = told(past, day(noon, "hour", "category")).rows
    by_agent = told(past, day(noon, "category", "agent")).rows

    found = {(row.begin, row.labels["category"]): row.sums["offered"] for row in by_hour}
    assert {key: count for key, count in found.items() if count} == {
        (noon, "water"): 1,
        (noon, "tax"): 2,
        (noon + HOUR, "tax"): 1,
    }
    assert len(found) == 48
    assert counted(by_agent, "answered") == {
        ("tax", "a1"): 1, ("tax", "a2"): 1, ("water", "a1"): 1
    }  # fmt: skip


def test_the_answer_stands_for_the_position_of_the_view(
    old_city: City, past: Past, noon: datetime
) -> None:
    old_city.tell(answered(noon, category=WATER))
    [by_view] = answers(old_city.connection, [Question(noon, noon + HOUR, SEOUL)])

    by_history = told(past, day(noon, "hour", "category"))

    assert by_history.position == by_view.position == old_city.position
    assert by_history.definition == by_view.definition


def test_a_filter_may_name_what_is_not_grouped_by(
    old_city: City, past: Past, noon: datetime
) -> None:
    old_city.tell(
        answered(noon, category=WATER, agent="a1"),
        answered(noon, category=WATER, agent="a2"),
        answered(noon, agent="a1"),
    )

    [known] = told(
        past, day(noon, "total", filters={"agent": ("a1",), "category": ("water",)})
    ).rows
    [unknown] = told(
        past, day(noon, "total", filters={"agent": ("a1", "a2"), "category": ("",)})
    ).rows

    assert (known.sums["answered"], unknown.sums["answered"]) == (1, 1)


def test_any_threshold_and_the_percentiles_are_exact_by_any_label(
    old_city: City, past: Past, noon: datetime
) -> None:
    waits = [0, 17_000, 17_001]
    old_city.tell(*(answered(noon, category=WATER, waited_ms=wait) for wait in waits))
    old_city.tell(*(abandoned(noon, category=WATER, waited_ms=wait) for wait in waits))

    [row] = told(past, day(noon, "day", "category", threshold_s=17, short_s=0)).rows

    assert (row.sums["answered_within"], row.sums["abandoned_within"]) == (2, 2)
    assert row.sums["short_abandoned"] == 1
    assert (row.ratios["wait_p50_ms"], row.ratios["wait_p90_ms"]) == (17_000, 18_000)


@pytest.mark.parametrize("zone", [BERLIN, KOLKATA, KATHMANDU])
def test_any_zone_has_days_by_any_label(
    old_city: City, past: Past, noon: datetime, zone: ZoneInfo
) -> None:
    begin = (noon - 12 * HOUR).replace(tzinfo=zone)
    old_city.tell(answered(begin, category=WATER), answered(begin - MS, category=WATER))
    days = Question(begin - 24 * HOUR, begin + 24 * HOUR, zone, ("day", "category"))

    assert [row.sums["answered"] for row in told(past, days).rows] == [1, 1]


def test_any_zone_has_hours_of_its_own(old_city: City, past: Past, noon: datetime) -> None:
    begin = noon.replace(tzinfo=KOLKATA)
    old_city.tell(answered(begin, waited_ms=17_000), answered(begin - MS), answered(begin + HOUR))
    hours = Question(begin - HOUR, begin + 2 * HOUR, KOLKATA, ("hour",), threshold_s=17)

    rows = told(past, hours).rows

    assert [row.sums["answered"] for row in rows] == [1, 1, 1]
    assert [(row.begin.hour, row.begin.minute) for row in rows] == [(11, 0), (12, 0), (13, 0)]
    assert rows[1].ratios["wait_p90_ms"] == 17_000


def test_a_range_may_begin_and_end_at_any_time(old_city: City, past: Past, noon: datetime) -> None:
    begin, end = noon + 17 * MS, noon + HOUR + timedelta(microseconds=3)
    old_city.tell(*(answered(at) for at in (begin - TICK, begin, end - TICK, end)))

    by_hour = told(past, Question(begin, end, SEOUL, ("hour",))).rows
    [total] = told(past, Question(begin, end, SEOUL)).rows

    assert [row.sums["answered"] for row in by_hour] == [1, 1]
    assert total.sums["answered"] == 2


def test_of_an_agent_and_an_agency_it_is_known_what_the_one_asked_of_the_other(
    old_city: City, past: Past, noon: datetime
) -> None:
    inquiry = answered(noon)
    inquiry.transfer(
        ref=code("t1"),
        kind=TransferKind.AGENCY,
        to=code("bus"),
        at=noon + HOUR,
        from_agent=code("a1"),
        holds=False,
    )
    old_city.tell(inquiry)

    [row] = told(past, day(noon, "agent", "agency")).rows

    assert row.labels == {"agent": "a1", "agency": "bus"}
    known = {name: value for name, value in row.sums.items() if value is not None}
    assert known == {"transferred": 0, "transferred_agency": 1, "transfer_hops": 0}


def test_what_happens_after_the_range_is_counted_in_it_where_it_belongs(
    old_city: City, past: Past, noon: datetime
) -> None:
    midnight = noon + 12 * HOUR
    late, withdrawn = answered(midnight - MS, category=WATER), answered(noon, category=WATER)
    resolve(late, agent=code("a1"), at=midnight + HOUR)
    resolve(withdrawn, agent=code("a1"), at=noon + HOUR)
    withdrawn.reopen(reason=code("wrong"), at=midnight + HOUR)
    old_city.tell(late, withdrawn)
    question = day(noon, "hour", "category", filters={"category": ("water",)})

    rows = told(past, question).rows

    twelve, one, last = rows[12].sums, rows[13].sums, rows[-1].sums
    assert (last["received"], last["answered"], last["ended"]) == (1, 1, 1)
    assert (last["resolved_by_first_agent"], last["resolutions"]) == (1, 0)
    assert (twelve["answered"], one["resolutions"], one["resolutions_withdrawn"]) == (1, 1, 1)
    assert sum(row.sums["answered"] or 0 for row in rows) == 2
    assert sum(row.sums["reopened"] or 0 for row in rows) == 0


def test_of_a_range_what_can_count_in_it_is_read_and_once(tmp_path: Path) -> None:
    times = [MIDNIGHT - MS, MIDNIGHT, NEXT_MIDNIGHT]
    with duckdb.connect() as duck:
        duck.execute(
            "CREATE TABLE log (id integer, type text, time timestamptz, enqueued_at timestamptz,"
            " of_time timestamptz, first_entered_at timestamptz)"
        )
        rows = [(at, more) for at in times for more in product([None, *times], repeat=3)]
        duck.executemany(
            "INSERT INTO log VALUES (?, 'inquiry.received', ?, ?, ?, ?)",
            [(number, at, *more) for number, (at, more) in enumerate(rows)],
        )
        duck.execute("CREATE TEMPORARY VIEW events AS FROM log")

        Recalled(duck, tmp_path).narrow(MIDNIGHT, NEXT_MIDNIGHT, keep_received=False)

        read = sorted(number for (number,) in duck.execute("SELECT id FROM events").fetchall())

    can_count = [
        number
        for number, (at, more) in enumerate(rows)
        if at >= MIDNIGHT and any(one < NEXT_MIDNIGHT for one in (at, *filter(None, more)))
    ]
    assert read == can_count


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        (Question(MIDNIGHT, NEXT_MIDNIGHT, SEOUL, ("queue", "agency")), "belongs to no queue"),
        (
            Question(MIDNIGHT, NEXT_MIDNIGHT, SEOUL, ("queue",), {"agency": ("bus",)}),
            "belongs to no queue",
        ),
        (
            Question(MIDNIGHT.replace(year=1996), MIDNIGHT, SEOUL, ("hour", "agent")),
            "more than 100,000 rows",
        ),
    ],
)
def test_what_the_history_cannot_answer_either_is_refused_with_the_reason(
    past: Past, question: Question, reason: str
) -> None:
    with pytest.raises(UnanswerableError, match=reason):
        ask(past, [question])


LABELS = st.lists(
    st.sampled_from(["queue", "channel", "language", "category", "district", "agent"]),
    min_size=1,
    unique=True,
)


@UNHURRIED
@given(
    history=histories(max_inquiries=2),
    period=st.sampled_from(["total", "hour", "day"]),
    labels=LABELS,
)
def test_any_combination_sums_to_the_tables(
    old_city: City, past: Past, history: History, period: str, labels: list[str]
) -> None:
    recorded(old_city, history)
    old_city.catch_up()
    # What nobody did is in no row with agents, so only agents are comparable then.
    coarser = "agent" if "agent" in labels else labels[0]
    [expected] = answers(old_city.connection, [Question(*EVER, SEOUL, (coarser,))])

    [found] = from_history(
        past,
        [Question(*EVER, SEOUL, (period, *labels))],
        old_city.position,
        with_history=False,
    )

    summed: dict[str | None, Counter[str]] = defaultdict(Counter)
    for row in found.rows:
        summed[row.labels[coarser]].update({name: n for name, n in row.sums.items() if n})
    for row in expected.rows:
        known = {name: n for name, n in row.sums.items() if n is not None}
        if "queue" in labels and "agent" in labels:
            known = {name: n for name, n in known.items() if name in HELD_BY["agent"]}
        assert {name: summed[row.labels[coarser]][name] for name in known} == known

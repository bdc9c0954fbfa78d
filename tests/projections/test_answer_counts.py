"""Properties: an answer equals a naive count, and its rows sum to its total."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.vocabulary import Code, LeaveReason
from eventlog.reader import head
from projections.answer import Row
from tests.projections.calls import MS, SEOUL, abandoned, answered, asked, call
from tests.projections.city import City

BEGIN = datetime(2012, 10, 26, 15, tzinfo=UTC)
"""A midnight in Seoul; in Berlin summer time ends in the second night."""
HOURS = 72
ZONES = [SEOUL, ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), ZoneInfo("UTC")]
FORMATS = {"hour": "%Y-%m-%dT%H%z", "day": "%Y-%m-%d", "month": "%Y-%m", "year": "%Y"}

BRISK = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])


class Visit(NamedTuple):
    at: datetime
    queue: str
    language: Code | None
    end: str
    waited_ms: int


# Edges are worth more than their share.
offsets_ms = st.one_of(
    st.integers(0, HOURS * 3_600_000 - 1),
    st.builds(
        lambda hour, ms: hour * 3_600_000 + ms, st.integers(1, HOURS - 1), st.sampled_from([-1, 0])
    ),
)
waits_ms = st.one_of(st.integers(0, 130_000), st.sampled_from([0, 5_000, 15_000, 15_001, 20_000]))
visits = st.builds(
    Visit,
    at=st.builds(lambda offset: BEGIN + offset * MS, offsets_ms),
    queue=st.sampled_from(["a", "b"]),
    language=st.sampled_from([None, Code("ja")]),
    end=st.sampled_from(["answered", "answered", "abandoned", "left_queue", "waiting"]),
    waited_ms=waits_ms,
)


def tell(city: City, told: list[Visit]) -> None:
    """Let a city in which nothing counts yet hear of the visits."""
    city.begin_again(head(city.connection))
    inquiries = []
    for visit in told:
        labels: dict[str, Any] = {"queue": visit.queue, "language": visit.language}
        if visit.end == "answered":
            inquiry = answered(visit.at, waited_ms=visit.waited_ms, **labels)
        elif visit.end == "abandoned":
            inquiry = abandoned(visit.at, waited_ms=visit.waited_ms, **labels)
        else:
            inquiry = call(visit.at, **labels)
        if visit.end == "left_queue":
            inquiry.leave_queue(reason=LeaveReason.TIMEOUT, at=visit.at + visit.waited_ms * MS)
        inquiries.append(inquiry)
    city.tell(*inquiries)


def naive(told: list[Visit], threshold_s: int, short_s: int) -> dict[str, Any]:
    """Count visits one by one."""
    sums: Counter[str] = Counter()
    for visit in told:
        sums["offered"] += 1
        sums[visit.end] += 1
        if visit.end in ("answered", "abandoned"):
            sums[f"{visit.end}_within"] += visit.waited_ms <= threshold_s * 1000
        sums["short_abandoned"] += visit.end == "abandoned" and visit.waited_ms <= short_s * 1000
        sums["waited_ms"] += visit.waited_ms * (visit.end == "answered")
        sums["abandoned_waited_ms"] += visit.waited_ms * (visit.end == "abandoned")
    waits = [visit.waited_ms for visit in told if visit.end == "answered"]
    return {
        **{name: sums[name] for name in NAMES},
        "wait_p50_ms": percentile(waits, 50),
        "wait_p90_ms": percentile(waits, 90),
    }


NAMES = (
    "offered", "answered", "abandoned", "left_queue", "waiting", "answered_within",
    "abandoned_within", "short_abandoned", "waited_ms", "abandoned_waited_ms",
)  # fmt: skip


def percentile(waits_ms: list[int], percent: int) -> int | None:
    seconds = range(max(waits_ms, default=-1000) // 1000 + 2)
    return next(
        (
            1000 * second
            for second in seconds
            if waits_ms
            and 100 * sum(wait <= 1000 * second for wait in waits_ms) >= percent * len(waits_ms)
        ),
        None,
    )


@BRISK
@given(
    told=st.lists(visits, max_size=25),
    zone=st.sampled_from(ZONES),
    period=st.sampled_from(["hour", "day", "month", "year"]),
    threshold_s=st.one_of(st.integers(0, 130), st.sampled_from([15, 20])),
    short_s=st.sampled_from([5, 7, 10]),
)
def test_every_row_is_the_naive_count_of_its_visits(
    old_city: City, told: list[Visit], zone: ZoneInfo, period: str, threshold_s: int, short_s: int
) -> None:
    tell(old_city, told)

    found = asked(
        old_city, period, "queue", "language",
        begin=BEGIN, end=BEGIN + timedelta(hours=HOURS), timezone=zone,
        filters={"queue": ("a", "b")}, threshold_s=threshold_s, short_s=short_s,
    ).rows  # fmt: skip

    form = FORMATS[period]
    groups: dict[Any, list[Visit]] = {}
    for visit in told:
        key = visit.at.astimezone(zone).strftime(form), visit.queue, visit.language
        groups.setdefault(key, []).append(visit)
    counted: dict[Any, Row] = {
        (row.begin.strftime(form), *row.labels.values()): row for row in found
    }
    assert len(counted) == len(found)
    assert groups.keys() <= counted.keys()
    assert {(v.queue, v.language) for v in told} == {tuple(row.labels.values()) for row in found}
    for key, row in counted.items():
        expected = naive(groups.get(key, []), threshold_s, short_s)
        assert {name: (row.sums | row.ratios)[name] for name in expected} == expected


@pytest.mark.long
@BRISK
@given(told=st.lists(visits, max_size=25), zone=st.sampled_from(ZONES))
def test_rows_of_any_grouping_sum_to_the_total(
    old_city: City, told: list[Visit], zone: ZoneInfo
) -> None:
    tell(old_city, told)
    # First answers count at their own time, a while after the last visit entered.
    interval: dict[str, Any] = {"begin": BEGIN, "end": BEGIN + timedelta(days=5), "timezone": zone}
    [total] = asked(old_city, **interval).rows

    for by in (("hour",), ("day",), ("month",), ("queue",), ("hour", "queue"), ("language",)):
        found = asked(old_city, *by, **interval).rows
        for name, sum_ in total.sums.items():
            assert sum(row.sums[name] or 0 for row in found) == sum_, (by, name)

    assert total.sums["received"] == len(told)


@BRISK
@given(told=st.lists(visits, max_size=25))
def test_tables_by_hour_and_by_day_say_the_same(old_city: City, told: list[Visit]) -> None:
    tell(old_city, told)
    interval: dict[str, Any] = {"begin": BEGIN, "end": BEGIN + timedelta(days=3)}

    by_hours = asked(old_city, "day", "language", **interval).rows
    by_days = asked(old_city, "day", "language", "category", **interval).rows

    assert [row.sums for row in by_hours] == [row.sums for row in by_days]

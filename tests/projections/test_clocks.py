"""Hours are those of the zone's own clocks, whatever their offset and however it changes."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.clocks import HOUR, hour_of, next_hour, transitions
from projections.question import Question
from tests.projections.chronicle import moments

ZONES = (
    "Asia/Seoul", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Adelaide", "Australia/Lord_Howe",
    "America/Caracas", "Asia/Pyongyang", "America/St_Johns", "Europe/Berlin", "UTC",
)  # fmt: skip
INSTANTS = st.datetimes(
    datetime(1900, 1, 2), datetime(2299, 12, 1), timezones=st.just(UTC)  # noqa: DTZ001
) | st.sampled_from(moments())  # fmt: skip


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("zone", "time", "hour"),
    [
        ("Asia/Seoul", "2012-02-29T09:59:59.999999+09:00", "2012-02-29T09:00+09:00"),
        ("Asia/Kolkata", "2012-02-29T09:00+05:30", "2012-02-29T09:00+05:30"),
        ("Asia/Kolkata", "2012-02-29T09:59:59+05:30", "2012-02-29T09:00+05:30"),
        ("Asia/Kathmandu", "2012-02-29T09:44+05:45", "2012-02-29T09:00+05:45"),
        ("Australia/Adelaide", "2012-04-01T02:45+10:30", "2012-04-01T02:00+10:30"),
        ("Australia/Adelaide", "2012-04-01T02:45+09:30", "2012-04-01T02:00+09:30"),
        ("Europe/Berlin", "2012-10-28T02:30+02:00", "2012-10-28T02:00+02:00"),
        ("Europe/Berlin", "2012-10-28T02:30+01:00", "2012-10-28T02:00+01:00"),
        ("Asia/Kolkata", "1969-12-31T23:59:59.5+05:30", "1969-12-31T23:00+05:30"),
    ],
)
def test_an_hour_begins_when_the_clocks_show_it(zone: str, time: str, hour: str) -> None:
    assert hour_of(at(time), ZoneInfo(zone)) == at(hour)


@pytest.mark.parametrize(
    ("zone", "starts"),
    [
        # At 02:00 it is 01:30 again.
        ("Australia/Lord_Howe", ["2012-04-01T01:00+11:00", "01:30+10:30", "02:00+10:30"]),
        # At 02:00 it is 02:30.
        ("Australia/Lord_Howe", ["2012-10-07T01:00+10:30", "02:30+11:00", "03:00+11:00"]),
        # At 02:30 it is 03:00.
        ("America/Caracas", ["2016-05-01T02:00-04:30", "03:00-04:00", "04:00-04:00"]),
        # At 03:00 it is 02:30.
        ("America/Caracas", ["2007-12-09T02:00-04:00", "02:30-04:30", "03:00-04:30"]),
        # At 00:01 it is 01:01: whole hours go on.
        ("America/St_Johns", ["2011-03-13T00:00-03:30", "02:00-02:30", "03:00-02:30"]),
    ],
)
def test_an_hour_ends_when_clocks_change_by_a_part_of_one(zone: str, starts: list[str]) -> None:
    first, *others = starts
    expected = [at(first), *(at(first[:11] + other) for other in others)]

    found = [expected[0]]
    while len(found) < len(expected):
        found.append(next_hour(found[-1], ZoneInfo(zone)))

    assert found == expected


def test_of_an_hour_that_is_no_whole_one_each_second_is_told() -> None:
    lord_howe = ZoneInfo("Australia/Lord_Howe")

    assert hour_of(at("2012-04-01T01:31:07.5+10:30"), lord_howe) == at("2012-04-01T01:31:07+10:30")
    assert hour_of(at("2012-04-01T02:31:07.5+10:30"), lord_howe) == at("2012-04-01T02:00:00+10:30")


def test_clocks_change_at_a_whole_second_from_whenever_they_are_watched() -> None:
    begin = at("2016-01-01T12:34:56.789+00:00")

    [(turn, before)] = transitions(ZoneInfo("America/Caracas"), begin, begin + 8_000 * HOUR)

    assert (turn, before) == (at("2016-05-01T03:00-04:00"), -4.5 * HOUR)


@given(zone=st.sampled_from(ZONES), begin=INSTANTS, time=st.timedeltas(timedelta(), 30 * HOUR))
def test_a_bucket_by_the_hour_has_what_is_counted_in_its_hours(
    zone: str, begin: datetime, time: timedelta
) -> None:
    clocks = ZoneInfo(zone)
    begin = hour_of(begin, clocks)

    buckets = Question(begin, begin + 32 * HOUR, clocks, ("hour",)).buckets()

    [bucket] = [one for one in buckets if one.begin <= begin + time < one.end]
    assert bucket.begin <= hour_of(begin + time, clocks) < bucket.end <= bucket.begin + HOUR
    assert hour_of(bucket.begin, clocks) == bucket.begin
    assert hour_of(bucket.end, clocks) == bucket.end

"""Times as text, and the times of facts."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import FactTimeError
from domain.times import FactTimes, read_time

NOW = datetime(2012, 2, 29, 12, tzinfo=UTC)


offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(timezones=offsets))
def test_a_time_is_read_as_it_was_written(at: datetime) -> None:
    assert read_time(at.isoformat()) == at


@pytest.mark.parametrize(
    "text",
    [
        "20120301", "120301090000", "1330441200", "1330441200.5", "0", "-", "", "2012-02-29",
        "2012-02-29T09:00:04", "2012-02-30T09:00:04Z", "2012-W09-3T09:00:04Z", "2012-060T09:00:04Z",
        "20120229T090004Z", "2012-02-29T24:00:01Z", "2012-02-29T09:00:04+25:00", "now",
        "\uff12012-02-29T09:00:04Z", "2012-02-29T09:00:04Z ", "2012-02-29T09:00:04Z\n",
    ],
)  # fmt: skip
def test_what_is_not_written_as_a_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_time(text)


@pytest.mark.parametrize("second", ["60", "60.25", "60.999999"])
def test_a_leap_second_is_the_last_instant_of_the_second_before(second: str) -> None:
    assert read_time(f"2012-06-30T23:59:{second}Z") == datetime(
        2012, 6, 30, 23, 59, 59, 999_999, tzinfo=UTC
    )


@pytest.mark.parametrize("at", [FactTimes().earliest, NOW, NOW + FactTimes().ahead])
def test_a_fact_happens_between_the_earliest_time_and_now(at: datetime) -> None:
    FactTimes().require(at, NOW)


@pytest.mark.parametrize(
    ("at", "setting"),
    [
        (datetime(1970, 1, 1, 0, 0, 12, tzinfo=UTC), "DASAN_EARLIEST"),
        (FactTimes().earliest - timedelta(microseconds=1), "DASAN_EARLIEST"),
        (NOW + FactTimes().ahead + timedelta(microseconds=1), "DASAN_CLOCK_AHEAD_S"),
        (datetime(2199, 1, 1, tzinfo=UTC), "DASAN_CLOCK_AHEAD_S"),
    ],
)
def test_nothing_happens_at_other_times(at: datetime, setting: str) -> None:
    with pytest.raises(FactTimeError, match=setting):
        FactTimes().require(at, NOW)

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from projections.question import Question, QuestionError, UnanswerableError, instant
from projections.sources import VIEW, Hours, choose

SEOUL, TOKYO = ZoneInfo("Asia/Seoul"), ZoneInfo("Asia/Tokyo")
BERLIN, KOLKATA = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata")
KATHMANDU, LORD_HOWE = ZoneInfo("Asia/Kathmandu"), ZoneInfo("Australia/Lord_Howe")


def question(
    begin: str = "2012-02-29",
    end: str = "2012-03-01",
    *by: str,
    zone: ZoneInfo = SEOUL,
    **more: Any,
) -> Question:
    begin_at, end_at = (datetime.fromisoformat(at).replace(tzinfo=zone) for at in (begin, end))
    return Question(begin_at, end_at, zone, by or ("total",), **more)


def starts(asked: Question) -> list[str]:
    return [bucket.begin.astimezone(asked.timezone).isoformat() for bucket in asked.buckets()]


def source(asked: Question, city: ZoneInfo = SEOUL) -> str:
    return choose(asked, asked.buckets(), city).sums.table.name


# Buckets


def test_the_total_is_one_bucket() -> None:
    asked = question("2012-02-29T06:00", "2012-03-05")

    assert asked.buckets() == [(asked.begin, asked.end)]


def test_periods_are_cut_at_the_ends_of_the_range() -> None:
    by_day = question("2012-02-28T06:00", "2012-03-01T01:00", "day")
    by_month = question("2012-01-15", "2012-03-02", "month")
    by_year = question("2011-12-31", "2012-01-02", "year")

    assert [start[8:16] for start in starts(by_day)] == ["28T06:00", "29T00:00", "01T00:00"]
    assert [start[:10] for start in starts(by_month)] == ["2012-01-15", "2012-02-01", "2012-03-01"]
    assert [start[:10] for start in starts(by_year)] == ["2011-12-31", "2012-01-01"]


def test_buckets_touch_and_fill_the_range() -> None:
    asked = question("2012-03-01T05:00", "2012-11-30", "day", zone=BERLIN)
    buckets = asked.buckets()

    assert (buckets[0].begin, buckets[-1].end) == (asked.begin, asked.end)
    assert all(one.end == other.begin for one, other in pairwise(buckets))


@pytest.mark.parametrize(
    ("day", "hours"), [("2012-03-25", 23), ("2012-06-01", 24), ("2012-10-28", 25)]
)
def test_days_at_the_changes_of_summer_time_have_23_and_25_hours(day: str, hours: int) -> None:
    following = (datetime.fromisoformat(day) + timedelta(days=1)).date().isoformat()

    by_hour = question(day, following, "hour", zone=BERLIN).buckets()
    [by_day] = question(day, following, "day", zone=BERLIN).buckets()

    assert len(by_hour) == hours
    assert by_day.end - by_day.begin == timedelta(hours=hours)


def test_the_hour_that_is_repeated_is_two_buckets_with_their_offsets() -> None:
    found = starts(question("2012-10-28T01:00", "2012-10-28T04:00", "hour", zone=BERLIN))

    assert [start[11:16] + start[19:] for start in found] == [
        "01:00+02:00", "02:00+02:00", "02:00+01:00", "03:00+01:00",
    ]  # fmt: skip


def test_a_day_without_a_midnight_begins_when_it_begins() -> None:
    havana = ZoneInfo("America/Havana")

    found = starts(question("2012-03-31", "2012-04-02", "day", zone=havana))

    assert found == ["2012-03-31T00:00:00-05:00", "2012-04-01T01:00:00-04:00"]


def test_a_day_that_a_zone_left_out_is_no_bucket() -> None:
    apia = ZoneInfo("Pacific/Apia")

    found = starts(question("2011-12-29", "2012-01-01", "day", zone=apia))

    assert [start[:10] for start in found] == ["2011-12-29", "2011-12-31"]


# Tables


def test_the_table_is_the_one_that_holds_all_that_is_named() -> None:
    assert source(question()) == "hourly"
    assert source(question(filters={"queue": ("general",)})) == "hourly"
    assert source(question("2012-01-01", "2013-01-01", "month", "category")) == "daily"
    assert source(question(filters={"agent": ("a1",)})) == "daily_agent"
    assert source(question("2012-02-29", "2012-03-01", "agency", "district")) == "daily_agency"


def test_a_zone_with_the_citys_midnights_knows_what_is_kept_by_day() -> None:
    assert source(question("2012-02-29", "2012-03-01", "category", zone=TOKYO)) == "daily"


@pytest.mark.parametrize("city", [KOLKATA, KATHMANDU, LORD_HOWE])
def test_a_city_has_hours_of_its_own_whatever_its_offset(city: ZoneInfo) -> None:
    by_hour = question("2012-02-29", "2012-03-01", "hour", "queue", zone=city)
    by_day = question("2012-02-29", "2012-03-01", "day", "queue", zone=city)

    assert source(by_hour, city) == source(by_day, city) == "hourly"
    assert choose(by_hour, by_hour.buckets(), city).waits


@pytest.mark.parametrize("day", ["2012-04-01", "2012-10-07"])
def test_a_day_on_which_clocks_change_by_half_an_hour_has_hours_too(day: str) -> None:
    following = (datetime.fromisoformat(day) + timedelta(days=1)).date().isoformat()

    assert source(question(day, following, "hour", zone=LORD_HOWE), city=LORD_HOWE) == "hourly"


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (
            question("2012-02-29", "2012-03-01", "day", zone=KOLKATA),
            r"\+05:30 is the start of none",
        ),
        (
            question("2012-02-29", "2012-03-01", "hour", zone=KOLKATA),
            "kept by days and hours of Asia/Seoul",
        ),
        (question("2012-02-29T00:30", "2012-02-29T01:30"), "00:30:00"),
        (
            question("2012-02-29", "2012-03-01", "hour", "category"),
            "category by hour in Asia/Seoul",
        ),
        (question("2012-02-29T06:00", "2012-03-01", "district"), "from midnight to midnight"),
        (question("2012-02-29", "2012-03-01", "agent", zone=BERLIN), "kept by days of Asia/Seoul,"),
        (question("2012-02-29", "2012-03-01", "agent", "category"), "no table holds agent and cat"),
        (question("2012-02-29", "2012-03-01", "category", threshold_s=17), "17 s cannot"),
        (question("2012-02-29", "2012-03-01", "agent", short_s=4), "4 s cannot"),
    ],
)
def test_what_no_table_holds_is_refused_with_the_reason(asked: Question, reason: str) -> None:
    with pytest.raises(UnanswerableError, match=reason):
        source(asked)


def test_hours_of_utc_are_not_those_of_a_city_that_is_half_an_hour_from_them() -> None:
    with pytest.raises(UnanswerableError, match="hours of Asia/Kolkata"):
        source(question("2012-02-29", "2012-03-01", "hour", zone=ZoneInfo("UTC")), city=KOLKATA)


def test_of_tables_that_may_have_hours_of_utc_only_those_count_that_are_the_citys_too() -> None:
    older = replace(VIEW, hours=Hours.OF_CITY_OR_UTC)
    in_seoul = question("2012-02-29", "2012-03-01", "hour")
    in_kolkata, by_day = (
        question("2012-02-29", "2012-03-01", period, zone=KOLKATA) for period in ("hour", "day")
    )

    assert choose(in_seoul, in_seoul.buckets(), SEOUL, older).sums.table.name == "hourly"
    assert choose(by_day, by_day.buckets(), KOLKATA, older).sums.table.name == "daily"
    with pytest.raises(UnanswerableError):
        choose(in_kolkata, in_kolkata.buckets(), KOLKATA, older)


# Times


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2012-02-29", "2012-02-29T00:00:00+09:00"),
        ("2012-02-29T18:00", "2012-02-29T18:00:00+09:00"),
        ("2012-02-29 18:00:01.25", "2012-02-29T18:00:01.250000+09:00"),
        ("2012-02-29T18:00:00Z", "2012-02-29T18:00:00+00:00"),
        ("2012-02-29t18:00+05:30", "2012-02-29T18:00:00+05:30"),
        ("2012-06-30T23:59:60Z", "2012-06-30T23:59:59.999999+00:00"),
        ("2012-07-01T08:59:60", "2012-07-01T08:59:59.999999+09:00"),
    ],
)
def test_a_time_is_read_as_it_is_written(text: str, at: str) -> None:
    assert instant(text, SEOUL).isoformat() == at


@pytest.mark.parametrize(
    "text",
    [
        "20120301", "20120301T0900", "2012-W09-4", "2012-W09-4T09:00", "2012-03-01T0900",
        "1330473600", "2012-03", "2012-3-1", "2012-03-01T09", "2012-03-01T09:00+09",
        "2012-03-01T24:01", "2012-02-30", "2012-03-01_09:00", " 2012-03-01", "٢012-03-01",
        "2012-061", "",
    ],
)  # fmt: skip
def test_what_is_not_written_as_a_time_is_none(text: str) -> None:
    with pytest.raises(QuestionError, match="is not a date or time: write 2012-02-29, 2012-02-29T"):
        instant(text, SEOUL)


@pytest.mark.parametrize("text", ["0001-01-01", "1899-12-31", "2300-01-02", "9999-12-31T23:59Z"])
def test_a_time_at_which_nothing_was_is_refused(text: str) -> None:
    with pytest.raises(QuestionError, match=f"'{text}' is not between 1900-01-01 and 2300-01-01"):
        instant(text, SEOUL)


# Bad values


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"end": datetime(2012, 2, 29, tzinfo=UTC)}, "`to` is exclusive"),
        ({"end": datetime(2012, 2, 28, tzinfo=UTC)}, "`to` is exclusive"),
        ({"begin": datetime(1, 1, 1, tzinfo=SEOUL)}, "between 1900 and 2300"),
        ({"end": datetime(9999, 12, 31, tzinfo=UTC)}, "between 1900 and 2300"),
        ({"begin": datetime(2012, 2, 29)}, "offset"),  # noqa: DTZ001 - what is refused
        ({"by": ("day", "colour")}, "no grouping by 'colour'"),
        ({"by": ("",)}, "no grouping by ''"),
        ({"by": ("day", "hour")}, "two periods"),
        ({"by": ("queue", "queue")}, "twice"),
        ({"filters": {"colour": ("red",)}}, "no filter 'colour'"),
        ({"filters": {"channel": ("fax",)}}, "no channel 'fax': use phone"),
        ({"filters": {"agent": ("",)}}, "agent needs a name"),
        ({"filters": {"queue": ("no code",)}}, "queue: 'no code' is not a code"),
        ({"threshold_s": -1}, "threshold is -1"),
        ({"short_s": 86_401}, "short is 86401"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(values: dict[str, Any], reason: str) -> None:
    good: dict[str, Any] = {
        "begin": datetime(2012, 2, 29, tzinfo=UTC),
        "end": datetime(2012, 3, 1, tzinfo=UTC),
        "timezone": SEOUL,
    }

    with pytest.raises(QuestionError, match=reason):
        Question(**good | values)


def test_an_answer_that_nobody_could_read_is_refused() -> None:
    with pytest.raises(UnanswerableError, match=r"by hour has more than 100,000 rows"):
        question("1999-01-01", "2012-01-01", "hour").buckets()

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from eventlog.log import Log
from importers.queue_log import import_queue_log
from projections.expected import (
    Expected,
    ExpectedError,
    Figure,
    compare,
    compare_report,
    read_expected,
)
from projections.question import QuestionError
from tests.projections.calls import MIDNIGHT, SEOUL, abandoned, answered
from tests.projections.city import City

NOON = MIDNIGHT + timedelta(hours=12)


def compared(city: City, bucket: str, **figures: Any) -> dict[str, Any]:
    """Return what is found for the figures of a bucket."""
    found = compare(city.connection, Expected({bucket: figures}), SEOUL)
    return {figure.name: figure.found for figure in found}


def test_an_expected_file_has_buckets_a_zone_and_a_report() -> None:
    told = {"timezone": "Asia/Seoul", "report": {"lines": 3}, "all": {"offered": 1}}

    expected = read_expected(json.dumps(told).encode())

    assert expected == Expected({"all": {"offered": 1}}, {"lines": 3}, "Asia/Seoul")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"all: 3", "no JSON"),
        (b"\xff\xfe\x00", "no JSON"),
        (b"[]", "no JSON object"),
        (b"{}", "names no bucket"),
        (b'{"all": 3}', "'all' is no object of figures"),
        (b'{"all": {}, "report": []}', "'report' is no object"),
        (b'{"all": {}, "timezone": 9}', "`timezone`"),
    ],
)
def test_another_file_is_refused_with_the_reason(text: bytes, reason: str) -> None:
    with pytest.raises(ExpectedError, match=reason):
        read_expected(text)


def test_buckets_are_everything_days_and_labels(city: City) -> None:
    city.tell(answered(MIDNIGHT - timedelta(seconds=1), "a"), answered(NOON, "a"))
    city.tell(abandoned(NOON, "b"))

    assert compared(city, "all", offered=0) == {"offered": 3}
    assert compared(city, "day:2012-02-29", offered=0) == {"offered": 2}
    assert compared(city, "queue:a", offered=0) == {"offered": 2}
    assert compared(city, "day:2012-02-28 queue:a", offered=0) == {"offered": 1}
    assert compared(city, "day:2012-03-05 queue:c", offered=0) == {"offered": 0}


def test_figures_have_the_names_of_the_api_or_thresholds_or_seconds(city: City) -> None:
    city.tell(answered(NOON, waited_ms=17_000), abandoned(NOON, waited_ms=1_500))

    assert compared(
        city, "all", answered_within=0, answered_within_17=0, abandoned_within_1=0,
        wait_s=0, abandon_wait_s=0, talk_s=0, answer_rate=0, service_level={"F2": 0},
        satisfaction=None,
    ) == {
        "answered_within": 0, "answered_within_17": 1, "abandoned_within_1": 0,
        "wait_s": 17, "abandon_wait_s": 1.5, "talk_s": 60, "answer_rate": 0.5,
        "service_level F2": 0.0, "satisfaction": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("expected", "found", "is_equal"),
    [
        (3, 3, True),
        (3, 4, False),
        (0, None, False),
        (None, None, True),
        (0.1, 0.1 + 1e-17, True),
        (0.5, 0.54, False),
        (0.4, 0, False),
        ([25, 26], [25, 26], True),
        ([25], [25, 26], False),
    ],
)
def test_figures_are_equal_to_the_unit(expected: object, found: object, is_equal: bool) -> None:
    assert Figure("all", "offered", expected, found).is_equal is is_equal


@pytest.mark.parametrize(
    ("bucket", "figures", "reason"),
    [
        ("all", {"happy": 1}, "all: there is no figure 'happy'"),
        ("all", {"service_level": {"F5": 1}}, "no service_level 'F5'"),
        ("day:yesterday", {"offered": 1}, "'day:yesterday' names no day"),
        ("day:20120229", {"offered": 1}, "'day:20120229' names no day: '20120229' is not a date"),
        ("colour:red", {"offered": 1}, "there is no filter 'colour'"),
    ],
)
def test_a_name_that_is_not_known_is_refused(
    city: City, bucket: str, figures: dict[str, Any], reason: str
) -> None:
    with pytest.raises((ExpectedError, QuestionError), match=reason):
        compared(city, bucket, **figures)


def test_a_report_is_compared_by_name() -> None:
    expected = Expected({}, {"lines": 3, "ignored": {"PAUSE": 1}})

    found = list(compare_report(expected, {"lines": 4, "ignored": {"PAUSE": 1}}))

    assert [figure.is_equal for figure in found] == [False, True]
    with pytest.raises(ExpectedError, match="'lines' is none of calls"):
        list(compare_report(expected, {"calls": 1}))


@pytest.mark.parametrize(
    ("name", "zone"),
    [("queue_log_small", "Asia/Seoul"), ("queue_log_1999-02-01_14", "Asia/Jerusalem")],
)
def test_the_kpi_of_calls_are_those_that_others_counted(
    log: Log, city: City, shared_data: Path, name: str, zone: str
) -> None:
    expected = read_expected((shared_data / f"{name}.expected.json").read_bytes())

    import_queue_log(log, shared_data / name, timezone=ZoneInfo(zone))
    city.catch_up()

    figures = list(compare(city.connection, expected, ZoneInfo(zone)))
    assert [figure for figure in figures if not figure.is_equal] == []
    assert len(figures) > 40

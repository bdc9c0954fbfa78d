"""The tables hold hours of the city, whatever its offset from UTC: a report by them is exact."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from projections.runner import prepare
from tests.projections.calls import MS, answered, rows
from tests.projections.city import City


@pytest.mark.parametrize(
    ("zone", "hours"),
    [
        ("Asia/Seoul", ["2012-02-29T09:00+09:00", "10:00+09:00"]),
        ("Asia/Kolkata", ["2012-02-29T09:00+05:30", "10:00+05:30"]),
        ("Asia/Kathmandu", ["2012-02-29T09:00+05:45", "10:00+05:45"]),
        ("Australia/Adelaide", ["2012-04-01T02:00+10:30", "02:00+09:30", "03:00+09:30"]),
        ("Australia/Lord_Howe", ["2012-04-01T01:00+11:00", "01:30+10:30", "02:00+10:30"]),
        ("Australia/Lord_Howe", ["2012-10-07T01:00+10:30", "02:30+11:00", "03:00+11:00"]),
        ("America/Caracas", ["2016-05-01T02:00-04:30", "03:00-04:00", "04:00-04:00"]),
    ],
)
def test_a_call_counts_in_the_hour_that_the_citys_clocks_showed(
    city: City, zone: str, hours: list[str]
) -> None:
    prepare(city.log.database, zone)
    with city.log.database.connect_as_owner() as owner:
        owner.execute("UPDATE log_identity SET timezone = %s", [zone])
    day = hours[0][:11]
    begins = [datetime.fromisoformat(day + hour.removeprefix(day)) for hour in hours]
    for number, at in enumerate(begins):
        city.tell(*(answered(at) for _ in range(number)), answered(at - MS))

    found = rows(
        city, "hour", begin=begins[0], end=begins[-1] + timedelta(hours=1),
        timezone=ZoneInfo(zone), filters={"queue": ("general",)}, threshold_s=9,
    )  # fmt: skip

    assert [row.begin.isoformat() for row in found] == [at.isoformat() for at in begins]
    expected = [number + 1 for number in range(len(begins) - 1)] + [len(begins) - 1]
    assert [row.sums["answered"] for row in found] == expected
    assert {row.ratios["wait_p50_ms"] for row in found} == {10_000}

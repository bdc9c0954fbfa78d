"""DuckDB as an engine of the views: a connection, and the words that are its own.

The views' SQL speaks of `utc_hour` and `city_day`; on PostgreSQL they are functions (schema.sql,
`projections/runner.py`), here macros that say the same.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import duckdb
from duckdb import DuckDBPyConnection

MEMORY_LIMIT = "800MB"
"""What does not fit goes to a temporary folder."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BEGINNING = EPOCH + timedelta(days=1)
"""Before it a local time may be negative in whole numbers, and those are rounded upwards."""

_MARGIN = timedelta(days=400)
"""A bucket may be that of an earlier event; what lies further off is counted as exactly, slower."""


@contextmanager
def opened(memory_limit: str = MEMORY_LIMIT) -> Iterator[DuckDBPyConnection]:
    """Yield an empty database that keeps to itself: bounded memory, nothing from the internet."""
    with TemporaryDirectory(prefix="dasan-duckdb-") as folder:
        duck = duckdb.connect(
            config={
                "memory_limit": memory_limit,
                "temp_directory": folder,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
        )
        try:
            duck.execute("SET TimeZone = 'UTC'")
            yield duck
        finally:
            duck.close()


def name_buckets(duck: DuckDBPyConnection, timezone: str, begin: datetime, end: datetime) -> None:
    """Define `utc_hour` and `city_day`, the day in `timezone`; quick for times of the range."""
    duck.execute(
        "CREATE OR REPLACE MACRO utc_hour(t) AS CASE WHEN epoch_us(t) >= 0"
        " THEN make_timestamptz(epoch_us(t) - epoch_us(t) % 3600000000)"
        " ELSE date_trunc('hour', t) END"
    )
    # DuckDB asks a calendar for the offset of each time. Whole numbers are four times as fast.
    first, last = max(begin - _MARGIN, _BEGINNING), end + _MARGIN
    zone = ZoneInfo(timezone)
    turns = transitions(zone, first, last)
    offsets = "".join(f" WHEN epoch_us(t) < {_us(at)} THEN {before}" for at, before in turns)
    offset = f"CASE{offsets} ELSE {_offset_us(zone, last)} END" if turns else _offset_us(zone, last)
    duck.execute(
        "CREATE OR REPLACE MACRO city_day(t) AS CASE"
        f" WHEN epoch_us(t) >= {_us(first)} AND epoch_us(t) < {_us(last)}"
        f" THEN make_date(CAST((epoch_us(t) + {offset}) // 86400000000 AS integer))"
        f" ELSE CAST(timezone('{zone.key}', t) AS date) END"
    )


def transitions(zone: ZoneInfo, begin: datetime, end: datetime) -> list[tuple[datetime, int]]:
    """Return when the zone's offset changes, each with the offset in us that held until then."""
    found = []
    at = begin
    while at < end:
        following = min(at + timedelta(days=1), end)
        if _offset_us(zone, following) != _offset_us(zone, at):
            found.append((_turn(zone, at, following), _offset_us(zone, at)))
        at = following
    return found


def _turn(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """Return the first second with the offset that holds at `after`, between the two."""
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if _offset_us(zone, middle) == _offset_us(zone, before):
            before = middle
        else:
            after = middle
    return after


def _offset_us(zone: ZoneInfo, at: datetime) -> int:
    return (at.astimezone(zone).utcoffset() or timedelta()) // timedelta(microseconds=1)


def _us(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)

"""DuckDB as an engine of the views: a connection, and the words that are its own.

The views' SQL speaks of `city_hour` and `city_day`; on PostgreSQL they are functions
(`projections/runner.py`), here macros that say the same.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from math import gcd
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import duckdb
from duckdb import DuckDBPyConnection

from projections.clocks import HOUR, offset, past_hour, transitions

MEMORY_LIMIT = "800MB"
"""What does not fit goes to a temporary folder."""

_PATTERN = frozenset("*?[]{}")

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BEGINNING = EPOCH + timedelta(days=1)
"""Before it a local time may be negative in whole numbers, and those are rounded upwards."""

_MARGIN = timedelta(days=400)
"""A bucket may be that of an earlier event; what lies further off is counted as exactly, slower."""

_US = timedelta.resolution
_HOUR_US, _SECOND_US = HOUR // _US, timedelta(seconds=1) // _US
_LONG_US = 1_000 * 365 * 24 * _HOUR_US
"""Added to a time, so that what is left of it by division is never negative."""


class TemporaryFolderError(RuntimeError):
    """The folder for temporary files cannot be used; says why."""


Turns = Sequence[tuple[datetime, timedelta]]
"""When a zone's offset changes, each with the offset until then."""


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


def parquet(*paths: Path) -> str:
    """Return the relation of exactly these files' rows: the one place that opens any.

    A path is never taken for a pattern, nor its folders for columns.

    Raises:
        TemporaryFolderError: a path has a character of a pattern.
    """
    for path in paths:
        if _PATTERN & {*str(path)}:
            raise TemporaryFolderError(
                f"the temporary folder {path.parent} has one of {''.join(sorted(_PATTERN))} in its"
                " name, which DuckDB takes for a pattern: set TMPDIR to another"
            )
    listed = ", ".join(map(quoted, paths))
    return f"read_parquet([{listed}], hive_partitioning = false, union_by_name = false)"


def quoted(path: Path) -> str:
    """Return a path as SQL has it."""
    return literal(str(path))


def literal(text: str) -> str:
    """Return a text as SQL has it."""
    return "'" + text.replace("'", "''") + "'"


def name_buckets(duck: DuckDBPyConnection, timezone: str, begin: datetime, end: datetime) -> None:
    """Define `city_hour` and `city_day` of a zone; quick for times of the range."""
    # DuckDB asks a calendar for the offset of each time. Whole numbers are four times as fast.
    first, last = max(begin - _MARGIN, _BEGINNING), end + _MARGIN
    zone = ZoneInfo(timezone)
    turns = transitions(zone, first - HOUR, last)
    is_near = f"epoch_us(t) >= {_us(first)} AND epoch_us(t) < {_us(last)}"
    duck.execute(
        "CREATE OR REPLACE MACRO city_day(t) AS CASE"
        f" WHEN {is_near}"
        f" THEN make_date(CAST((epoch_us(t) + {_offsets(zone, turns, last)}) // 86400000000"
        " AS integer))"
        f" ELSE CAST(timezone('{zone.key}', t) AS date) END"
    )
    duck.execute(
        "CREATE OR REPLACE MACRO past_hour(t) AS"
        f" (epoch_us(timezone('{zone.key}', t)) + {_LONG_US}) % {_HOUR_US}"
    )
    duck.execute(
        "CREATE OR REPLACE MACRO hour_begun(t) AS make_timestamptz(epoch_us(t) - past_hour(t))"
    )
    duck.execute(
        "CREATE OR REPLACE MACRO city_hour(t) AS CASE"
        f" WHEN {is_near}"
        f" THEN make_timestamptz(epoch_us(t) - {_past_hour(zone, turns, last)})"
        " WHEN past_hour(hour_begun(t)) = 0 THEN hour_begun(t)"
        " ELSE date_trunc('second', t) END"
    )


def name_bins(duck: DuckDBPyConnection, edges: Sequence[datetime]) -> None:
    """Define `city_hour` anew: by the largest part of an hour that all these are multiples of.

    That is what an hour is where edges are those of one question, which may be of any zone.
    """
    bin_us = gcd(_HOUR_US, *map(_us, edges))
    duck.execute(
        "CREATE OR REPLACE MACRO city_hour(t) AS"
        f" make_timestamptz(epoch_us(t) - (epoch_us(t) + {_LONG_US}) % {bin_us})"
    )


def _offsets(zone: ZoneInfo, turns: Turns, last: datetime) -> str:
    """Return the offset of a time between the turns, in us, as an expression."""
    return _by_time(
        [(at, str(before // _US)) for at, before in turns], str(offset(last, zone) // _US)
    )


def _past_hour(zone: ZoneInfo, turns: Turns, last: datetime) -> str:
    """Return how much of its hour is past at a time between the turns, in us, as an expression.

    Behind a turn by a part of an hour it is how much of the second is, until the next hour.
    """

    def past(by: timedelta, unit_us: int = _HOUR_US) -> str:
        return f"(epoch_us(t) + {by // _US % unit_us}) % {unit_us}"

    until = []
    for at, before in turns:
        if (offset(at, zone) - before) % HOUR:
            whole = at + -past_hour(at, zone) % HOUR
            until += [(at, past(before)), (whole, past(timedelta(), _SECOND_US))]
    return _by_time(until, past(offset(last, zone)))


def _by_time(until: Sequence[tuple[datetime, str]], last: str) -> str:
    """Return an expression that is each of these until a time, and another from then on."""
    cases = "".join(f" WHEN epoch_us(t) < {_us(at)} THEN {value}" for at, value in until)
    return f"CASE{cases} ELSE {last} END" if until else last


def _us(at: datetime) -> int:
    return (at - EPOCH) // _US

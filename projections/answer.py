"""Answering a question for KPIs from the tables of the view `kpi`: which table, which sums."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from psycopg import Connection, sql

from projections.formulas import DERIVED, HELD_BY, SUMS, Ratios, ratios
from projections.question import (
    HOUR,
    MAX_ROWS,
    NONE,
    Bucket,
    Question,
    QuestionError,
    UnanswerableError,
    midnight,
    too_many,
)
from projections.views import KPI_TABLES, WAITS, SumTable

THRESHOLDS_S = (5, 10, 15, 20, 30, 60, 120)
"""Those that every table has a column for; any other is counted from the table of waits."""

STORED = tuple(name for name in SUMS if name not in DERIVED)

Labels = tuple[str, ...]
_Key = tuple[int, Labels]
"""The bucket, counted from 1, and the values of the grouped dimensions."""


@dataclass(frozen=True, slots=True)
class Row:
    """One bucket and one combination of labels; null is not known, or nothing to divide."""

    begin: datetime
    end: datetime
    labels: dict[str, str | None]
    sums: dict[str, int | None]
    ratios: Ratios

    def as_json(self) -> dict[str, Any]:
        """Return the row with the names of the API."""
        bucket = {"from": self.begin.isoformat(), "to": self.end.isoformat()}
        return {**bucket, **self.labels, **self.sums, **self.ratios}


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows, and what they stand for: the view's definition and the position in the log."""

    definition: str
    timezone: str
    threshold_s: int
    short_s: int
    position: int
    rows: list[Row]

    def as_json(self) -> dict[str, Any]:
        """Return the answer with the names of the API."""
        return {
            "definition": self.definition,
            "timezone": self.timezone,
            "threshold_s": self.threshold_s,
            "short_s": self.short_s,
            "position": self.position,
            "rows": [row.as_json() for row in self.rows],
        }


def answer(connection: Connection, question: Question) -> Answer:
    """Return the rows for a question: every bucket with every combination of labels in the range.

    Raises:
        UnanswerableError: no table holds what is asked; says why.
    """
    buckets = question.buckets()
    with connection.transaction():
        # One snapshot: the rows are those of the position.
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        definition, position, city = _view(connection)
        counts = _source(question, buckets, city)
        waits = _waits(question, buckets)
        counted = _counted(connection, question, counts)
        waited = _waited(connection, question, waits) if waits else {}
    rows = list(_rows(question, buckets, counted, waited))
    return Answer(
        definition,
        question.timezone.key,
        question.threshold_s,
        question.short_s,
        position,
        rows,
    )


def span(connection: Connection, timezone: ZoneInfo) -> Bucket | None:
    """Return the days of the zone that the tables hold anything of, null where they are empty."""
    row = connection.execute("SELECT min(hour), max(hour) FROM kpi.hourly").fetchone()
    if row is None or row[0] is None:
        return None
    first = row[0].astimezone(timezone).date()
    last = (row[1] + HOUR - timedelta.resolution).astimezone(timezone).date()
    return Bucket(midnight(first, timezone), midnight(last + timedelta(days=1), timezone))


def _view(connection: Connection) -> tuple[str, int, ZoneInfo]:
    row = connection.execute(
        "SELECT definition, position, timezone FROM projection, log_identity WHERE view = 'kpi'"
    ).fetchone()
    if row is None:
        raise LookupError("there is no view `kpi`: prepare the views first")
    definition, position, timezone = row
    return definition, position, ZoneInfo(timezone)


# Which table


class _Source(NamedTuple):
    """A table, and where the buckets start and the last one ends in its unit of time."""

    table: SumTable
    edges: Sequence[datetime] | Sequence[date]


def _source(question: Question, buckets: list[Bucket], city: ZoneInfo) -> _Source:
    # Agents and agencies have tables of their own, without the events that name none: these come
    # last, and hold no bucket that those before them do not.
    tables = [table for table in KPI_TABLES if question.dimensions <= {*table.dimensions}]
    if not tables:
        raise UnanswerableError(
            f"no table holds {' and '.join(sorted(question.dimensions))} together: ask for them"
            " one by one"
        )
    for table in tables:
        unit = table.dimensions[0]
        edges = _hours(buckets) if unit == "hour" else _days(buckets, city)
        if edges:
            _require_thresholds(question, buckets)
            return _Source(table, edges)
    raise _misfit(question, tables, buckets, city)


def _waits(question: Question, buckets: list[Bucket]) -> _Source | None:
    edges = _hours(buckets)
    return _Source(WAITS, edges) if edges and question.dimensions <= {*WAITS.dimensions} else None


def _edges(buckets: list[Bucket]) -> list[datetime]:
    return [bucket.begin for bucket in buckets] + [buckets[-1].end]


def _hours(buckets: list[Bucket]) -> list[datetime] | None:
    edges = _edges(buckets)
    return edges if all(map(_is_hour, edges)) else None


def _days(buckets: list[Bucket], city: ZoneInfo) -> list[date] | None:
    edges = _edges(buckets)
    is_fit = all(_is_midnight(edge, city) for edge in edges)
    return [edge.astimezone(city).date() for edge in edges] if is_fit else None


def _is_hour(at: datetime) -> bool:
    return (at.minute, at.second, at.microsecond) == (0, 0, 0)


def _is_midnight(at: datetime, zone: ZoneInfo) -> bool:
    return midnight(at.astimezone(zone).date(), zone) == at


def _require_thresholds(question: Question, buckets: list[Bucket]) -> None:
    for seconds in (question.threshold_s, question.short_s):
        if seconds not in THRESHOLDS_S and not _waits(question, buckets):
            raise UnanswerableError(
                f"{seconds} s cannot be answered here: by category, district, agent or agency, or"
                f" by buckets that are no whole hours of UTC, use one of {THRESHOLDS_S}"
            )


def _misfit(
    question: Question, tables: list[SumTable], buckets: list[Bucket], city: ZoneInfo
) -> UnanswerableError:
    units = {table.dimensions[0] for table in tables}
    kept = {"hour": "whole hours of UTC", "day": f"days of {city.key}"}
    misfit = next(
        edge
        for edge in _edges(buckets)
        if not _is_midnight(edge, city) and not ("hour" in units and _is_hour(edge))
    )
    what = ", ".join(sorted(question.dimensions)) or "sums"
    return UnanswerableError(
        f"{what} by {question.period} in {question.timezone.key} cannot be answered: they are"
        f" kept by {' and '.join(kept[unit] for unit in sorted(units, reverse=True))}, and"
        f" {misfit.astimezone(question.timezone).isoformat()} starts none. Ask by day, month, year"
        f" or total in {city.key}, from midnight to midnight"
    )

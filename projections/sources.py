"""Which of the tables of KPI sums answers a question: the one that holds all it names."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from zoneinfo import ZoneInfo

from projections.question import Bucket, Question, UnanswerableError, midnight
from projections.views import KPI_TABLES, WAITS, SumTable

THRESHOLDS_S = (5, 10, 15, 20, 30, 60, 120)
"""Those that every table has columns for; any other is counted from the table of waits."""


@dataclass(frozen=True, slots=True)
class Tables:
    """Tables of KPI sums in a schema, the first that fits answers; and that of the waits.

    `repeats` is a table of what the whole history alone tells, where one was made for a question.
    """

    schema: str
    sums: Sequence[SumTable]
    waits: SumTable | None
    repeats: SumTable | None = None


VIEW = Tables("kpi", KPI_TABLES, WAITS)
"""Those of the view `kpi`."""


@dataclass(frozen=True, slots=True)
class Source:
    """A table, and in its unit of time where each bucket starts and the last one ends."""

    schema: str
    table: SumTable
    edges: Sequence[datetime] | Sequence[date]

    @property
    def unit(self) -> str:
        """Return the column of time."""
        return self.table.dimensions[0]


@dataclass(frozen=True, slots=True)
class Sources:
    """The table of the sums, and that of the waits where it holds the same labels and buckets."""

    sums: Source
    waits: Source | None
    repeats: Source | None = None


def choose(
    question: Question, buckets: Sequence[Bucket], city: ZoneInfo, tables: Tables = VIEW
) -> Sources:
    """Return the tables that answer a question; `city` is the zone of the tables by day.

    Raises:
        UnanswerableError: none does; says why.
    """

    def fitting(table: SumTable | None) -> Source | None:
        return _fitting(table, tables.schema, question, buckets, city) if table else None

    waits = fitting(tables.waits)
    seconds = {question.threshold_s, question.short_s} - {*THRESHOLDS_S}
    if seconds and waits is None:
        raise UnanswerableError(
            f"{', '.join(map(str, sorted(seconds)))} s cannot be answered here: by category,"
            " district, agent or agency, or in buckets that are no whole hours of UTC, use one of"
            f" {', '.join(map(str, THRESHOLDS_S))}"
        )
    # Agents and agencies have tables of their own, without the events that name none. They come
    # last and hold no bucket that those before them do not, so others are not answered from them.
    for table in tables.sums:
        if source := fitting(table):
            return Sources(source, waits, fitting(tables.repeats))
    raise _misfit(question, buckets, city)


def unit_of(question: Question, buckets: Sequence[Bucket], city: ZoneInfo) -> str:
    """Return the unit of a table that is made for a question: `day` of the city, else UTC `hour`.

    Raises:
        UnanswerableError: none could answer it; says why.
    """
    if {"queue", "agency"} <= question.dimensions:
        raise UnanswerableError(
            "nothing is known of a queue and an agency together: what is asked of an agency belongs"
            " to no queue. Ask for them one by one"
        )
    edges = _edges(buckets)
    if all(_is_midnight(edge, city) for edge in edges):
        return "day"
    if all(map(_is_hour, edges)):
        return "hour"
    raise _misfit(question, buckets, city)


def edges_in(unit: str, buckets: Sequence[Bucket], city: ZoneInfo) -> list[datetime] | list[date]:
    """Return, in a table's unit of time, where each bucket starts and the last one ends."""
    edges = _edges(buckets)
    return edges if unit == "hour" else [edge.astimezone(city).date() for edge in edges]


def _fitting(
    table: SumTable, schema: str, question: Question, buckets: Sequence[Bucket], city: ZoneInfo
) -> Source | None:
    """Return the table as a source if it holds the question's labels, and its buckets exactly."""
    if not question.dimensions <= {*table.dimensions}:
        return None
    unit = table.dimensions[0]
    is_edge = _is_hour if unit == "hour" else partial(_is_midnight, zone=city)
    if not all(map(is_edge, _edges(buckets))):
        return None
    return Source(schema, table, edges_in(unit, buckets, city))


def _edges(buckets: Sequence[Bucket]) -> list[datetime]:
    return [bucket.begin for bucket in buckets] + [buckets[-1].end]


def _is_hour(at: datetime) -> bool:
    return (at.minute, at.second, at.microsecond) == (0, 0, 0)


def _is_midnight(at: datetime, zone: ZoneInfo) -> bool:
    return midnight(at.astimezone(zone).date(), zone) == at


def _misfit(question: Question, buckets: Sequence[Bucket], city: ZoneInfo) -> UnanswerableError:
    names = " and ".join(sorted(question.dimensions))
    units = {t.dimensions[0] for t in KPI_TABLES if question.dimensions <= {*t.dimensions}}
    if not units:
        return UnanswerableError(f"no table holds {names} together: ask for them one by one")
    kept = f"days of {city.key}"
    if "hour" in units:
        kept += " and by whole hours of UTC"
    edge = min(_edges(buckets), key=lambda at: (_is_midnight(at, city), _is_hour(at)))
    return UnanswerableError(
        f"{names or 'KPIs'} by {question.period} in {question.timezone.key} cannot be answered:"
        f" counts are kept by {kept}, and {edge.astimezone(question.timezone).isoformat()} is the"
        f" start of none. Ask by total, day, month or year in {city.key}, from midnight to midnight"
    )

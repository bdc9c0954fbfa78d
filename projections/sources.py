"""Which of the tables of KPI sums answers a question: the one that holds all it names."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from zoneinfo import ZoneInfo

from projections.clocks import hour_of, past_hour
from projections.question import Bucket, Question, UnanswerableError, midnight
from projections.views import KPI_TABLES, WAITS, SumTable

_UTC = ZoneInfo("UTC")

THRESHOLDS_S = (5, 10, 15, 20, 30, 60, 120)
"""Those that every table has columns for; any other is counted from the table of waits."""


class Hours(Enum):
    """What stands in the column `hour` of tables."""

    OF_CITY = "when an hour of the city began"
    OF_CITY_OR_UTC = "that, or when an hour of UTC did: so older definitions had it"
    AS_ASKED = "when a bucket of the question began that the tables were made for"


@dataclass(frozen=True, slots=True)
class Tables:
    """Tables of KPI sums in a schema, the first that fits answers; and that of the waits.

    `repeats` is a table of what the whole history alone tells, where one was made for a question.
    """

    schema: str
    sums: Sequence[SumTable]
    waits: SumTable | None
    repeats: SumTable | None = None
    hours: Hours = Hours.OF_CITY


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
        return _fitting(table, tables, question, buckets, city) if table else None

    waits = fitting(tables.waits)
    seconds = {question.threshold_s, question.short_s} - {*THRESHOLDS_S}
    if seconds and waits is None:
        raise UnanswerableError(
            f"{', '.join(map(str, sorted(seconds)))} s cannot be answered here: by category,"
            f" district, agent or agency, or in buckets that are not whole hours of {city.key}, use"
            f" one of {', '.join(map(str, THRESHOLDS_S))}"
        )
    # Agents and agencies have tables of their own, without the events that name none. They come
    # last and hold no bucket that those before them do not, so others are not answered from them.
    for table in tables.sums:
        if source := fitting(table):
            return Sources(source, waits, fitting(tables.repeats))
    raise _misfit(question, buckets, city)


def unit_of(question: Question, buckets: Sequence[Bucket], city: ZoneInfo) -> str:
    """Return the unit of a table that is made for a question: `day` of the city, else `hour`.

    Raises:
        UnanswerableError: none could answer it; says why.
    """
    if {"queue", "agency"} <= question.dimensions:
        raise UnanswerableError(
            "nothing is known of a queue and an agency together: what is asked of an agency belongs"
            " to no queue. Ask for them one by one"
        )
    return "day" if all(_is_midnight(edge, city) for edge in _edges(buckets)) else "hour"


def edges_in(unit: str, buckets: Sequence[Bucket], city: ZoneInfo) -> list[datetime] | list[date]:
    """Return, in a table's unit of time, where each bucket starts and the last one ends."""
    edges = _edges(buckets)
    return edges if unit == "hour" else [edge.astimezone(city).date() for edge in edges]


def _fitting(
    table: SumTable, tables: Tables, question: Question, buckets: Sequence[Bucket], city: ZoneInfo
) -> Source | None:
    """Return the table as a source if it holds the question's labels, and its buckets exactly."""
    if not question.dimensions <= {*table.dimensions}:
        return None
    unit = table.dimensions[0]
    edges = _edges(buckets)
    if unit == "hour":
        holds_all = all(_is_hour(edge, city, tables.hours) for edge in edges)
    else:
        holds_all = all(_is_midnight(edge, city) for edge in edges)
    return Source(tables.schema, table, edges_in(unit, buckets, city)) if holds_all else None


def _edges(buckets: Sequence[Bucket]) -> list[datetime]:
    return [bucket.begin for bucket in buckets] + [buckets[-1].end]


def _is_hour(at: datetime, city: ZoneInfo, hours: Hours) -> bool:
    """Whether what is counted before a time and after it stands under different hours."""
    if hours is Hours.AS_ASKED:
        return True
    if hours is Hours.OF_CITY_OR_UTC and past_hour(at, _UTC):
        return False
    return hour_of(at, city) == at


def _is_midnight(at: datetime, zone: ZoneInfo) -> bool:
    return midnight(at.astimezone(zone).date(), zone) == at


def _misfit(question: Question, buckets: Sequence[Bucket], city: ZoneInfo) -> UnanswerableError:
    names = " and ".join(sorted(question.dimensions))
    units = {t.dimensions[0] for t in KPI_TABLES if question.dimensions <= {*t.dimensions}}
    if not units:
        return UnanswerableError(f"no table holds {names} together: ask for them one by one")
    kept = " and ".join(f"{unit}s" for unit in sorted(units))
    edge = min(
        _edges(buckets), key=lambda at: (_is_midnight(at, city), _is_hour(at, city, Hours.OF_CITY))
    )
    return UnanswerableError(
        f"{names or 'KPIs'} by {question.period} in {question.timezone.key} cannot be answered:"
        f" counts are kept by {kept} of {city.key}, and"
        f" {edge.astimezone(question.timezone).isoformat()} is the start of none. Ask by total,"
        f" day, month or year in {city.key}, from midnight to midnight"
    )

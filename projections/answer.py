"""Answering a question for KPIs: sums from tables, by default the view's, ratios from the sums."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection

from projections.as_of import Moment
from projections.catalogue_tables import read_targets
from projections.clocks import HOUR
from projections.formulas import HELD_BY, SUMS, Ratios, Sums, ratios
from projections.question import MAX_ROWS, NONE, Bucket, Question, midnight, too_many
from projections.reading import standing_still
from projections.repeats import read_history, repeat_sums, told
from projections.sources import VIEW, Hours, Tables, choose
from projections.sums import Counts, Labels, read_sums, read_waits
from projections.targets import Target, in_force, met
from projections.views import view

OVER = ("answered", "abandoned", "left_queue", "blocked")
"""How a visit can be over; those of no other kind still wait."""


@dataclass(frozen=True, slots=True)
class Row:
    """One bucket and one combination of labels. Null is not known, or nothing to divide.

    `targets` are the values that hold at its beginning, by KPI; `recalled` is what the whole
    history alone tells beside `fcr_repeat`, where it was asked for.
    """

    begin: datetime
    end: datetime
    labels: dict[str, str | None]
    sums: dict[str, int | None]
    ratios: Ratios
    targets: dict[str, float]
    recalled: dict[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> dict[str, bool | None]:
        """Return whether each target is met, null where the ratio is."""
        return met(self.targets, self.ratios)

    def as_json(self) -> dict[str, Any]:
        """Return the row with the names of the API."""
        bucket = {"from": self.begin.isoformat(), "to": self.end.isoformat()}
        aims = {"target": self.targets, "met": self.met}
        return {
            **bucket, **self.labels, **self.sums, **self.ratios, **self.recalled, **aims
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Standing:
    """What an answer stands for: a definition of the KPIs, the log up to a position, the city."""

    definition: str
    position: int
    city: ZoneInfo

    @property
    def tables(self) -> Tables:
        """Return the tables of the view `kpi`, if this is what the view stands for."""
        is_ours = self.definition == view("kpi").definition
        return VIEW if is_ours else replace(VIEW, hours=Hours.OF_CITY_OR_UTC)


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows, and what they stand for: the view's definition and the position in the log.

    One that was asked for as of an earlier moment has it, and the answer now, beside it.
    """

    definition: str
    timezone: str
    threshold_s: int
    short_s: int
    position: int
    rows: list[Row]
    as_of: Moment | None = None
    known_now: "Answer | None" = None

    def as_json(self) -> dict[str, Any]:
        """Return the answer with the names of the API."""
        told = {
            "definition": self.definition,
            "timezone": self.timezone,
            "threshold_s": self.threshold_s,
            "short_s": self.short_s,
            "position": self.position,
            "rows": [row.as_json() for row in self.rows],
        }
        if self.as_of:
            told["as_of"] = self.as_of.as_json()
        if self.known_now:
            told["known_now"] = self.known_now.as_json()
        return told


def answer(connection: Connection, question: Question) -> Answer:
    """Answer a question, for every bucket with every combination of labels in the range.

    Raises:
        UnanswerableError: no table holds what is asked; says why.
    """
    [answered] = answers(connection, [question])
    return answered


def answers(connection: Connection, questions: Iterable[Question]) -> list[Answer]:
    """Answer questions that stand for the same position, as `answer` does."""
    with standing_still(connection, "kpi"):
        stands_for = standing(connection)
        return answered(connection, questions, stands_for.tables, stands_for)


def answered(
    connection: Connection, questions: Iterable[Question], tables: Tables, standing: Standing
) -> list[Answer]:
    """Answer questions from the tables, within a transaction that sees one moment."""
    targets = read_targets(connection)
    return [
        Answer(
            definition=standing.definition,
            timezone=question.timezone.key,
            threshold_s=question.threshold_s,
            short_s=question.short_s,
            position=standing.position,
            rows=_rows(connection, question, tables, standing.city, targets),
        )
        for question in questions
    ]


def span(connection: Connection, timezone: ZoneInfo) -> Bucket | None:
    """Return the days of the zone that the tables hold anything of, null where they are empty."""
    row = connection.execute("SELECT min(hour), max(hour) FROM kpi.hourly").fetchone()
    if row is None or row[0] is None:
        return None
    first = row[0].astimezone(timezone).date()
    last = (row[1] + HOUR - timedelta.resolution).astimezone(timezone).date()
    return Bucket(midnight(first, timezone), midnight(last + timedelta(days=1), timezone))


def held(connection: Connection, timezone: ZoneInfo) -> Bucket:
    """Return the days of the zone that the tables hold anything of, today where they are empty."""
    today = datetime.now(timezone).date()
    days = span(connection, timezone) or Bucket(
        midnight(today, timezone), midnight(today + timedelta(days=1), timezone)
    )
    return Bucket(*(at.astimezone(timezone) for at in days))


def standing(connection: Connection) -> Standing:
    """Return what the view `kpi` stands for."""
    row = connection.execute(
        "SELECT definition, position, timezone FROM projection, log_identity WHERE view = 'kpi'"
    ).fetchone()
    if row is None:
        raise LookupError("there is no view `kpi`: make the views first")
    return Standing(row[0], row[1], ZoneInfo(row[2]))


def _rows(
    connection: Connection,
    question: Question,
    tables: Tables,
    city: ZoneInfo,
    targets: Sequence[Target],
) -> list[Row]:
    buckets = question.buckets()
    aims = [
        in_force(targets, bucket.begin.astimezone(city).date(), question.threshold_s)
        for bucket in buckets
    ]
    sources = choose(question, buckets, city, tables)
    counts = read_sums(connection, question, sources.sums)
    waits = read_waits(connection, question, sources.waits) if sources.waits else {}
    labels = occurring(question, len(buckets), counts)
    more = (
        read_history(connection, question, sources.sums, sources.repeats, counts, labels)
        if sources.repeats
        else {}
    )
    return [
        _row(
            question, bucket, values,
            counts.get(key, {}) | waits.get(key, {}) | more.get(key, {}), aims[number - 1],
            with_history=sources.repeats is not None,
        )
        for number, bucket in enumerate(buckets, start=1)
        for values in labels
        for key in [(number, values)]
    ]  # fmt: skip


def occurring(question: Question, buckets: int, counts: Counts) -> list[Labels]:
    """Return the labels that anything is counted under; those without one come last.

    Raises:
        UnanswerableError: with each in so many buckets there would be too many rows.
    """
    if not question.grouped:
        return [()]
    # What was taken back leaves rows of zeros in the tables.
    found = {labels for (_, labels), sums in counts.items() if any(sums.values())}
    if buckets * len(found) > MAX_ROWS:
        raise too_many(question)
    return sorted(found, key=lambda labels: [(value == NONE, value) for value in labels])


def _row(
    question: Question,
    bucket: Bucket,
    values: Labels,
    known: Sums,
    targets: dict[str, float],
    *,
    with_history: bool,
) -> Row:
    by_label = dict(zip(question.grouped, values, strict=True))
    sums = sums_of(question, values, known)
    return Row(
        begin=bucket.begin.astimezone(question.timezone),
        end=bucket.end.astimezone(question.timezone),
        labels={name: None if value == NONE else value for name, value in by_label.items()},
        sums=sums,
        ratios=ratios(
            sums,
            p50_ms=known.get("p50_ms"),
            p90_ms=known.get("p90_ms"),
            apart=HELD_BY["queue"] if "queue" in question.dimensions else frozenset(),
            repeats=repeat_sums(sums, known) if with_history else None,
        ),
        targets=targets,
        recalled=told(sums, known) if with_history else {},
    )


def sums_of(question: Question, values: Labels, known: Sums) -> dict[str, int | None]:
    """Return the sums of a row with these labels, null those that nobody knows of such a row."""
    held = _held(question, dict(zip(question.grouped, values, strict=True)))
    counted = {name: known.get(name) or 0 for name in SUMS}
    counted["waiting"] = counted["offered"] - sum(counted[name] for name in OVER)
    return {name: counted[name] if name in held else None for name in SUMS}


def _held(question: Question, by_label: Mapping[str, str]) -> frozenset[str]:
    """Return the names of the sums that are known of a row with these labels."""
    held = frozenset(SUMS)
    for dimension in question.dimensions & HELD_BY.keys():
        asked = {by_label[dimension]} if dimension in by_label else question.filters[dimension]
        if NONE not in asked:
            held &= HELD_BY[dimension]
    return held

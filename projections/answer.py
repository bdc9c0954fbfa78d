"""Answering a question for KPIs: sums from the tables of the view `kpi`, ratios from the sums."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection

from projections.catalogue_tables import read_targets
from projections.formulas import HELD_BY, SUMS, Ratios, Sums, ratios
from projections.question import HOUR, MAX_ROWS, NONE, Bucket, Question, midnight, too_many
from projections.reading import standing_still
from projections.sources import choose
from projections.sums import Counts, Labels, read_sums, read_waits
from projections.targets import Target, in_force, met

OVER = ("answered", "abandoned", "left_queue", "blocked")
"""How a visit can be over; those of no other kind still wait."""


@dataclass(frozen=True, slots=True)
class Row:
    """One bucket and one combination of labels. Null is not known, or nothing to divide.

    `targets` are the values that hold at its beginning, by KPI.
    """

    begin: datetime
    end: datetime
    labels: dict[str, str | None]
    sums: dict[str, int | None]
    ratios: Ratios
    targets: dict[str, float]

    @property
    def met(self) -> dict[str, bool | None]:
        """Return whether each target is met, null where the ratio is."""
        return met(self.targets, self.ratios)

    def as_json(self) -> dict[str, Any]:
        """Return the row with the names of the API."""
        bucket = {"from": self.begin.isoformat(), "to": self.end.isoformat()}
        aims = {"target": self.targets, "met": self.met}
        return {**bucket, **self.labels, **self.sums, **self.ratios, **aims}


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
    """Answer a question, for every bucket with every combination of labels in the range.

    Raises:
        UnanswerableError: no table holds what is asked; says why.
    """
    [answered] = answers(connection, [question])
    return answered


def answers(connection: Connection, questions: Iterable[Question]) -> list[Answer]:
    """Answer questions that stand for the same position, as `answer` does."""
    with standing_still(connection, "kpi"):
        definition, position, city = _view(connection)
        targets = read_targets(connection)
        return [
            Answer(
                definition=definition,
                timezone=question.timezone.key,
                threshold_s=question.threshold_s,
                short_s=question.short_s,
                position=position,
                rows=_rows(connection, question, city, targets),
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


def _view(connection: Connection) -> tuple[str, int, ZoneInfo]:
    row = connection.execute(
        "SELECT definition, position, timezone FROM projection, log_identity WHERE view = 'kpi'"
    ).fetchone()
    if row is None:
        raise LookupError("there is no view `kpi`: make the views first")
    return row[0], row[1], ZoneInfo(row[2])


def _rows(
    connection: Connection, question: Question, city: ZoneInfo, targets: Sequence[Target]
) -> list[Row]:
    buckets = question.buckets()
    aims = [
        in_force(targets, bucket.begin.astimezone(city).date(), question.threshold_s)
        for bucket in buckets
    ]
    sources = choose(question, buckets, city)
    counts = read_sums(connection, question, sources.sums)
    waits = read_waits(connection, question, sources.waits) if sources.waits else {}
    labels = _occurring(question, counts)
    if len(buckets) * len(labels) > MAX_ROWS:
        raise too_many(question)
    return [
        _row(question, bucket, values, counts.get(key, {}) | waits.get(key, {}), aims[number - 1])
        for number, bucket in enumerate(buckets, start=1)
        for values in labels
        for key in [(number, values)]
    ]


def _occurring(question: Question, counts: Counts) -> list[Labels]:
    """Return the labels that anything is counted under; those without one come last."""
    if not question.grouped:
        return [()]
    # What was taken back leaves rows of zeros in the tables.
    found = {labels for (_, labels), sums in counts.items() if any(sums.values())}
    return sorted(found, key=lambda labels: [(value == NONE, value) for value in labels])


def _row(
    question: Question, bucket: Bucket, values: Labels, known: Sums, targets: dict[str, float]
) -> Row:
    by_label = dict(zip(question.grouped, values, strict=True))
    held = _held(question, by_label)
    counted = {name: known.get(name) or 0 for name in SUMS}
    counted["waiting"] = counted["offered"] - sum(counted[name] for name in OVER)
    sums = {name: counted[name] if name in held else None for name in SUMS}
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
        ),
        targets=targets,
    )


def _held(question: Question, by_label: Mapping[str, str]) -> frozenset[str]:
    """Return the names of the sums that are known of a row with these labels."""
    held = frozenset(SUMS)
    for dimension in question.dimensions & HELD_BY.keys():
        asked = {by_label[dimension]} if dimension in by_label else question.filters[dimension]
        if NONE not in asked:
            held &= HELD_BY[dimension]
    return held

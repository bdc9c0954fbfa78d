"""Counting what a question asks for on DuckDB alone, as rows of sums: no ratios, no database."""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple
from zoneinfo import ZoneInfo

from domain.vocabulary import Code, StatedRow
from projections.answer import occurring, sums_of
from projections.asking_history import Recalled
from projections.asking_tables import prepared
from projections.question import NONE, Bucket, Question
from projections.sources import THRESHOLDS_S, edges_in
from projections.sums import STORED, Counts, Labels
from projections.views import View


def recounted(
    recalled: Recalled, question: Question, city: ZoneInfo, names: tuple[str, ...]
) -> list[StatedRow]:
    """Return the rows of the answer to a question, each with the sums of these names.

    Raises:
        UnanswerableError: no table could answer it; says why.
    """
    buckets = question.buckets()
    counts = _counts(recalled, question, city)

    def row(key: tuple[int, Labels], bucket: Bucket) -> StatedRow:
        known = {name: n for count in counts for name, n in count.get(key, {}).items()}
        made = sums_of(question, key[1], known)
        labels = (None if value == NONE else Code(value) for value in key[1])
        return StatedRow(*bucket, tuple(labels), tuple(made[name] for name in names))

    return [
        row((number, values), bucket)
        for number, bucket in enumerate(buckets, start=1)
        for values in occurring(question, len(buckets), counts[0])
    ]


def _counts(recalled: Recalled, question: Question, city: ZoneInfo) -> tuple[Counts, Counts]:
    """Return the sums by bucket and labels, and those within any threshold, counted from waits."""
    tables, view, _ = prepared(recalled, question, city)
    [own] = tables.sums
    for name, select in view.gathers.items():
        recalled.duck.execute(f"CREATE TEMPORARY TABLE {name} AS {select}")
    edges = edges_in(own.dimensions[0], question.buckets(), city)
    numbers: dict[object, int] = {start: number for number, start in enumerate(edges, start=1)}
    read = partial(_read, recalled, view, _By(own.dimensions[0], question.grouped, numbers))
    return (
        read(own.name, _columns(question)),
        read(tables.waits.name, _waits(question)) if tables.waits else {},
    )


class _By(NamedTuple):
    """What to group by: starts of buckets, in their unit, with the number of each; and labels."""

    unit: str
    labels: tuple[str, ...]
    numbers: Mapping[object, int]


def _columns(question: Question) -> dict[str, str]:
    columns = {name: name for name in STORED}
    if question.threshold_s in THRESHOLDS_S:
        columns["answered_within"] = f"answered_within_{question.threshold_s}"
        columns["abandoned_within"] = f"abandoned_within_{question.threshold_s}"
    if question.short_s in THRESHOLDS_S:
        columns["short_abandoned"] = f"abandoned_within_{question.short_s}"
    return {name: f"sum({column})" for name, column in columns.items()}


def _waits(question: Question) -> dict[str, str]:
    def within(column: str, seconds: int) -> str:
        return f"coalesce(sum({column}) FILTER (seconds <= {seconds}), 0)"

    return {
        "answered_within": within("answered", question.threshold_s),
        "abandoned_within": within("abandoned", question.threshold_s),
        "short_abandoned": within("abandoned", question.short_s),
    }


def _read(recalled: Recalled, view: View, by: _By, table: str, sums: Mapping[str, str]) -> Counts:
    groups = ", ".join([by.unit, *by.labels])
    rows = recalled.duck.execute(
        f"SELECT {groups}, {', '.join(sums.values())} FROM ({view.folds[table]}) AS folded"
        f" GROUP BY {groups}"
    ).fetchall()
    labels = 1 + len(by.labels)
    return {
        (by.numbers[row[0]], row[1:labels]): dict(zip(sums, map(int, row[labels:]), strict=True))
        for row in rows
    }

"""Comparing KPIs with figures that somebody else worked out, to the unit.

An expected file is a JSON object: ``timezone``, ``report`` (what an import should tell of the log)
and buckets. A bucket's name is ``all``, or parts such as ``day:2012-02-29 queue:general``; its
figures have the names of the API, or ``answered_within_X``, ``abandoned_within_X``, and in whole
seconds ``wait_s``, ``abandon_wait_s`` and ``talk_s``.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from psycopg import Connection

from domain.times import read_date
from projections.answer import Row, answer, held
from projections.question import Bucket, Question, midnight

DEFAULT_THRESHOLD_S = 15
EVERYTHING = "all"

_WITHIN = re.compile(r"(answered_within|abandoned_within)_([0-9]{1,5})")
_IN_SECONDS = {
    "wait_s": "waited_ms",
    "abandon_wait_s": "abandoned_waited_ms",
    "talk_s": "talk_ms",
}


class ExpectedError(ValueError):
    """An expected file cannot be used; says why."""


class Figure(NamedTuple):
    """A figure as expected and as found."""

    bucket: str
    name: str
    expected: Any
    found: Any

    @property
    def is_equal(self) -> bool:
        """Whether the two are the same; fractions but for the last bits of a float."""
        if isinstance(self.expected, float) and isinstance(self.found, int | float):
            return math.isclose(self.expected, self.found, rel_tol=1e-9)
        return bool(self.expected == self.found)


@dataclass(frozen=True, slots=True)
class Expected:
    """The figures of each bucket by name, and of the import's report."""

    buckets: dict[str, dict[str, Any]]
    report: dict[str, Any] = field(default_factory=dict)
    timezone: str | None = None


def read_expected(octets: bytes) -> Expected:
    """Return the contents of an expected file.

    Raises:
        ExpectedError: it is none.
    """
    try:
        told = json.loads(octets)
    except ValueError as error:
        raise ExpectedError(f"it is no JSON: {error}") from error
    if not isinstance(told, dict):
        raise ExpectedError("it is no JSON object of buckets with their figures")
    timezone, report = told.pop("timezone", None), told.pop("report", {})
    if not isinstance(timezone, str | None):
        raise ExpectedError("`timezone` is no name of a zone")
    for name, figures in {"report": report, **told}.items():
        if not isinstance(figures, dict):
            raise ExpectedError(f"{name!r} is no object of figures")
    if not told:
        raise ExpectedError("it names no bucket, such as all or day:2012-02-29")
    return Expected(told, report, timezone)


def compare(connection: Connection, expected: Expected, timezone: ZoneInfo) -> Iterator[Figure]:
    """Yield every figure that is expected of the KPIs, with what is found.

    Raises:
        ExpectedError: a bucket or a figure has a name that is not known.
        QuestionError: a bucket cannot be asked for.
    """
    everything = held(connection, timezone)
    for bucket, figures in expected.buckets.items():
        (begin, end), filters = _parsed(bucket, timezone, everything)
        rows: dict[int, Row] = {}
        for name, value in figures.items():
            seconds = int(match[2]) if (match := _WITHIN.fullmatch(name)) else DEFAULT_THRESHOLD_S
            if seconds not in rows:
                question = Question(begin, end, timezone, filters=filters, threshold_s=seconds)
                [rows[seconds]] = answer(connection, question).rows
            yield from _figures(bucket, name, value, rows[seconds])


def compare_report(expected: Expected, found: Mapping[str, Any]) -> Iterator[Figure]:
    """Yield what is expected of the import's report, with what is found.

    Raises:
        ExpectedError: a figure has a name that the report does not have.
    """
    for name, value in expected.report.items():
        if name not in found:
            raise ExpectedError(f"report: {name!r} is none of {', '.join(found)}")
        yield Figure("report", name, value, found[name])


def _parsed(
    name: str, timezone: ZoneInfo, everything: Bucket
) -> tuple[Bucket, dict[str, tuple[str]]]:
    """Return the interval that a bucket's name means, and the filters."""
    interval = everything
    filters: dict[str, tuple[str]] = {}
    for part in name.split() if name != EVERYTHING else ():
        label, _, value = part.partition(":")
        if label == "day":
            try:
                day = read_date(value)
            except ValueError as error:
                raise ExpectedError(f"{name!r} names no day: {error}") from error
            interval = Bucket(midnight(day, timezone), midnight(day + timedelta(days=1), timezone))
        else:
            filters[label] = (value,)
    return interval, filters


def _figures(bucket: str, name: str, expected: Any, row: Row) -> Iterator[Figure]:
    known: dict[str, Any] = {**row.sums, **row.ratios}
    within = _WITHIN.fullmatch(name)
    stored = within[1] if within else _IN_SECONDS.get(name, name)
    if stored not in known:
        raise ExpectedError(f"{bucket}: there is no figure {name!r}")
    found = known[stored]
    if name in _IN_SECONDS and isinstance(found, int):
        found = found // 1000 if found % 1000 == 0 else found / 1000
    if isinstance(expected, dict) and isinstance(found, dict):
        for variant, value in expected.items():
            if variant not in found:
                raise ExpectedError(f"{bucket}: there is no {name} {variant!r}")
            yield Figure(bucket, f"{name} {variant}", value, found[variant])
    else:
        yield Figure(bucket, name, expected, found)

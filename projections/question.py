"""A question for KPIs: which range, in which zone, grouped and filtered by what."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from domain.times import read_time
from domain.vocabulary import Channel, VocabularyError, stored_code
from projections.clocks import next_hour

PERIODS = ("total", "hour", "day", "month", "year")
DIMENSIONS = ("queue", "channel", "language", "category", "district", "agent", "agency")

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2300, 1, 1, tzinfo=UTC)
"""Facts were once taken from 1970 to 2200: every day of theirs, in any zone, can be asked for."""

MAX_THRESHOLD_S = 86_400
MAX_ROWS = 100_000
"""More would be no answer that anybody reads, and would not fit into memory for long."""

_LOCAL = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?"
)
"""A date, or a date and time, without offset."""

NONE = ""
"""A label that is not known, or an event outside every queue; null in answers."""


class QuestionError(ValueError):
    """A question is put wrongly; says what and how to mend it."""


class UnanswerableError(QuestionError):
    """No table holds the answer; says why."""


class Bucket(NamedTuple):
    """A half-open interval."""

    begin: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Question:
    """Sums and ratios of the half-open interval from `begin` to `end`, in the zone `timezone`.

    `by` has at most one of `PERIODS`, by default total, and dimensions to group by. `filters` are
    the values wanted of a dimension; `NONE` asks for those without.

    Raises:
        QuestionError: a value cannot be used.
    """

    begin: datetime
    end: datetime
    timezone: ZoneInfo
    by: tuple[str, ...] = ("total",)
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    threshold_s: int = 15
    short_s: int = 5

    def __post_init__(self) -> None:
        """Refuse what has no answer anywhere."""
        if self.begin.tzinfo is None or self.end.tzinfo is None:
            raise QuestionError("`from` and `to` need an offset or a zone")
        if not EARLIEST <= self.begin < self.end <= LATEST:
            raise QuestionError(
                f"from {self.begin.isoformat()} to {self.end.isoformat()}: `to` is exclusive and"
                f" comes after `from`, both between {EARLIEST.year} and {LATEST.year}"
            )
        _require_groups(self.by)
        for dimension, values in self.filters.items():
            _require_values(dimension, values)
        for name, seconds in (("threshold", self.threshold_s), ("short", self.short_s)):
            if not 0 <= seconds <= MAX_THRESHOLD_S:
                raise QuestionError(
                    f"{name} is {seconds}: use whole seconds from 0 to {MAX_THRESHOLD_S}"
                )

    @property
    def period(self) -> str:
        """Return the one of `PERIODS` that makes the buckets."""
        return next((name for name in self.by if name in PERIODS), "total")

    @property
    def grouped(self) -> tuple[str, ...]:
        """Return the dimensions to group by, in the order asked."""
        return tuple(name for name in self.by if name not in PERIODS)

    @property
    def dimensions(self) -> frozenset[str]:
        """Return all dimensions that an answer has to know."""
        return frozenset(
            {*self.grouped, *(name for name, wanted in self.filters.items() if wanted)}
        )

    def buckets(self) -> list[Bucket]:
        """Return the periods in the zone, the first and the last cut at `begin` and `end`.

        Raises:
            UnanswerableError: they are more than `MAX_ROWS`.
        """
        begin, end = self.begin.astimezone(UTC), self.end.astimezone(UTC)
        edges = {begin, end}
        for start in self._starts():
            edges.add(max(start, begin))
            if len(edges) > MAX_ROWS:
                raise too_many(self)
        return [Bucket(*pair) for pair in pairwise(sorted(edges))]

    def _starts(self) -> Iterator[datetime]:
        """Yield, in UTC, where periods of the zone start within the interval."""
        at = self.begin.astimezone(UTC)
        while self.period != "total" and (at := self._next_start(at)) < self.end:
            yield at

    def _next_start(self, at: datetime) -> datetime:
        local = at.astimezone(self.timezone)
        match self.period:
            case "hour":
                return next_hour(at, self.timezone)
            case "day":
                return midnight(local.date() + timedelta(days=1), self.timezone)
            case "month":
                following = local.date().replace(day=1) + timedelta(days=31)
                return midnight(following.replace(day=1), self.timezone)
            case _:
                return midnight(date(local.year + 1, 1, 1), self.timezone)


def instant(text: str, timezone: ZoneInfo) -> datetime:
    """Return a time as written; without offset it is of the zone, without a time its midnight.

    Raises:
        QuestionError: it is not a time, or lies where nothing can be asked for.
    """
    local = _LOCAL.fullmatch(text)
    try:
        if local is None:
            at = read_time(text)
        else:
            at = read_time(f"{text}Z" if local[1] else f"{text}T00:00Z").replace(tzinfo=timezone)
    except ValueError as error:
        raise QuestionError(
            f"{text!r} is not a date or time: write 2012-02-29, 2012-02-29T18:00 or"
            " 2012-02-29T18:00:00+09:00"
        ) from error
    if not EARLIEST <= at <= LATEST:
        raise QuestionError(
            f"{text!r} is not between {EARLIEST:%Y-%m-%d} and {LATEST:%Y-%m-%d} of UTC"
        )
    return at


def midnight(day: date, timezone: ZoneInfo) -> datetime:
    """Return, in UTC, when a day begins: after midnight where summer time leaves it out."""
    return datetime.combine(day, time(), timezone).astimezone(UTC)


def too_many(question: Question) -> UnanswerableError:
    """Return the error for an answer of too many rows."""
    return UnanswerableError(
        f"the answer by {','.join(question.by)} has more than {MAX_ROWS:,} rows: ask for a shorter"
        " range, longer periods or fewer dimensions"
    )


def _require_groups(by: tuple[str, ...]) -> None:
    for name in by:
        if name not in (*PERIODS, *DIMENSIONS):
            raise QuestionError(
                f"there is no grouping by {name!r}: use one of {', '.join(PERIODS)},"
                f" and any of {', '.join(DIMENSIONS)}"
            )
    if len(set(by)) < len(by):
        raise QuestionError(f"{','.join(by)} names a grouping twice")
    if len(set(by) & set(PERIODS)) > 1:
        raise QuestionError(f"{','.join(by)} has two periods: use one of {', '.join(PERIODS)}")


def _require_values(dimension: str, values: tuple[str, ...]) -> None:
    if dimension not in DIMENSIONS:
        raise QuestionError(f"there is no filter {dimension!r}: use {', '.join(DIMENSIONS)}")
    for value in values:
        if value == NONE and dimension in ("channel", "agent", "agency"):
            raise QuestionError(f"{dimension} needs a name: nothing is counted without one")
        if dimension == "channel" and value not in set(Channel):
            raise QuestionError(f"there is no channel {value!r}: use {', '.join(Channel)}")
        try:
            _ = value == NONE or stored_code(value)
        except VocabularyError as error:
            raise QuestionError(f"{dimension}: {error}") from error

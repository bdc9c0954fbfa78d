"""The backlog: what is open now, from the view `inquiries`; at an instant, by replay of the log."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.rows import dict_row

from eventlog.reader import head
from projections.as_of import Moment, moment_at, moment_of
from projections.asking_history import Past, recalled
from projections.question import QuestionError
from projections.reading import standing_still
from projections.views import text

LABELS = ("queue", "channel", "language", "category", "district")
OPEN_THEN, AGES = text("backlog.sql").split("-- Ages\n")

COUNTS = ("open", "under_1d", "from_1d_to_7d", "from_7d_to_30d", "from_30d")
AGE_NAMES = {
    "age_p50_ms": "p50_received_at",
    "age_p90_ms": "p90_received_at",
    "age_max_ms": "first_received_at",
}
_MS = timedelta(milliseconds=1)

_OPEN_NOW = (
    "SELECT received_at, queue, channel, language, category, district FROM inquiries.inquiry"
    " WHERE status IN ('received', 'queued', 'in_conversation', 'at_agency') AND received_at <= :at"
)
_TALKING = (
    "SELECT :label AS label, sum(talking)::bigint AS conversations FROM inquiries.inquiry i"
    " WHERE talking > 0 AND NOT annulled GROUP BY 1"
)
_WAITING = (
    "SELECT :label AS label, count(*) AS waiting, min(v.enqueued_at) AS first_entered_at"
    " FROM inquiries.visit v JOIN inquiries.inquiry i USING (stream_id)"
    " WHERE v.answered_at IS NULL GROUP BY 1"
)


@dataclass(frozen=True, slots=True)
class Open:
    """What is open under a label; `ages` are null where nothing is.

    `now` is who waits in a queue and who talks: that is known of this moment only.
    """

    label: str | None
    counts: Mapping[str, int]
    ages: Mapping[str, int | None]
    now: Mapping[str, int | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is open at an instant, as known at a position: in all, or by one of `LABELS`."""

    at: datetime
    position: int
    by: str | None
    rows: Sequence[Open]
    as_of: Moment | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the backlog with the names of the API."""
        told: dict[str, Any] = {"at": self.at.isoformat(), "position": self.position}
        if self.as_of:
            told["as_of"] = self.as_of.as_json()
        told["rows"] = [
            {**({self.by: row.label} if self.by else {}), **row.counts, **row.ages, **row.now}
            for row in self.rows
        ]
        return told


def require_label(by: str | None) -> None:
    """Raise `QuestionError` unless a backlog can be told by this label."""
    if by is not None and by not in LABELS:
        raise QuestionError(f"there is no backlog by {by!r}: use one of {', '.join(LABELS)}")


def read_backlog(
    past: Past,
    groupings: Sequence[str | None],
    *,
    at: datetime | None,
    known_by: int | datetime | None,
    now: datetime,
) -> list[Backlog]:
    """Return what is open by each of `groupings`, of which null is in all.

    Without `at` that is now, or as of when the position of `known_by` was recorded.

    Raises:
        QuestionError: there is no such instant or position; says why.
        TooLongError, ArchiveError: the history cannot be read.
    """
    city = ZoneInfo(past.timezone)
    if at is None and known_by is None:
        return backlog_now(past.connection, now.astimezone(city), groupings)
    if known_by is None:
        moment = moment_at(past.connection, head(past.connection))
    else:
        moment = moment_of(past.connection, known_by)
    instant = at or moment.recordedtime
    if instant is None:
        raise QuestionError("nothing was recorded by then: say at which time, too")
    if instant > now:
        raise QuestionError(f"{instant.isoformat()} is still to come")
    told = backlog_then(past, instant.astimezone(city), groupings, moment)
    return [replace(one, as_of=None if known_by is None else moment) for one in told]


def backlog_now(
    connection: Connection, at: datetime, groupings: Iterable[str | None]
) -> list[Backlog]:
    """Return what is open as the view `inquiries` has it, of ages at `at`; by null is in all."""
    with standing_still(connection, "inquiries"):
        row = connection.execute("SELECT position FROM projection WHERE view = 'inquiries'")
        [position] = row.fetchone() or (0,)
        return [Backlog(at, position, by, _rows_now(connection, at, by)) for by in groupings]


def backlog_then(
    past: Past, at: datetime, groupings: Iterable[str | None], moment: Moment
) -> list[Backlog]:
    """Return what was open at an instant, as known at a position; by null is in all.

    Raises:
        TooLongError, ArchiveError: the history cannot be read.
    """
    with recalled(past, moment.position) as history:
        duck = history.duck
        duck.execute(
            f"CREATE TEMPORARY TABLE backlog AS {OPEN_THEN}".replace(":at", "$at"), {"at": at}
        )
        told = []
        for by in groupings:
            found = duck.execute(_labelled(AGES, by).replace(":at", "$at"), {"at": at})
            names = [name for name, *_ in found.description]
            ages = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
            told.append(Backlog(at, moment.position, by, _rows(at, by, ages)))
        return told


def _rows_now(connection: Connection, at: datetime, by: str | None) -> list[Open]:
    def read(statement: str, of_visit: str = "") -> list[dict[str, Any]]:
        label = of_visit if by == "queue" and of_visit else by
        cursor = connection.cursor(row_factory=dict_row)
        statement = _labelled(statement, label).replace(":at", "%(at)s")
        return cursor.execute(statement.encode(), {"at": at}).fetchall()

    ages = read(f"WITH backlog AS ({_OPEN_NOW}) {AGES}")
    waiting = {row["label"]: row for row in read(_WAITING, of_visit="v.queue")}
    talking = {row["label"]: row["conversations"] for row in read(_TALKING)}
    now = {
        label: {
            "waiting": waiting[label]["waiting"] if label in waiting else 0,
            "longest_wait_ms": _age_ms(at, waiting.get(label, {}).get("first_entered_at")),
            "conversations": talking.get(label, 0),
        }
        for label in {None, *waiting, *talking, *(row["label"] for row in ages)}
    }
    return _rows(at, by, ages, now)


def _labelled(statement: str, label: str | None) -> str:
    return statement.replace(":label", label or "CAST(NULL AS text)")


def _rows(
    at: datetime,
    by: str | None,
    found: Sequence[Mapping[str, Any]],
    now: Mapping[str | None, Mapping[str, int | None]] = MappingProxyType({}),
) -> list[Open]:
    """Return a row for each label that there is anything of, in all always one; unknown is last."""
    ages = {row["label"]: row for row in found}
    labels = {*ages, *(label for label, counts in now.items() if any(counts.values()))}
    return [
        Open(
            label,
            {name: ages[label][name] if label in ages else 0 for name in COUNTS},
            {
                name: _age_ms(at, ages[label][begin] if label in ages else None)
                for name, begin in AGE_NAMES.items()
            },
            now.get(label, {}),
        )
        for label in sorted(labels if by else {None}, key=lambda label: (label is None, label))
    ]


def _age_ms(at: datetime, begin: datetime | None) -> int | None:
    return None if begin is None else (at - begin) // _MS

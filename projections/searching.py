"""Searching the view `audit`: who did what, when, and who opened whose sealed texts."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from psycopg import Connection, sql
from psycopg.rows import class_row

from domain.events import CATALOGUE
from domain.request import ACTOR
from projections.as_of import moment_of
from projections.question import EARLIEST, LATEST, QuestionError
from projections.reading import standing_still

TYPES = frozenset(re.sub(r"\.v[0-9]+$", "", name) for name in CATALOGUE)
"""Of events, as views have them: without the version."""

_TICK = timedelta(microseconds=1)
_SHORT = timedelta(days=7)
"""Of such a range of the world's time, all rows are looked at to see where in the log they lie."""


@dataclass(frozen=True, slots=True)
class Search:
    """What entries must be to be found; null is any.

    `agent` is whom an event is about, also to whom an inquiry was handed. A `stream` is found with
    the disclosures that opened a field of it. Ranges of time are half-open: recorded, and in the
    world. `after` is the position where the page before ended.

    Raises:
        QuestionError: a value can never be found.
    """

    actor: str | None = None
    agent: str | None = None
    stream: UUID | None = None
    type: str | None = None
    recorded_from: datetime | None = None
    recorded_to: datetime | None = None
    time_from: datetime | None = None
    time_to: datetime | None = None
    oldest_first: bool = False
    after: int | None = None
    limit: int = 50

    def __post_init__(self) -> None:
        """Refuse what would find nothing for a reason that nobody sees."""
        if self.actor is not None and re.fullmatch(ACTOR, self.actor) is None:
            raise QuestionError(f"actor {self.actor!r} is not of the form {ACTOR}: agent:a017 is")
        if self.type is not None and self.type not in TYPES:
            raise QuestionError(f"there is no type {self.type!r}: use {', '.join(sorted(TYPES))}")
        for begin, end in (
            (self.recorded_from or EARLIEST, self.recorded_to or LATEST),
            (self.time_from or EARLIEST, self.time_to or LATEST),
        ):
            if not EARLIEST <= begin < end <= LATEST:
                raise QuestionError(
                    f"from {begin.isoformat()} to {end.isoformat()}: `to` is exclusive and comes"
                    f" after `from`, both between {EARLIEST.year} and {LATEST.year}"
                )


class Entry(NamedTuple):
    """An event as the audit tells it. `purpose` and `opened` are those of a disclosure.

    `opened` lists the fields that were read: stream, version and field of each.
    """

    position: int
    recordedtime: datetime
    time: datetime
    stream: UUID
    version: int
    type: str
    actor: str
    agent: str | None
    to_agent: str | None
    sealed: list[str] | None
    purpose: str | None
    opened: list[dict[str, Any]] | None


class Found(NamedTuple):
    """Some entries, the position that the view has come to, and where to go on; null: nowhere."""

    position: int
    entries: list[Entry]
    next: int | None


def search(connection: Connection, wanted: Search) -> Found:
    """Return the entries that a search finds, a page of them, the newest first or the oldest."""
    with standing_still(connection, "audit"):
        row = connection.execute("SELECT position FROM projection WHERE view = 'audit'").fetchone()
        after, upto = _positions(connection, wanted)
        values = {
            "actor": wanted.actor,
            "agent": wanted.agent,
            "stream": wanted.stream,
            "opened": orjson.dumps([{"stream": str(wanted.stream)}]).decode(),
            "type": wanted.type,
            "time_from": wanted.time_from,
            "time_to": wanted.time_to,
            "after": after,
            "upto": upto,
            "limit": wanted.limit,
        }
        cursor = connection.cursor(row_factory=class_row(Entry))
        entries = cursor.execute(_query(wanted), values).fetchall()
    is_full = len(entries) == wanted.limit
    return Found(row[0] if row else 0, entries, entries[-1].position if is_full else None)


def _positions(connection: Connection, wanted: Search) -> tuple[int, int]:
    """Return the positions after which and up to which anything can be found."""
    after, upto = 0, 2**63 - 1
    if wanted.after is not None:
        after, upto = (wanted.after, upto) if wanted.oldest_first else (0, wanted.after - 1)
    if wanted.recorded_from:
        after = max(after, moment_of(connection, wanted.recorded_from - _TICK).position)
    if wanted.recorded_to:
        upto = min(upto, moment_of(connection, wanted.recorded_to - _TICK).position)
    begin, end = wanted.time_from, wanted.time_to
    if begin and end and end - begin <= _SHORT:
        # Added to, a position is none of the index: the planner would walk it from one end to here.
        row = connection.execute(
            "SELECT coalesce(min(position + 0), 1), coalesce(max(position + 0), 0)"
            " FROM audit.entry WHERE time >= %s AND time < %s",
            [begin, end],
        ).fetchone()
        first, last = row or (1, 0)
        after, upto = max(after, first - 1), min(upto, last)
    return after, upto


_COLUMNS = "position, recordedtime, time, stream_id, version, type, actor, agent, to_agent, sealed"

_QUERY = f"""
SELECT {_COLUMNS.replace("stream_id", "stream_id AS stream")},
    told ->> 'purpose' AS purpose, told -> 'fields' AS opened
FROM ({{found}} ORDER BY position {{order}} LIMIT %(limit)s) AS entry
LEFT JOIN LATERAL (
    SELECT convert_from(record, 'UTF8')::jsonb -> 'data' FROM log
    WHERE log.position = entry.position AND entry.type = 'disclosure.made') AS said (told) ON true
ORDER BY position {{order}}"""

_BRANCH = (
    f"SELECT * FROM (SELECT {_COLUMNS} FROM audit.entry WHERE {{where}}"
    " ORDER BY position {order} LIMIT %(limit)s) AS of_role"
)

_OF_STREAM = """position = ANY (ARRAY(
    SELECT position FROM log WHERE stream_id = %(stream)s
    UNION ALL
    SELECT position FROM log WHERE type = 'disclosure.made.v1'
        AND opened_fields(record) @> %(opened)s::jsonb))"""


def _query(wanted: Search) -> sql.Composed:
    conditions = ["position > %(after)s AND position <= %(upto)s"]
    if wanted.actor is not None:
        conditions.append("actor = %(actor)s")
    if wanted.type is not None:
        conditions.append("type = %(type)s")
    if wanted.stream is not None:
        conditions.append(_OF_STREAM)
    if wanted.time_from:
        conditions.append("time >= %(time_from)s")
    if wanted.time_to:
        conditions.append("time < %(time_to)s")
    # Each by its own index, in order and no further than the page goes: OR would sort all matches.
    roles = ("true",) if wanted.agent is None else ("agent = %(agent)s", "to_agent = %(agent)s")
    order = sql.SQL("ASC" if wanted.oldest_first else "DESC")
    found = sql.SQL(" UNION ").join(
        sql.SQL(_BRANCH).format(where=sql.SQL(" AND ".join([*conditions, role])), order=order)
        for role in roles
    )
    return sql.SQL(_QUERY).format(found=found, order=order)

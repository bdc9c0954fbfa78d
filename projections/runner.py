"""Advancing the views: decode the next events once, merge them into each, store the position."""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import LiteralString
from zoneinfo import ZoneInfo

import psycopg
from psycopg import Connection, sql

from domain.events import CATALOGUE
from eventlog.database import Database
from eventlog.reader import head
from projections.catalogue_tables import prepare_catalogue
from projections.clocks import settled_since
from projections.views import View, drop, foreign, make, text, views

BATCH_EVENTS = 20_000
"""Events a transaction: larger ones save little and make readers of a view wait longer."""

GATHERING_S = 0.03
"""How long a runner that has caught up waits before it looks again."""

# An event of these types changes what earlier events of its inquiry count for, or needs them.
REACHING_BACK = (
    "inquiry.answered.v1",
    "inquiry.replied.v1",
    "inquiry.ended.v1",
    "inquiry.resolved.v1",
    "inquiry.reopened.v1",
    "inquiry.follow-up-reported.v1",
    "inquiry.classified.v1",
    "inquiry.annulled.v1",
)


_CITY_DAY: LiteralString = """
CREATE OR REPLACE FUNCTION city_day(at timestamptz) RETURNS date LANGUAGE sql STABLE
RETURN (at AT TIME ZONE {zone})::date"""

# `hour_of` in projections/clocks.py says it in words. Asking a calendar takes forty times as long.
_CITY_HOUR: LiteralString = """
CREATE OR REPLACE FUNCTION city_hour(at timestamptz) RETURNS timestamptz LANGUAGE sql STABLE
RETURN CASE
    WHEN at >= {settled} THEN date_bin('1 hour', at, {settled})
    WHEN date_trunc('hour', date_trunc('hour', at, {zone}), {zone}) = date_trunc('hour', at, {zone})
    THEN date_trunc('hour', at, {zone}) ELSE date_trunc('second', at) END"""


class ViewStoppedError(RuntimeError):
    """A view met an event that it cannot merge; says which view, at which position, and why."""


class UnknownTypeError(RuntimeError):
    """The log holds a type that this version does not know."""


POISON = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.StatementTooComplex,  # nested deeper than the server's stack
    UnknownTypeError,
)
"""What an event can be to a merge; anything else is the database's trouble, not the event's."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a view has come, and why it stopped, if it did."""

    view: str
    position: int
    error: str | None


def prepare(database: Database, timezone: str) -> None:
    """Make what the views need, and the views that there are not yet.

    A view whose definition changed stays as it is until it is rebuilt (`projections/rebuild.py`);
    one that had stopped at a type which this version knows goes on.
    """
    with database.connect_as_owner() as connection, connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('dasan views'))")
        connection.execute(text("schema.sql").encode())
        connection.execute(text("searching.sql").encode())
        settled = settled_since(ZoneInfo(timezone))
        connection.execute(sql.SQL(_CITY_DAY).format(zone=timezone))
        connection.execute(sql.SQL(_CITY_HOUR).format(zone=timezone, settled=settled))
        connection.execute(
            sql.SQL("GRANT TEMPORARY ON DATABASE {} TO dasan_projector").format(
                sql.Identifier(connection.info.dbname)
            )
        )
        prepare_catalogue(connection)
        make_relation(connection)
        known = {name for (name,) in connection.execute("SELECT view FROM projection")}
        connection.execute(
            "UPDATE projection SET error = NULL FROM log"
            " WHERE log.position = projection.position + 1 AND log.type = ANY (%s)"
            " AND projection.error LIKE '%%' || quote_literal(log.type) || '%%'",
            [list(CATALOGUE)],
        )
        for view in views():
            if view.name not in known:
                drop(connection, view)
                make(connection, view)
                connection.execute(
                    "INSERT INTO projection (view, definition) VALUES (%s, %s)",
                    [view.name, view.definition],
                )


class Runner:
    """Advances all views of a log over one connection.

    Two runners wait for each other, so any number may run: an event counts once.
    """

    def __init__(self, connection: Connection, *, batch: int = BATCH_EVENTS) -> None:
        self.batch = batch
        self._connection = connection
        make_relation(connection)
        self._views = {view.name: view for view in views()}

    def catch_up(
        self, upto: int | None = None, progress: Callable[[int], None] | None = None
    ) -> int:
        """Advance until every view has reached `upto`, at most the head seen now; return it.

        Raises:
            ViewStoppedError: a view met an event that it cannot merge.
        """
        now = head(self._connection)
        goal = now if upto is None else min(upto, now)
        while (reached := self.advance()) < goal:
            if progress:
                progress(reached)
        found = self.progress()
        if any(state.error and state.position < goal for state in found):
            raise _stopped(found)
        return goal

    def follow(self, stop: Callable[[], bool]) -> None:
        """Keep the views up to date until `stop()`.

        Raises:
            ViewStoppedError: no view is left that runs.
        """
        reached = -1
        while not stop():
            before, reached = reached, self.advance()
            # A merge costs much the same for one event as for a hundred: let some gather.
            if reached - before < self.batch:
                time.sleep(GATHERING_S)

    def progress(self) -> list[Progress]:
        """Return how far each view has come."""
        return states(self._connection)

    def advance(self) -> int:
        """Merge the next events into the views that are furthest behind; return their position.

        Rows and position commit together. A batch that fails is tried again in halves, until the
        one event is found that a view cannot merge: that view stops there, the others go on.

        Raises:
            ViewStoppedError: every view has stopped.
        """
        size = self.batch
        while True:
            try:
                return self._advance(size)
            except POISON:
                size //= 2

    def _advance(self, size: int) -> int:
        with self._connection.transaction():
            found = states(self._connection, "FOR UPDATE")
            running = [state for state in found if state.error is None]
            if not running:
                raise _stopped(found)
            positions = sorted({state.position for state in running})
            begin = positions[0]
            end = min(head(self._connection), begin + max(size, 1), *positions[1:2])
            behind = [state.view for state in running if state.position == begin]
            if end > begin and size > 1:
                self._merge(behind, begin, end)
            elif end > begin:
                for name in behind:
                    self._merge_or_stop(name, begin, end)
            return end

    def _merge(self, names: Sequence[str], begin: int, end: int) -> None:
        fill(self._connection, begin, end)
        fold(self._connection, [self._views[name] for name in names], end)

    def _merge_or_stop(self, name: str, begin: int, end: int) -> None:
        try:
            with self._connection.transaction():
                self._merge([name], begin, end)
        except POISON as error:
            self._connection.execute(
                "UPDATE projection SET error = %s, changed_at = now() WHERE view = %s",
                [
                    f"the event at position {end} cannot be merged: {_first_line(error)}",
                    name,
                ],
            )


def states(connection: Connection, lock: LiteralString = "") -> list[Progress]:
    """Return how far each view has come; one whose tables are not of our definition has stopped."""
    rows = connection.execute(
        "SELECT view, position, error, definition FROM projection ORDER BY view " + lock
    )
    return [
        Progress(name, position, error or foreign(name, definition))
        for name, position, error, definition in rows
    ]


def fill(connection: Connection, begin: int, end: int) -> None:
    """Fill the relation `events` with the records after `begin` up to `end`, and what they restate.

    Raises:
        UnknownTypeError: a record's type is not in the catalogue of this version.
    """
    unknown = connection.execute(
        "SELECT position, type FROM log WHERE position > %s AND position <= %s"
        " AND type <> ALL (%s) ORDER BY position LIMIT 1",
        [begin, end, list(CATALOGUE)],
    ).fetchone()
    if unknown:
        raise UnknownTypeError(
            f"position {unknown[0]} has the type {unknown[1]!r}, which this version of Dasan does "
            "not know: install the version that wrote it"
        )
    connection.execute("DELETE FROM events")  # of a batch before in this transaction
    # The planner takes a batch for small, and would sort its rows to join them.
    connection.execute("SET LOCAL enable_mergejoin = off")
    connection.execute(
        _FILL,
        {
            "from": begin,
            "upto": end,
            "reaching_back": list(REACHING_BACK),
            "types": list(CATALOGUE),
            "names": [re.sub(r"\.v[0-9]+$", "", name) for name in CATALOGUE],
        },
    )
    connection.execute("SET LOCAL enable_mergejoin TO DEFAULT")
    # Without statistics the planner takes a thousand rows for a handful and joins them by loops.
    connection.execute("SET LOCAL default_statistics_target = 10")
    connection.execute("ANALYZE events (stream_id, type)")


def fold(connection: Connection, behind: Sequence[View], end: int) -> None:
    """Merge the relation `events` into the views, and move their positions to `end`."""
    for view in behind:
        for merge in view.merges:
            connection.execute(merge.encode())
    connection.execute(
        "UPDATE projection SET position = %s, changed_at = now() WHERE view = ANY (%s)",
        [end, [view.name for view in behind]],
    )


def make_relation(connection: Connection, on_commit: LiteralString = "DELETE") -> None:
    """Make the relation `events`, whose rows last for a transaction or, `PRESERVE`d, for longer."""
    connection.execute(_TABLE.replace(b":kept", on_commit.encode()))
    connection.execute("SET work_mem = '64MB'")  # a batch is sorted in memory


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _stopped(states: Sequence[Progress]) -> ViewStoppedError:
    reasons = "; ".join(f"{state.view}: {state.error}" for state in states if state.error)
    return ViewStoppedError(f"views have stopped: {reasons}")


_TABLE, _DECODE = (
    re.sub(r"(?<!:):(from|upto|reaching_back|types|names)\b", r"%(\1)s", part).encode()
    for part in text("events.sql").split("-- Fill\n")
)
_FILL = _DECODE + b",\n" + text("corrections.sql").encode()

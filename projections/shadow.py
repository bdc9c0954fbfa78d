"""A view's shadow: the same tables in another schema, filled beside the live ones and exchanged.

Readers see the one or the other, whole. Nothing of a shadow is seen before the exchange, and a
rebuild that died leaves a schema that the next one drops.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import psycopg
from psycopg import Connection, sql

from eventlog.reader import head
from projections.digest import framed, layout
from projections.folding import Rows
from projections.runner import BATCH_EVENTS, fill, make_relation
from projections.views import View, drop, make

NEAR_EVENTS = 2_000
"""Events that are left to be merged while runners wait for the exchange."""

_PAUSE_S = 0.05
"""Lets readers through who queued behind an exchange that could not have its tables in time."""


class RollbackError(RuntimeError):
    """There is nothing to go back to; says why."""


@dataclass(frozen=True, slots=True)
class Exchanged:
    """How far the view is that readers see now, and how often the exchange had to be tried."""

    position: int
    tries: int


def make_shadow(owner: Connection, view: View) -> View:
    """Return the view in another schema, its tables empty; what a dead rebuild left is dropped."""
    shadow = view.within(aside(view.name))
    drop(owner, shadow)
    make(owner, shadow)
    _note(owner, shadow, 0)
    return shadow


def load(owner: Connection, shadow: View, rows: Rows, position: int) -> str:
    """Fill the shadow's empty tables up to a position, and return the digest of what they hold."""
    summed = hashlib.sha256()
    for table in shadow.table_names:
        copying = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier(shadow.schema, table),
            sql.SQL(", ").join(map(sql.Identifier, layout(owner, shadow.schema, table).columns)),
        )
        with owner.cursor().copy(copying) as copy:
            for chunk in framed(table, _written(copy.write, rows(table))):
                summed.update(chunk)
        owner.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(shadow.schema, table)))
    _note(owner, shadow, position)
    return summed.hexdigest()


def catch_up(
    owner: Connection, shadow: View, position: int, progress: Callable[[int], None] | None = None
) -> int:
    """Merge what was appended meanwhile, until little is left; return how far the shadow is."""
    make_relation(owner)
    while (end := head(owner)) - position > NEAR_EVENTS:
        end = min(end, position + BATCH_EVENTS)
        with owner.transaction():
            merge(owner, shadow, position, end)
        position = end
        if progress:
            progress(position)
    return position


def merge(owner: Connection, shadow: View, begin: int, end: int) -> None:
    """Merge a range of events into the shadow, within a transaction."""
    fill(owner, begin, end)
    for statement in shadow.merges:
        owner.execute(statement.encode())
    _note(owner, shadow, end)


def exchange(owner: Connection, shadow: View, position: int, *, keep: bool) -> Exchanged:
    """Put the shadow in the place of the live view, which is dropped or kept for a rollback.

    The lock of the view's position comes first, so that a runner waits and goes on with the new
    tables; then those of the tables, for which readers are waited for a moment at a time.
    """
    tries = 0
    while True:
        tries += 1
        position = catch_up(owner, shadow, position)
        try:
            with owner.transaction():
                return Exchanged(put_in_place(owner, shadow, position, keep=keep), tries)
        except psycopg.errors.LockNotAvailable:
            time.sleep(_PAUSE_S)


def put_in_place(owner: Connection, shadow: View, position: int, *, keep: bool) -> int:
    """Exchange the tables within a transaction; return the position that the view has now."""
    name = shadow.name
    owner.execute("SET LOCAL lock_timeout = '10s'")
    row = owner.execute(
        "SELECT definition, position FROM projection WHERE view = %s FOR UPDATE", [name]
    ).fetchone()
    definition, live_position = row or ("", 0)
    goal: int = max(position, live_position)  # readers never see less than they have seen
    if goal > position:
        merge(owner, shadow, position, goal)
    live = _tables(owner, name)
    owner.execute("SET LOCAL lock_timeout = '250ms'")
    if live:
        owner.execute(
            sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(
                sql.SQL(", ").join(sql.Identifier(name, table) for table in live)
            )
        )
    _rename(owner, name, replaced := f"{name}_replaced")
    _rename(owner, shadow.schema, name)
    owner.execute("DELETE FROM shadow WHERE schema = %s", [shadow.schema])
    if keep:
        _rename(owner, replaced, before(name))
        _note(owner, replace(shadow, schema=before(name)), live_position, definition)
    else:
        owner.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(replaced)))
    owner.execute(
        "UPDATE projection SET definition = %s, position = %s, error = NULL, changed_at = now()"
        " WHERE view = %s",
        [shadow.definition, goal, name],
    )
    return goal


def kept(owner: Connection, view: View) -> tuple[View, int]:
    """Return the kept tables of a view as a shadow of it, and how far they are.

    Raises:
        RollbackError: none are kept, or they are of another definition.
    """
    row = owner.execute(
        "SELECT definition, position FROM shadow WHERE schema = %s", [before(view.name)]
    ).fetchone()
    if row is None:
        raise RollbackError(
            f"no tables of {view.name} are kept: dasan rebuild {view.name} --keep keeps those that"
            " it replaces"
        )
    if row[0] != view.definition:
        raise RollbackError(
            f"the kept tables of {view.name} are of the definition {row[0][:16]}, this program's"
            f" is {view.definition[:16]}: roll back with the version that made them"
        )
    return view.within(before(view.name)), row[1]


def aside(name: str) -> str:
    """Return the schema of a view's shadow."""
    return f"{name}_next"


def before(name: str) -> str:
    """Return the schema of a view's kept tables."""
    return f"{name}_before"


def _note(owner: Connection, shadow: View, position: int, definition: str | None = None) -> None:
    owner.execute(
        "INSERT INTO shadow (schema, definition, position) VALUES (%s, %s, %s)"
        " ON CONFLICT (schema) DO UPDATE"
        " SET definition = excluded.definition, position = excluded.position",
        [shadow.schema, definition or shadow.definition, position],
    )


def _rename(owner: Connection, schema: str, to: str) -> None:
    for statement in ("DROP SCHEMA IF EXISTS {to} CASCADE", "ALTER SCHEMA {schema} RENAME TO {to}"):
        owner.execute(
            sql.SQL(statement).format(schema=sql.Identifier(schema), to=sql.Identifier(to))
        )


def _tables(owner: Connection, schema: str) -> list[str]:
    rows = owner.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY tablename", [schema]
    )
    return [name for (name,) in rows]


def _written(write: Callable[[bytes], None], chunks: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        write(chunk)
        yield chunk

r"""The digest of a view: equal contents have equal digests, on whichever server they stand.

SHA-256, in hexadecimal, over the view's tables in the order of their names. Of each table: a line
with its name, its rows as PostgreSQL's COPY writes them as text, and a line that holds `\.` only,
which no row does. The rows are ordered by the primary key, text in it by its bytes (collation
"C"); their columns stand in the order of their names, without those that are generated from
others; times are in ISO format and UTC, text is in UTF-8.

A row of sums that are all zero says nothing (`View.says`) and does not count: whether there is one
depends on the batches that the events were merged in.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from psycopg import Connection, sql

from projections.reading import standing_still
from projections.views import View, foreign

# What the text of the types that stand in views depends on, and a server can be set to otherwise.
_SETTINGS = {"TimeZone": "UTC", "DateStyle": "ISO, YMD", "client_encoding": "UTF8"}


@dataclass(frozen=True, slots=True)
class Layout:
    """A table as its digest reads it: columns in order; the key, each with whether it is text."""

    columns: Sequence[str]
    key: Sequence[tuple[str, bool]]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a view holds, as a digest, and how far it has come; `error` is why it stopped.

    Tables of another definition have no digest.
    """

    position: int
    error: str | None
    digest: str


def digest(connection: Connection, view: View) -> str:
    """Return the digest of the view's tables. Streams them: takes memory for a row at a time."""
    summed = hashlib.sha256()
    for table in view.table_names:
        for part in framed(table, copied(connection, view, table)):
            summed.update(part)
    return summed.hexdigest()


def framed(table: str, rows: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what a table adds to the digest of its view."""
    yield f"{table}\n".encode()
    yield from rows
    yield b"\\.\n"


def copied(connection: Connection, view: View, table: str) -> Iterator[bytes]:
    """Yield a table's rows as they are digested."""
    with connection.transaction(), connection.cursor() as cursor:
        for name, value in _SETTINGS.items():
            cursor.execute("SELECT set_config(%s, %s, true)", [name, value])
        with cursor.copy(_copy(connection, view, table)) as rows:
            yield from map(bytes, rows)


def contents(connection: Connection, views: Collection[View]) -> dict[str, Contents]:
    """Return what each view holds now, all as of one moment, whoever goes on advancing them."""
    with standing_still(connection, *(view.name for view in views)):
        rows = connection.execute("SELECT view, position, error, definition FROM projection")
        states = {name: state for name, *state in rows}
        return {view.name: _contents(connection, view, *states[view.name]) for view in views}


def _contents(
    connection: Connection, view: View, position: int, error: str | None, definition: str
) -> Contents:
    if reason := foreign(view.name, definition):
        return Contents(position, reason, "")
    return Contents(position, error, digest(connection, view))


def layouts(connection: Connection, schema: str) -> dict[str, Layout]:
    """Return how each table of a schema is laid out."""
    tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema])
    return {table: layout(connection, schema, table) for (table,) in tables.fetchall()}


def layout(connection: Connection, schema: str, table: str) -> Layout:
    """Return how a table is laid out."""
    described = connection.execute(
        "SELECT attname, attcollation <> 0, array_position(indkey, attnum)"
        " FROM pg_attribute LEFT JOIN pg_index ON indrelid = attrelid AND indisprimary"
        " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''"
        ' ORDER BY attname COLLATE "C"',
        [f"{schema}.{table}"],
    ).fetchall()
    key = sorted((place, name, is_text) for name, is_text, place in described if place is not None)
    return Layout([name for name, _, _ in described], [(name, is_text) for _, name, is_text in key])


def _copy(connection: Connection, view: View, table: str) -> sql.Composed:
    laid = layout(connection, view.schema, table)
    return sql.SQL("COPY (SELECT {} FROM {} WHERE {} ORDER BY {}) TO STDOUT").format(
        sql.SQL(", ").join(map(sql.Identifier, laid.columns)),
        sql.Identifier(view.schema, table),
        sql.SQL(view.says.get(table, "true")),
        sql.SQL(", ").join(
            sql.Identifier(name) + sql.SQL(' COLLATE "C"' if is_text else "")
            for name, is_text in laid.key
        ),
    )

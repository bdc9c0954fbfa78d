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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from psycopg import Connection, sql

from projections.views import View

# What the text of the types that stand in views depends on, and a server can be set to otherwise.
_SETTINGS = {"TimeZone": "UTC", "DateStyle": "ISO, YMD", "client_encoding": "UTF8"}


@dataclass(frozen=True, slots=True)
class Contents:
    """What a view holds, as a digest, and how far it has come; `error` is why it stopped."""

    position: int
    error: str | None
    digest: str


def digest(connection: Connection, view: View) -> str:
    """Return the digest of the view's tables. Streams them: takes memory for a row at a time."""
    summed = hashlib.sha256()
    with connection.transaction(), connection.cursor() as cursor:
        for name, value in _SETTINGS.items():
            cursor.execute("SELECT set_config(%s, %s, true)", [name, value])
        for table in view.table_names:
            summed.update(f"{table}\n".encode())
            with cursor.copy(_copy(connection, view, table)) as rows:
                for row in rows:
                    summed.update(row)
            summed.update(b"\\.\n")
    return summed.hexdigest()


def contents(connection: Connection, views: Iterable[View]) -> dict[str, Contents]:
    """Return what each view holds now, all as of one moment, whoever goes on advancing them."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        states = {
            name: (position, error)
            for name, position, error in connection.execute(
                "SELECT view, position, error FROM projection"
            )
        }
        return {view.name: Contents(*states[view.name], digest(connection, view)) for view in views}


def _copy(connection: Connection, view: View, table: str) -> sql.Composed:
    columns, key = layout(connection, view, table)
    return sql.SQL("COPY (SELECT {} FROM {} WHERE {} ORDER BY {}) TO STDOUT").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.Identifier(view.schema, table),
        sql.SQL(view.says.get(table, "true")),
        sql.SQL(", ").join(
            sql.Identifier(name) + sql.SQL(' COLLATE "C"' if is_text else "")
            for name, is_text in key
        ),
    )


def layout(
    connection: Connection, view: View, table: str
) -> tuple[Sequence[str], Sequence[tuple[str, bool]]]:
    """Return a table's columns in the order of the digest, and its key: names, whether text."""
    described = connection.execute(
        "SELECT attname, attcollation <> 0, array_position(indkey, attnum)"
        " FROM pg_attribute LEFT JOIN pg_index ON indrelid = attrelid AND indisprimary"
        " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''"
        ' ORDER BY attname COLLATE "C"',
        [f"{view.schema}.{table}"],
    ).fetchall()
    key = sorted((place, name, is_text) for name, is_text, place in described if place is not None)
    return [name for name, _, _ in described], [(name, is_text) for _, name, is_text in key]

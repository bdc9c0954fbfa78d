"""Folding the whole history into a view's tables at once, on whichever engine.

Each engine yields a table's rows as the bytes of its digest (`projections/digest.py`): PostgreSQL's
COPY text, columns in the order of their names, ordered by the key. So what is loaded is what is
digested, and engines that agree yield the same bytes.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from duckdb import DuckDBPyConnection
from psycopg import Connection

from projections.digest import Layout, copied
from projections.refold import Refold
from projections.views import View

CHUNK_BYTES = 1 << 20

PART_EVENTS = 2_000_000
"""Events of which the last of each kind is sought together: DuckDB does that in memory only."""

Rows = Callable[[str], Iterator[bytes]]
"""Yields the rows of a table, given its name, as chunks of bytes."""


@contextmanager
def on_postgres(
    connection: Connection, view: View, upto: int, progress: Callable[[int], None] | None = None
) -> Iterator[Rows]:
    """Fold the log itself, in temporary tables of a connection that is for this alone.

    Raises:
        FoldError: an event cannot be merged; says which, and why.
    """
    refold = Refold(connection)
    refold.advance([view.name], upto, progress)
    if reason := refold.errors.get(view.name):
        raise FoldError(reason)
    yield lambda table: copied(connection, refold.views[view.name], table)


@contextmanager
def on_duckdb(
    duck: DuckDBPyConnection, view: View, layouts: Mapping[str, Layout], folder: Path
) -> Iterator[Rows]:
    """Fold the relation `events` of a DuckDB connection."""
    for name, select in view.gathers.items():
        duck.execute(f"CREATE OR REPLACE TEMPORARY TABLE {name} AS {select}")

    def rows(table: str) -> Iterator[bytes]:
        path = folder / f"{table}.copy"
        fold = view.folds[table]
        relation = _in_parts(duck, fold) if "DISTINCT ON" in fold else f"({fold})"
        write(duck, relation, view.says.get(table, "true"), layouts[table], path)
        yield from read_chunks(path)
        path.unlink()

    yield rows
    for name in view.gathers:
        duck.execute(f"DROP TABLE {name}")


def _in_parts(duck: DuckDBPyConnection, fold: str) -> str:
    """Fold some inquiries after the other, and return the name of the relation with all rows."""
    counted = duck.execute("SELECT count(*) FROM events WHERE NOT restated").fetchone()
    parts = 1 + (counted[0] if counted else 0) // PART_EVENTS
    begin = "CREATE OR REPLACE TEMPORARY TABLE folded_rows AS "
    for part in range(parts):
        some = f"FROM (SELECT * FROM events WHERE hash(stream_id) % {parts} = {part}) AS events"
        duck.execute(begin + re.sub(r"\bFROM events\b", some, fold))
        begin = "INSERT INTO folded_rows "
    return "folded_rows"


class FoldError(RuntimeError):
    """The history cannot be folded; says where, and why."""


def write(duck: DuckDBPyConnection, relation: str, where: str, layout: Layout, path: Path) -> None:
    """Write the rows of a relation to a file, as the digest has them."""
    described = duck.execute(f"DESCRIBE SELECT * FROM {relation} AS folded").fetchall()
    types = {name: type_ for name, type_, *_ in described}
    columns = ", ".join(_as_copied(name, types[name]) for name in layout.columns)
    order = ", ".join(name for name, _ in layout.key)
    duck.execute(
        f"COPY (SELECT {columns} FROM {relation} AS folded WHERE {where} ORDER BY {order})"
        f" TO '{path}' (FORMAT csv, HEADER false, DELIMITER '\t', QUOTE '', ESCAPE '',"
        " NULLSTR '\\N')"
    )


def read_chunks(path: Path) -> Iterator[bytes]:
    """Yield the contents of a file."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _as_copied(name: str, type_: str) -> str:
    """Return a column as PostgreSQL writes its values as text."""
    match type_:
        case "BOOLEAN":
            return f"CASE WHEN {name} THEN 't' WHEN NOT {name} THEN 'f' END AS {name}"
        case "VARCHAR[]":
            return f"'{{' || array_to_string({name}, ',') || '}}' AS {name}"
        case _:
            return f"{name}"

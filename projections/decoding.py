"""Typing records on DuckDB: the relation `events` of a range of the log, as PostgreSQL makes it."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import LiteralString, NamedTuple

import duckdb
from duckdb import DuckDBPyConnection
from psycopg import Connection

from domain.events import CATALOGUE
from projections.duck import quoted
from projections.runner import REACHING_BACK, UnknownTypeError
from projections.views import text

BATCH_EVENTS = 262_144
"""Records that are typed together: what bounds the memory."""

_LINES = 1_000
"""Records that are written together."""

_MAX_RECORD_BYTES = 1 << 20

_MACROS, _DECODE = text("events_duckdb.sql").split("-- Select\n")
_SELECT = (
    _DECODE.replace(":types", ", ".join(f"'{name}'" for name in CATALOGUE))
    + ",\n"
    + text("corrections.sql")
)


class Lines(NamedTuple):
    """Files of one record a line: those of a range, and those before that it reaches back into."""

    fresh: Path
    earlier: Path


class DecodingError(ValueError):
    """A record cannot be typed; says why."""


def type_log(
    duck: DuckDBPyConnection,
    connection: Connection,
    begin: int,
    end: int,
    table: str,
    each: Callable[[Sequence[bytes]], None] = lambda _: None,
) -> None:
    """Append the relation `events` of the log's records after `begin` up to `end` to a table.

    `each` is told the records of the range in order, some at a time.

    Raises:
        DecodingError: a record is not what it should be; UnknownTypeError: its type is not known.
    """
    with TemporaryDirectory(prefix="dasan-typing-") as folder:
        lines = export(connection, begin, end, Path(folder), each)
        type_lines(duck, lines.fresh, lines.earlier, table)


def export(
    connection: Connection,
    begin: int,
    end: int,
    folder: Path,
    each: Callable[[Sequence[bytes]], None] = lambda _: None,
) -> Lines:
    """Write the records that typing a range of the log needs into a folder.

    `each` is told the records of the range in order, some at a time.
    """
    lines = Lines(folder / "fresh.ndjson", folder / "earlier.ndjson")
    write_lines(lines.fresh, records(connection, begin, end), each)
    write_lines(lines.earlier, earlier_records(connection, begin, end))
    return lines


def type_lines(duck: DuckDBPyConnection, fresh: Path, earlier: Path, table: str) -> None:
    """Append the relation `events` of records, one a line of a file, to a table; make it at need.

    Raises:
        DecodingError: a record is not what it should be; UnknownTypeError: its type is not known.
    """
    for name, path in (("fresh", fresh), ("earlier", earlier)):
        duck.execute(f"CREATE OR REPLACE TEMPORARY VIEW {name} AS {read_lines(path)}")
    type_relations(duck, table)


def read_lines(path: Path) -> str:
    """Return the SELECT of the records of a file, in order: one column, `record`."""
    return (
        "SELECT json AS record"
        f" FROM read_ndjson_objects({quoted(path)}, maximum_object_size = {_MAX_RECORD_BYTES})"
    )


def type_relations(duck: DuckDBPyConnection, table: str) -> None:
    """Append the relation `events` of the relations `fresh` and `earlier` to a table.

    Each has one column, `record`; `earlier` are those that `fresh` reaches back into.

    Raises:
        DecodingError: a record is not what it should be; UnknownTypeError: its type is not known.
    """
    duck.execute(_MACROS)
    made = duck.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE table_name = ?", [table]
    ).fetchone()
    begin = f"INSERT INTO {table}" if made and made[0] else f"CREATE TEMPORARY TABLE {table} AS"
    try:
        duck.execute(f"{begin}\n{_SELECT}")
    except (duckdb.ConversionException, duckdb.InvalidInputException) as error:
        reason = str(error).partition("\n")[0]
        if "does not know" in reason:
            raise UnknownTypeError(f"{reason}: install the version that wrote it") from error
        raise DecodingError(f"a record cannot be typed: {reason}") from error


def records(connection: Connection, begin: int, end: int) -> Iterator[bytes]:
    """Yield the records after `begin` up to `end`, in order."""
    yield from _copied(
        connection,
        "SELECT record FROM log WHERE position > %s AND position <= %s ORDER BY position",
        [begin, end],
    )


def earlier_records(connection: Connection, begin: int, end: int) -> Iterator[bytes]:
    """Yield what the inquiries had before that this range of the log reaches back into."""
    yield from _copied(
        connection,
        "SELECT log.record FROM ("
        "SELECT stream_id, min(version) AS version FROM log"
        " WHERE position > %s AND position <= %s GROUP BY stream_id"
        " HAVING min(version) > 1 AND bool_or(type = ANY (%s))) begun"
        " JOIN log ON log.stream_id = begun.stream_id AND log.version < begun.version",
        [begin, end, list(REACHING_BACK)],
    )


def write_lines(
    path: Path,
    lines: Iterator[bytes],
    each: Callable[[Sequence[bytes]], None] = lambda _: None,
) -> None:
    """Write a file of one record a line. No record holds a line break: it is canonical JSON."""
    with path.open("wb") as file:
        while gathered := list(islice(lines, _LINES)):
            each(gathered)
            file.write(b"\n".join([*gathered, b""]))


def _copied(
    connection: Connection, query: LiteralString, parameters: list[object]
) -> Iterator[bytes]:
    """Yield the one column of bytes that a query has, as COPY sends it in binary form.

    That is two to three times as fast as rows, and needs no parsing: a row is its number of columns
    in two bytes, the length in four, and the bytes.
    """
    with connection.cursor().copy(
        f"COPY ({query}) TO STDOUT (FORMAT binary)", parameters
    ) as copied:
        rows = iter(copied)
        first = bytes(next(rows))[_COPY_HEADER:]
        if len(first) > _ROW_HEADER:
            yield first[_ROW_HEADER:]
        for row in rows:
            if len(row) > _ROW_HEADER:  # the last one is a mark
                yield bytes(row[_ROW_HEADER:])


_COPY_HEADER, _ROW_HEADER = 19, 6

"""The history of an export as the relation `events`, up to any position: no database is needed.

Whole segments are there with their typed columns. What is behind the last whole one, up to the
position, is typed again from its records and from the earlier ones that it reaches back into.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
from duckdb import DuckDBPyConnection

from projections.archive_reach import REACHING
from projections.asking_history import Recalled
from projections.decoding import read_lines, type_relations
from projections.duck import opened, parquet, quoted
from projections.exported import REST, Export, ExportError
from projections.history import gathered, relate

_REST = """
SELECT {archived} + row AS position, record, record ->> '$.subject' AS stream_id,
    CAST(split_part(record ->> '$.id', '/', 2) AS integer) AS version,
    regexp_replace(record ->> '$.type', '\\.v[0-9]+$', '') AS type
FROM (SELECT CAST(record AS varchar) AS record, row_number() OVER () AS row FROM ({lines}))"""

_EARLIER = f"""
WITH begun AS (
    SELECT stream_id, min(version) AS version FROM placed
    WHERE position > $begin AND position <= $end GROUP BY stream_id
    HAVING min(version) > 1 AND bool_or(type IN ({REACHING})))
SELECT record FROM kept WHERE position IN (
    SELECT position FROM placed JOIN begun ON begun.stream_id = placed.stream_id
        AND placed.version < begun.version)"""


class ExportedHistory:
    """The records of an export up to a size, and where each of them stands.

    `folder` has the copies of its files that `export_checking.verify` has looked at and kept.
    """

    def __init__(self, export: Export, size: int, folder: Path) -> None:
        self._export = export
        self._size = size
        self._folder = folder
        self._rest = folder / "rest.parquet"
        with opened() as duck, _readable(export):
            rest = _REST.format(archived=export.archived, lines=read_lines(folder / REST))
            duck.execute(f"COPY ({rest}) TO {quoted(self._rest)} (FORMAT parquet)")

    def of_type(self, name: str) -> list[tuple[int, bytes]]:
        """Return position and record of every event of a type, in order.

        Raises:
            ExportError: a file cannot be read.
        """
        with opened() as duck, _readable(self._export):
            self._relate(duck)
            rows = duck.execute(
                "SELECT position, record FROM kept WHERE position IN ("
                "SELECT position FROM placed WHERE type = ? AND position <= ?) ORDER BY position",
                [name, self._size],
            ).fetchall()
        return [(position, record.encode()) for position, record in rows]

    @contextmanager
    def upto(self, position: int, timezone: str) -> Iterator[Recalled]:
        """Yield the history up to a position, its days being those of a zone.

        Raises:
            ExportError: a file cannot be read, or a record is missing.
            DecodingError, UnknownTypeError: a record cannot be typed.
        """
        with (
            TemporaryDirectory(dir=self._folder) as name,
            opened() as duck,
            _readable(self._export),
        ):
            duck.execute("SET preserve_insertion_order = false")  # which takes memory
            self._relate(duck)
            type_ = partial(self._type, duck)
            segments = [one for one in self._export.segments if one.last <= position]
            archived = segments[-1].last if segments else 0
            files = [self._folder / one.events.name for one in segments]
            history = gathered(duck, files, archived, type_, position, Path(name))
            relate(duck, history, timezone)
            yield Recalled(duck, Path(name))

    def _relate(self, duck: DuckDBPyConnection) -> None:
        """Define the relations `kept`, of records, and `placed`, of where they stand."""
        segments = self._export.segments
        records = [self._folder / one.records.name for one in segments]
        events = [self._folder / one.events.name for one in segments]
        place = "position, stream_id, version, type"
        kept = [f"SELECT position, record FROM {parquet(self._rest)}"]
        placed = [f"SELECT {place} FROM {parquet(self._rest)}"]
        if segments:
            kept.append(f"SELECT position, record FROM {parquet(*records)}")
            placed.append(f"SELECT {place} FROM {parquet(*events)} WHERE NOT restated")
        for relation, parts in (("kept", kept), ("placed", placed)):
            duck.execute(f"CREATE TEMPORARY VIEW {relation} AS {' UNION ALL '.join(parts)}")

    def _type(self, duck: DuckDBPyConnection, begin: int, end: int, table: str) -> None:
        span = {"begin": begin, "end": end}
        fresh = "SELECT record FROM kept WHERE position > $begin AND position <= $end"
        for relation, select in (("fresh", fresh), ("earlier", _EARLIER)):
            duck.execute(f"CREATE OR REPLACE TEMPORARY TABLE {relation} AS {select}", span)
        found = duck.execute("SELECT count(*) FROM fresh").fetchone()
        if found != (end - begin,):
            raise ExportError(
                f"{self._export.folder}: not every record from position {begin + 1:,} to {end:,} is"
                " there: see what dasan audit verify says"
            )
        type_relations(duck, table)


@contextmanager
def _readable(export: Export) -> Iterator[None]:
    """Say in words of ours that a file cannot be read."""
    try:
        yield
    except duckdb.Error as error:
        raise ExportError(
            f"{export.folder} cannot be read: {str(error).partition(chr(10))[0]}. See what dasan"
            " audit verify says"
        ) from error

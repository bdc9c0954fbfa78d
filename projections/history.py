"""The history as the relation `events` on files: the archive's, and the rest typed from records."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from duckdb import DuckDBPyConnection
from psycopg import Connection

from eventlog.archive import Archive
from projections.decoding import BATCH_EVENTS, type_log
from projections.duck import name_buckets, parquet, quoted

Progress = Callable[[int], None]

Type = Callable[[int, int, str], None]
"""Makes the relation `events` of the records after one position up to another, as a table."""


@dataclass(frozen=True, slots=True)
class History:
    """The files that hold the relation `events` of positions 1 to `upto`; `archived` of them do."""

    files: Sequence[Path]
    archived: int
    upto: int


def gather(
    duck: DuckDBPyConnection,
    connection: Connection,
    archive: Archive,
    upto: int,
    folder: Path,
    progress: Progress | None = None,
) -> History:
    """Return the history up to a position; what no whole segment holds is typed from the log.

    Raises:
        ArchiveError: the archive cannot be used; says why.
        DecodingError, UnknownTypeError: a record of the log cannot be typed.
    """
    segments = [segment for segment in archive.segments() if segment.last <= upto]
    with ThreadPoolExecutor() as pool:  # hashing lets other threads run
        files = list(pool.map(lambda one: archive.fetch_whole(one.events, folder), segments))
    archived = segments[-1].last if segments else 0
    type_ = partial(type_log, duck, connection)
    return gathered(duck, files, archived, type_, upto, folder, progress)


def gathered(
    duck: DuckDBPyConnection,
    typed: Sequence[Path],
    archived: int,
    type_: Type,
    upto: int,
    folder: Path,
    progress: Progress | None = None,
) -> History:
    """Return the history up to a position: files of the positions up to `archived`, and the rest.

    The rest is typed into `folder`; raises what `type_` raises.
    """
    files, begin = list(typed), archived
    while begin < upto or not files:  # an empty history has the columns, too
        end = min(begin + BATCH_EVENTS, upto)
        path = folder / f"{end:020}.parquet"
        type_(begin, end, "typed")
        duck.execute(f"COPY typed TO {quoted(path)} (FORMAT parquet, COMPRESSION zstd)")
        duck.execute("DROP TABLE typed")
        files.append(path)
        begin = end
        if progress:
            progress(end)
    return History(files, archived, upto)


def relate(duck: DuckDBPyConnection, history: History, timezone: str) -> None:
    """Define the relation `events`, and what the views' SQL says of its times."""
    duck.execute(
        f"CREATE OR REPLACE TEMPORARY VIEW events AS SELECT * FROM {parquet(*history.files)}"
    )
    span = duck.execute("SELECT min(time), max(time) FROM events").fetchone()
    begin, end = span or (None, None)
    epoch = datetime.fromisoformat("1970-01-01T00:00:00Z")
    name_buckets(duck, timezone, begin or epoch, end or epoch)

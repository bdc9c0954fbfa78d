"""Sealing: the log's next whole segments become Parquet files of the archive."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from duckdb import DuckDBPyConnection
from psycopg import Connection

from eventlog.archive import SEGMENT_EVENTS, Archive, ArchiveError
from eventlog.database import Database
from eventlog.manifest import Manifest, entry_of, events_name, records_name
from eventlog.reader import Identity, head, identity, read
from eventlog.tree import Peaks
from projections.decoding import Lines, export, read_lines, type_relations
from projections.duck import opened, parquet, quoted

GENERATION = 1
"""Of the typed columns. Others than docs/archive.md lists are the next generation."""

ORDER = "position, restated, version, type, sign"
"""Of the typed rows: no two have the same, so that sealing again makes the same file."""

# No two records are alike: looking for repeated ones is in vain, and the quickest zstd makes the
# smallest files. They may be long, and a group of them is what is in memory at once. Of the typed
# columns, labels and agents repeat; ids and ciphertexts do not.
_RECORDS = "COMPRESSION_LEVEL 1, DICTIONARY_SIZE_LIMIT 1, ROW_GROUP_SIZE 16384"
_EVENTS = "COMPRESSION_LEVEL 3, DICTIONARY_SIZE_LIMIT 1000, ROW_GROUP_SIZE 131072"

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Sealed:
    """The segments that were made, up to which position there are any, and what waits for more."""

    made: tuple[Manifest, ...]
    position: int
    waiting: int


@dataclass(frozen=True, slots=True)
class _Draw:
    """What a segment is made of, drawn from the log into a folder, and the tree at its end."""

    identity: Identity
    first: int
    last: int
    folder: Path
    lines: Lines
    root: bytes
    peaks: tuple[bytes, ...]


def seal(
    database: Database,
    archive: Archive,
    *,
    events: int = SEGMENT_EVENTS,
    upto: int | None = None,
    progress: Progress | None = None,
) -> Sealed:
    """Make every segment that the log fills, up to a position, and the archive does not have.

    A segment has `events` positions, or as many as those that are there. Two that seal one log wait
    for each other; `progress` is told the position that was come to.

    Raises:
        ArchiveError: the archive cannot be used, or is of another log.
        DecodingError, UnknownTypeError: a record cannot be typed; what is before it is sealed.
    """
    with database.connect() as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext('dasan archive'))")
        before = archive.segments()
        last = before[-1] if before else None
        at = _continued(connection, archive, last)
        goal = at if upto is None else min(at, upto)
        size, begin, tree = (last.size, last.last, last.tree) if last else (events, 0, Peaks())
        made = []
        with opened() as duck, TemporaryDirectory(prefix="dasan-sealing-") as folder:
            for draw in _drawn_ahead(_draws(connection, tree, size, goal, Path(folder))):
                made.append(_write(duck, draw))
                archive.publish(made[-1], draw.folder)
                shutil.rmtree(draw.folder)
                if progress:
                    progress(draw.last)
        position = made[-1].last if made else begin
        return Sealed(tuple(made), position, at - position)


def is_worth_it(database: Database, archive: Archive) -> bool:
    """Return whether there is a whole segment to seal and nobody is at it.

    Raises:
        ArchiveError: the archive cannot be used.
    """
    newest = archive.newest()  # no file is read: this is asked every few minutes
    size, last = (newest[1] - newest[0] + 1, newest[1]) if newest else (SEGMENT_EVENTS, 0)
    with database.connect() as connection:
        # Given back as the statement ends: it only tells whether somebody has it.
        [[is_free]] = connection.execute(
            "SELECT pg_try_advisory_xact_lock(hashtext('dasan archive'))"
        ).fetchall()
        return is_free and head(connection) - last >= size


def _continued(connection: Connection, archive: Archive, last: Manifest | None) -> int:
    """Return the head of the log, which must be the one that the archive is of."""
    log, at = identity(connection), head(connection)
    if last is None:
        return at
    require_known(archive, last)
    if last.identity != log:
        raise ArchiveError(
            f"the archive {archive.url} is of the log {last.source} {last.log_id}, and this one is"
            f" {log.source} {log.log_id}: set DASAN_ARCHIVE to a place of its own"
        )
    if at < last.last or not _holds_last(connection, archive, last):
        raise ArchiveError(
            f"the archive {archive.url} has positions up to {last.last:,} that the log does not"
            " have, or has otherwise: the log was restored from an older backup. Keep that archive,"
            " and set DASAN_ARCHIVE to another place"
        )
    return at


def require_known(archive: Archive, *segments: Manifest) -> None:
    """Refuse typed columns that this version does not make.

    Raises:
        ArchiveError: they are of another generation.
    """
    for segment in segments:
        if segment.generation != GENERATION:
            raise ArchiveError(
                f"{archive.path(segment.name)} is of generation {segment.generation}, and this"
                f" version of Dasan makes {GENERATION}: install the version that wrote it"
            )


def _holds_last(connection: Connection, archive: Archive, last: Manifest) -> bool:
    """Return whether the log has the archive's last record, which no other history would have."""
    with TemporaryDirectory(prefix="dasan-sealing-") as folder, opened() as duck:
        path = archive.fetch_whole(last.records, Path(folder))
        [[kept]] = duck.execute(
            f"SELECT encode(record) FROM {parquet(path)} WHERE position = ?", [last.last]
        ).fetchall()
    stored = read(connection, after=last.last - 1, limit=1)
    return bool(stored) and bool(stored[0].record == kept)


def _draws(
    connection: Connection, tree: Peaks, size: int, upto: int, folder: Path
) -> Iterator[_Draw]:
    """Yield what each whole segment up to a position is made of."""
    log = identity(connection)
    while tree.size + size <= upto:
        begin, last = tree.size, tree.size + size
        own = folder / str(last)
        own.mkdir()
        lines = export(connection, begin, last, own, tree.extend)
        if tree.size != last:
            raise ArchiveError(
                f"the log has {tree.size - begin:,} records at the {size:,} positions from"
                f" {begin + 1:,} on: see what dasan doctor says"
            )
        yield _Draw(log, begin + 1, last, own, lines, tree.root(), tree.hashes)


def _drawn_ahead(draws: Iterator[_Draw]) -> Iterator[_Draw]:
    """Yield what `draws` does, and draw the next meanwhile: the server works as DuckDB does."""
    with ThreadPoolExecutor(1) as beside:
        upcoming = beside.submit(next, draws, None)
        while (draw := upcoming.result()) is not None:
            upcoming = beside.submit(next, draws, None)
            yield draw


def _write(duck: DuckDBPyConnection, draw: _Draw) -> Manifest:
    """Write a segment's two files into its folder and return its manifest."""
    duck.execute(f"CREATE OR REPLACE TEMPORARY TABLE fresh AS {read_lines(draw.lines.fresh)}")
    duck.execute(f"CREATE OR REPLACE TEMPORARY VIEW earlier AS {read_lines(draw.lines.earlier)}")
    records = draw.folder / records_name(draw.first, draw.last)
    _copy(
        duck,
        f"SELECT {draw.first - 1} + row_number() OVER () AS position,"
        " CAST(record AS varchar) AS record FROM fresh",
        records,
        _RECORDS,
    )
    type_relations(duck, "typed")
    events = draw.folder / events_name(draw.first, draw.last, GENERATION)
    rows = write_events(duck, "typed", events)
    duck.execute("DROP TABLE typed")
    return Manifest(
        source=draw.identity.source,
        log_id=draw.identity.log_id,
        first=draw.first,
        last=draw.last,
        root=draw.root,
        peaks=draw.peaks,
        generation=GENERATION,
        records=entry_of(records, rows=draw.last - draw.first + 1),
        events=entry_of(events, rows=rows),
    )


def write_events(duck: DuckDBPyConnection, relation: str, path: Path) -> int:
    """Write typed rows to a file, always the same for the same rows; return how many there are."""
    return _copy(duck, f"FROM {relation} ORDER BY {ORDER}", path, _EVENTS)


def _copy(duck: DuckDBPyConnection, select: str, path: Path, options: str) -> int:
    """Write the rows of a SELECT to a Parquet file and return how many there are."""
    [[rows]] = duck.execute(
        f"COPY ({select}) TO {quoted(path)} (FORMAT parquet, COMPRESSION zstd, {options})"
    ).fetchall()
    return int(rows)

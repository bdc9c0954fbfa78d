"""Verifying an archive by itself, without a database: its hashes, its order and its typed rows."""

from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
from duckdb import DuckDBPyConnection

from eventlog.archive import Archive, ArchiveError, DamagedArchiveError
from eventlog.manifest import FileEntry, Manifest
from eventlog.tree import Peaks
from projections import archive_rows as rows
from projections.archive_parts import is_same, said_wrongly
from projections.archive_reach import Reach
from projections.archive_rows import Fault
from projections.archive_typing import TYPED, event_columns, type_again, wrong_row
from projections.duck import opened
from projections.sealing import require_known, write_events

_RECORDS_AT_ONCE = 4_096


@dataclass(frozen=True, slots=True)
class Verified:
    """The segments that an archive says it has, and what is wrong first; no fault: it is sound."""

    segments: Sequence[Manifest]
    fault: Fault | None

    @property
    def position(self) -> int:
        """The last position."""
        return self.segments[-1].last if self.segments else 0


def verify(
    archive: Archive,
    progress: Callable[[float], None] | None = None,
    known: Sequence[Manifest] | None = None,
    folder: Path | None = None,
) -> Verified:
    """Check an archive from its first segment on, to its last or to the first fault.

    The files are what the manifests say; records stand at their own positions, in their own log, in
    the order of their times and of their streams' versions; their tree has the roots that the
    manifests say; and typing them again makes the typed rows, each column of each, and what a file
    says of its parts.

    Takes memory for a segment: a first pass finds what each segment reaches back into, so that the
    second hands those records on as it comes by. `progress` is told the share that is done, of 1.
    `known` are the manifests, if they were read, and the records hashed, before; `folder` is one of
    our own where what is fetched is kept.

    Raises:
        ArchiveError: it cannot be reached, there is none, or another version of Dasan typed it.
        UnknownTypeError: it holds a type that this version does not know.
    """
    segments: Sequence[Manifest] = ()
    try:
        segments = archive.segments() if known is None else known
        if not segments:
            raise ArchiveError(f"there is no archive at {archive.url}: dasan archive seal makes it")
        require_known(archive, *segments)
        with opened() as duck:
            _Checker(archive, duck, folder, is_hashed=known is not None).check(segments, progress)
    except DamagedArchiveError as error:
        return Verified(segments, Fault(error.name, None, error.reason))
    except _FoundError as error:
        return Verified(segments, error.fault)
    return Verified(segments, None)


class _FoundError(Exception):
    """The first fault; it ends the work."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault


def _refuse(fault: Fault | None) -> None:
    if fault:
        raise _FoundError(fault)


class _Checker:
    """Goes through the segments twice, and raises what it finds first."""

    def __init__(
        self, archive: Archive, duck: DuckDBPyConnection, folder: Path | None, *, is_hashed: bool
    ) -> None:
        self._archive = archive
        self._duck = duck
        self._folder = folder
        self._is_hashed = is_hashed
        self._columns = event_columns(duck)
        self._reach = Reach(duck)
        self._tree = Peaks()
        self._recordedtime = ""

    def check(self, segments: Sequence[Manifest], progress: Callable[[float], None] | None) -> None:
        self._require_present(segments)
        for number, segment in enumerate(segments):
            with self._fetched(segment.events, self._columns) as events:
                self._reach.note(number, events)
        self._reach.settle()
        for number, segment in enumerate(segments):
            with (
                self._fetched(segment.records, rows.RECORD_COLUMNS) as records,
                self._fetched(segment.events, self._columns) as events,
            ):
                self._check(number, segment, records, events)
            if progress:
                progress(segment.last / segments[-1].last)

    def _require_present(self, segments: Sequence[Manifest]) -> None:
        there = {*self._archive.names()}
        for segment in segments:
            for entry in (segment.records, segment.events):
                if entry.name not in there:
                    _refuse(Fault(entry.name, None, "it is missing"))

    @contextmanager
    def _fetched(self, entry: FileEntry, columns: rows.Columns) -> Iterator[Path]:
        """Yield a file on this machine that is what its manifest says."""
        with TemporaryDirectory(prefix="dasan-verifying-") as name:
            path = self._archive.fetch_whole(entry, self._folder or Path(name))
            _refuse(rows.unreadable(self._duck, path, entry, columns))
            try:
                yield path
            except duckdb.InvalidInputException as error:
                reason = str(error).partition("\n")[0]
                _refuse(Fault(entry.name, None, f"its rows cannot be read: {reason}"))
                raise

    def _check(self, number: int, segment: Manifest, records: Path, events: Path) -> None:
        _refuse(rows.relate_records(self._duck, records, segment.records))
        with ExitStack() as stack:
            growing = None if self._is_hashed else self._growing_beside(stack)
            _refuse(
                rows.misplaced_record(
                    self._duck,
                    segment.records.name,
                    segment.first,
                    segment.source,
                    self._recordedtime,
                )
            )
            fault = self._wrong_file(number, segment, records, events)
            if growing:
                growing.result()
                fault = self._wrong_tree(segment, fault) or fault
        _refuse(fault)
        self._recordedtime = rows.last_recordedtime(self._duck, segment)
        self._reach.hand_on(number, rows.RECORDS, TYPED)

    def _growing_beside(self, stack: ExitStack) -> "Future[None]":
        """Let the tree grow by the segment's records, in a thread of its own."""
        # Hashing needs no DuckDB, and typing no Python: together they keep two cores busy.
        cursor = stack.enter_context(self._duck.cursor())
        return stack.enter_context(ThreadPoolExecutor(1)).submit(_grow, self._tree, cursor)

    def _wrong_file(
        self, number: int, segment: Manifest, records: Path, events: Path
    ) -> Fault | None:
        """Return what is wrong with what the segment's files say, whoever reads which part."""
        if fault := type_again(self._duck, segment, self._reach.earlier(number)):
            return fault
        with TemporaryDirectory(prefix="dasan-verifying-") as name:
            again = Path(name) / "again.parquet"
            write_events(self._duck, TYPED, again)
            misplaced = self._reach.misplaced(number)
            if not is_same(again, segment.events):
                if fault := rows.relate_events(self._duck, events, segment.events) or wrong_row(
                    self._duck, segment, self._columns, misplaced
                ):
                    return fault
                if reason := said_wrongly(self._duck, events, rows.EVENTS, again):
                    return Fault(segment.events.name, None, reason)
            elif misplaced:
                return Fault(segment.records.name, misplaced.position, misplaced.reason)
        if reason := said_wrongly(self._duck, records, rows.RECORDS, None):
            return Fault(segment.records.name, None, reason)
        return None

    def _wrong_tree(self, segment: Manifest, fault: Fault | None) -> Fault | None:
        if (self._tree.hashes, self._tree.root()) == (segment.peaks, segment.root):
            return None
        found, due = (b64encode(it).decode() for it in (self._tree.root(), segment.root))
        reason = f"the root of the records up to {segment.last:,} is {found}, not {due}"
        if fault:  # it tells which record
            return Fault(segment.records.name, fault.position, f"{fault.reason}; and {reason}")
        return Fault(segment.name, None, f"{reason}: it was changed, or one of its records was")


def _grow(tree: Peaks, cursor: DuckDBPyConnection) -> None:
    """Let the tree grow by a segment's records."""
    cursor.execute(f"SELECT encode(coalesce(record, '')) FROM {rows.RECORDS} ORDER BY row")
    while fetched := cursor.fetchmany(_RECORDS_AT_ONCE):
        tree.extend(record for (record,) in fetched)

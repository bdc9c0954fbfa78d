"""Hashing every record of an export again, and comparing with the tree that was signed.

The leaves of segments are hashed beside each other, in processes; the tree above them is built as
they come.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import duckdb
from duckdb import DuckDBPyConnection

from eventlog.archive import DamagedArchiveError
from eventlog.checkpoint import Checkpoint
from eventlog.manifest import FileEntry
from eventlog.proof import Node
from eventlog.record import MAX_RECORD_BYTES
from eventlog.tiles import WIDTH, Place, grown, nodes_of, path_of, tiles_of
from eventlog.tree import HASH_BYTES, leaf_hashes, subtree
from projections.archive_rows import Fault
from projections.duck import opened, parquet
from projections.exported import Export

_RECORDS_AT_ONCE = 1_024
_TILE_BYTES = WIDTH * HASH_BYTES
_WORTH_PROCESSES = 2
"""Segments from which on it pays to start processes."""


class Hashed(NamedTuple):
    """What tells the hashes of an export's tree, and the first record or tile that is not in it."""

    node: Node
    fault: Fault | None


class _Work(NamedTuple):
    """A segment to hash: the file of its records in an export, and the folder for its copy."""

    export: Path
    records: FileEntry
    folder: Path


class _Leaves(NamedTuple):
    """The leaf hashes of some records, one behind the other, or why there are none."""

    hashes: bytes
    fault: Fault | None = None


def hashed(export: Export, checkpoint: Checkpoint, rest: bytes, folder: Path) -> Hashed:
    """Hash the records of an export up to a checkpoint, and compare with the tiles that it has.

    `rest` are the leaf hashes of the records that no segment has; those that one has are copied
    into `folder`.

    Raises:
        ExportError, ArchiveError: a file is missing or broken.
    """
    work = [_Work(export.folder, one.records, folder) for one in export.segments]
    size, count, behind = checkpoint.size, 0, b""
    joined, fault = bytearray(), None
    for leaves in _leaves(work, rest):
        behind += leaves.hashes
        fault = fault or leaves.fault
        for at in range(0, len(behind) - _TILE_BYTES + 1, _TILE_BYTES):
            tile = behind[at : at + _TILE_BYTES]
            fault = fault or _difference(export, count // WIDTH, tile, size)
            joined += subtree(tile)
            count += WIDTH
        behind = behind[len(behind) // _TILE_BYTES * _TILE_BYTES :]
    if behind:
        fault = fault or _difference(export, count // WIDTH, behind, size)
        count += len(behind) // HASH_BYTES
    if fault is None and count != size:
        fault = Fault("checkpoint", None, f"it is of {size:,} records, and {count:,} are there")
    return _built(export, size, bytes(joined), fault)


def _leaves(work: Sequence[_Work], rest: bytes) -> Iterator[_Leaves]:
    """Yield the leaf hashes of all records, in order."""
    if len(work) < _WORTH_PROCESSES:
        yield from map(_hash_segment, work)
    else:
        with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
            yield from pool.map(_hash_segment, work)
    yield _Leaves(rest)


def _hash_segment(work: _Work) -> _Leaves:
    entry = work.records
    try:
        path = Export(work.export).archive.fetch_whole(entry, work.folder)
        with opened() as duck:
            return _Leaves(b"".join(map(leaf_hashes, _records(duck, path, entry.rows))))
    except DamagedArchiveError as error:
        return _Leaves(b"", Fault(error.name, None, error.reason))
    except duckdb.Error as error:
        return _Leaves(b"", Fault(entry.name, None, str(error).partition("\n")[0]))


def _records(duck: DuckDBPyConnection, path: Path, due: int) -> Iterator[Iterator[bytes]]:
    """Yield the records of a file, some at a time."""
    duck.execute(
        f"SELECT encode(if(strlen(record) <= {MAX_RECORD_BYTES}, record, ''))"
        f" FROM {parquet(path)} LIMIT {due + 1}"
    )
    while rows := duck.fetchmany(_RECORDS_AT_ONCE):
        yield (record for (record,) in rows)


def _difference(export: Export, number: int, leaves: bytes, size: int) -> Fault | None:
    """Return the first record whose hash is not the one of the tile of leaves with this number."""
    width = min(WIDTH, size - number * WIDTH)
    path, kept = path_of(Place(0, number), width), export.tile(Place(0, number), width)
    if len(kept) != width * HASH_BYTES:
        return Fault(path, None, "it has not all of its hashes" if kept else "it is missing")
    for at in range(0, width * HASH_BYTES, HASH_BYTES) if kept != leaves else ():
        if leaves[at : at + HASH_BYTES] != kept[at : at + HASH_BYTES]:
            is_there = at < len(leaves)
            reason = (
                "the record has not the hash that the tree has there"
                if is_there
                else "there is no record of this position"
            )
            return Fault(path, number * WIDTH + at // HASH_BYTES + 1, reason)
    return None


def _built(export: Export, size: int, joined: bytes, fault: Fault | None) -> Hashed:
    """Build the tiles above those of leaves, given the hash of each, and compare them, too."""
    hashes = [joined[at : at + HASH_BYTES] for at in range(0, len(joined), HASH_BYTES)]
    above = {
        Place(place.level + 1, place.number): tile
        for place, tile in grown(lambda _: b"", 0, hashes).items()
    }
    for place, width in tiles_of(size):
        if fault is None and place.level and export.tile(place, width) != above[place]:
            reason = "its hashes are not those of the tiles below it"
            fault = Fault(path_of(place, width), None, reason)

    def tile(place: Place) -> bytes:
        if place.level:
            return above.get(place, b"")
        return export.tile(place, min(WIDTH, size - place.number * WIDTH))

    return Hashed(nodes_of(tile), fault)

"""The tree: growing with a log, verifying an export, proving a leaf, what a write pays for it."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from psycopg import Connection

from benchmarks.callers import Act, Measured, Run
from benchmarks.catching_up import Views
from benchmarks.figures import Ratio
from benchmarks.saves import Saves
from benchmarks.server import Bench, Case, Place
from eventlog.archive import Archive
from eventlog.checkpoint import Checkpoint, Signer
from eventlog.growing import caught_up, tiles_in
from eventlog.proof import range_root
from eventlog.proving import Prover
from eventlog.signing import kept_signed
from eventlog.tiles import grown, nodes_of
from eventlog.tree import HASH_BYTES, leaf_hashes
from projections.export_hashing import hashed
from projections.exported import Export
from projections.exporting import export
from projections.sealing import seal

GROWING = "tree, tiles and checkpoints"
VERIFYING = "verify: signature, hashes, tiles, root"
PROVING = "inclusion proof"
SIGNED = "save, 1 process, signed beside"

SIGNER = Signer("/dasan/seoul", bytes(32))
SEGMENT_EVENTS = 65_536
BATCH_LEAVES = 65_536
PROOFS = 500

RATIOS = (
    Ratio(GROWING, GROWING, aim=20_000),
    Ratio(
        VERIFYING, VERIFYING
    ),  # mostly the start of processes: make bench-rebuild has more events
    Ratio(PROVING, PROVING, most=5),
)


@dataclass
class Proving:
    """A day's log whose tree grows from nothing, its export, and a tree of many leaves."""

    log: Place
    leaves: Place
    export: Export = field(init=False)
    chance: Random = field(default_factory=lambda: Random(120))

    def load(self, events: int, leaves: int) -> None:
        """Fill the log, export it, and let the other tree have so many leaves, of any hash."""
        Views(self.log).load(events)
        home = self.log.settings.home
        archive = Archive(str(home / "proving-archive"))
        seal(self.log.database, archive, events=min(SEGMENT_EVENTS, events // 4))
        self.export = Export(home / "proving-export")
        export(self.log.database, archive, SIGNER, self.export.folder)
        shutil.rmtree(Path(archive.url))
        with self.leaves.database.connect_as_owner() as owner:
            for size in range(0, leaves, BATCH_LEAVES):
                _plant(owner, size, min(BATCH_LEAVES, leaves - size))
            owner.execute("VACUUM ANALYZE tree.tile")
            root = range_root(nodes_of(tiles_in(owner)), 0, leaves)
            note = SIGNER.signed(Checkpoint(SIGNER.name, leaves, root))
            owner.execute(
                "INSERT INTO tree.checkpoint (size, root, note) VALUES (%s, %s, %s)",
                [leaves, root, note],
            )

    def cases(self) -> list[Case]:
        return [
            Case(GROWING, "events/s", self._grow),
            Case(VERIFYING, "events/s", partial(verified, self.export)),
            Case(PROVING, "ms", self._prove),
        ]

    def _grow(self) -> Run:
        with self.log.database.connect_as_owner() as owner:
            owner.execute("DROP SCHEMA tree CASCADE")
            owner.execute(files("eventlog").joinpath("tree.sql").read_bytes())
        with self.log.database.connect() as connection:
            begin = time.perf_counter()
            checkpoint = caught_up(connection, SIGNER)
            assert checkpoint
            return Run(checkpoint.size, time.perf_counter() - begin)

    def _prove(self) -> Measured:
        """Prove leaves as requests do: each reads the checkpoint and the tiles that it needs."""
        with self.leaves.database.connect() as connection:
            size = Prover(connection, SIGNER.verifier).checkpoint.size
            positions = [self.chance.randint(1, size) for _ in range(PROOFS)]
            begin = time.perf_counter()
            for position in positions:
                Prover(connection, SIGNER.verifier).proof(position)
            seconds = time.perf_counter() - begin
        return Measured(PROOFS, seconds, 1_000 * seconds / PROOFS)


def verified(exported: Export) -> Run:
    """Verify the signature of an export, and that all of its records are what was signed."""
    begin = time.perf_counter()
    checkpoint = exported.checkpoint(SIGNER.verifier)
    with TemporaryDirectory(prefix="dasan-benchmark-") as folder:
        rest = leaf_hashes(exported.rest(checkpoint.size))
        found = hashed(exported, checkpoint, rest, Path(folder))
    assert found.fault is None
    assert range_root(found.node, 0, checkpoint.size) == checkpoint.root
    return Run(checkpoint.size, time.perf_counter() - begin)


def _plant(owner: Connection, size: int, count: int) -> None:
    hashes = os.urandom(count * HASH_BYTES)
    leaves = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
    with owner.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO tree.tile (level, number, hashes) VALUES (%s, %s, %s)"
            " ON CONFLICT (level, number) DO UPDATE SET hashes = EXCLUDED.hashes",
            [(*place, tile) for place, tile in grown(tiles_in(owner), size, leaves).items()],
        )


@dataclass(frozen=True, slots=True)
class SignedSaves:
    """Saves while the tree follows the log and signs, in the same process, as in `dasan serve`."""

    saves: Saves

    @contextmanager
    def opened(self) -> Iterator[Act]:
        place = self.saves.place
        with kept_signed(place.settings, place.database), self.saves.opened() as act:
            yield act

    def events(self) -> int:
        return self.saves.events()


def proving(bench: Bench, events: int, leaves: int) -> list[Case]:
    """Make what is measured, and return the cases."""
    made = Proving(bench.log("tree"), bench.log("leaves"))
    made.load(events, leaves)
    return made.cases()

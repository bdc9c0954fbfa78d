"""Verifying an export by itself and, better, with a key and a checkpoint kept elsewhere."""

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from eventlog.archive import ArchiveError
from eventlog.checkpoint import Checkpoint, CheckpointError, Verifier
from eventlog.proof import range_root
from eventlog.tree import leaf_hashes
from projections.archive_checking import verify as verify_archive
from projections.archive_rows import Fault
from projections.decoding import write_lines
from projections.export_closing import wrong_files
from projections.export_hashing import Hashed, hashed
from projections.export_listing import NAME, Listed
from projections.export_rest import wrong_rest
from projections.exported import REST, Export, ExportError

Progress = Callable[[str], None]

_UNLISTED = (
    f"it has no signed list {NAME}, as an older version made it, or somebody took the list away:"
    " README.md and definitions/ may be anybody's, and are not proved"
)


class Checked(NamedTuple):
    """What an export's checkpoint says, and what is wrong first; no fault: all of it holds.

    `doubt` is why it is not proved nevertheless; null: it is proved, if the key is the log's.
    """

    checkpoint: Checkpoint
    fault: Fault | None
    doubt: str | None = None


def verify(
    export: Export,
    verifier: Verifier,
    earlier: str | None = None,
    progress: Progress = lambda _: None,
    keep: Path | None = None,
) -> Checked:
    """Check an export against a key, and against an earlier checkpoint that was kept elsewhere.

    The checkpoint is signed; the export has the files that are signed, and no others; every record
    has the hash that the tree has at its place, and the tree the root that was signed; it begins
    with the records of the `earlier` note; records stand in order, in their log and streams; and
    the archive's typed rows are those that the records make, also for whoever reads a part of them.

    What is looked at are copies, in a temporary folder, so that it is what was hashed. `keep` is a
    folder of our own for them, for whoever goes on to read them.

    Raises:
        CheckpointError: the checkpoint, or the earlier one, is not signed by the key.
        ExportError: this is no export.
    """
    checkpoint = export.checkpoint(verifier)
    before = None if earlier is None else verifier.opened(earlier)
    try:
        listed = export.listed(checkpoint, verifier)
        with TemporaryDirectory(prefix="dasan-verifying-") as name:
            copies = _Copies(export, checkpoint, keep or Path(name))
            fault = copies.first_fault(listed, before, progress)
    except (ArchiveError, CheckpointError, ExportError) as error:
        return Checked(checkpoint, Fault(str(export.folder), None, str(error)))
    return Checked(checkpoint, fault, _UNLISTED if listed is None else None)


class _Copies(NamedTuple):
    """An export, and the folder of the copies that are looked at."""

    export: Export
    checkpoint: Checkpoint
    folder: Path

    def first_fault(
        self,
        listed: Mapping[str, Listed] | None,
        before: Checkpoint | None,
        progress: Progress,
    ) -> Fault | None:
        export, checkpoint = self.export, self.checkpoint
        if fault := wrong_files(export, checkpoint, listed):
            return fault
        progress("hashing")
        found = hashed(export, checkpoint, self._rest(), self.folder)
        if (
            fault := found.fault
            or _wrong_root(found, checkpoint)
            or _wrong_before(found, checkpoint, before)
            or _wrong_segment(found, export)
        ):
            return fault
        progress("typing")
        if export.segments:
            fault = verify_archive(export.archive, known=export.segments, folder=self.folder).fault
            if fault:
                return fault
        progress("ordering")
        return wrong_rest(export, checkpoint, self.folder)

    def _rest(self) -> bytes:
        """Write the records that no segment has into the folder, and return their leaf hashes."""
        hashes = bytearray()
        write_lines(
            self.folder / REST,
            self.export.rest(self.checkpoint.size),
            lambda records: hashes.extend(leaf_hashes(records)),
        )
        return bytes(hashes)


def _wrong_root(found: Hashed, checkpoint: Checkpoint) -> Fault | None:
    if range_root(found.node, 0, checkpoint.size) == checkpoint.root:
        return None
    return Fault(
        "checkpoint",
        None,
        f"the {checkpoint.size:,} records have not the root that was signed: records and tiles were"
        " changed together, or the checkpoint is another one's",
    )


def _wrong_segment(found: Hashed, export: Export) -> Fault | None:
    for one in export.segments:
        if range_root(found.node, 0, one.last) != one.root:
            reason = f"the first {one.last:,} records have not the root that it says"
            return Fault(f"archive/{one.name}", None, reason)
    return None


def _wrong_before(found: Hashed, checkpoint: Checkpoint, before: Checkpoint | None) -> Fault | None:
    if before is None:
        return None
    if before.size > checkpoint.size:
        reason = f"{before.size:,} records were signed before, and the export has fewer"
    elif range_root(found.node, 0, before.size) != before.root:
        reason = f"the first {before.size:,} records are not those that were signed before"
    else:
        return None
    return Fault("checkpoint", None, f"{reason}: the log was rewritten or cut, and signed again")

"""Verifying an export by itself and, better, with a key and a checkpoint kept elsewhere."""

from collections.abc import Callable
from typing import NamedTuple

from eventlog.archive import ArchiveError
from eventlog.checkpoint import Checkpoint, Verifier
from eventlog.proof import range_root
from projections.archive_checking import verify as verify_archive
from projections.archive_rows import Fault
from projections.export_hashing import Hashed, hashed
from projections.export_rest import wrong_rest
from projections.exported import Export, ExportError

Progress = Callable[[str], None]


class Checked(NamedTuple):
    """What an export's checkpoint says, and what is wrong first; no fault: all of it holds."""

    checkpoint: Checkpoint
    fault: Fault | None


def verify(
    export: Export,
    verifier: Verifier,
    earlier: str | None = None,
    progress: Progress = lambda _: None,
) -> Checked:
    """Check an export against a key, and against an earlier checkpoint that was kept elsewhere.

    The checkpoint is signed; every record has the hash that the tree has at its place, and the tree
    the root that was signed; it begins with the records of the `earlier` note; records stand in
    order, in their log and streams; and the archive's typed rows are those that the records make.

    Raises:
        CheckpointError: the checkpoint, or the earlier one, is not signed by the key.
        ExportError: this is no export.
    """
    checkpoint = export.checkpoint(verifier)
    before = verifier.opened(earlier) if earlier else None
    try:
        return Checked(checkpoint, _first_fault(export, checkpoint, before, progress))
    except (ArchiveError, ExportError) as error:
        return Checked(checkpoint, Fault(str(export.folder), None, str(error)))


def _first_fault(
    export: Export, checkpoint: Checkpoint, before: Checkpoint | None, progress: Progress
) -> Fault | None:
    progress("hashing")
    found = hashed(export, checkpoint)
    if (
        fault := found.fault
        or _wrong_root(found, checkpoint)
        or _wrong_before(found, checkpoint, before)
    ):
        return fault
    progress("typing")
    if export.segments and (fault := verify_archive(export.archive).fault):
        return fault
    progress("ordering")
    return wrong_rest(export, checkpoint)


def _wrong_root(found: Hashed, checkpoint: Checkpoint) -> Fault | None:
    if range_root(found.node, 0, checkpoint.size) == checkpoint.root:
        return None
    return Fault(
        "checkpoint",
        None,
        f"the {checkpoint.size:,} records have not the root that was signed: records and tiles were"
        " changed together, or the checkpoint is another one's",
    )


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

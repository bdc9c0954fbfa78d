"""Whether an export has the files that it should have, and no others."""

import hashlib
import re
from collections.abc import Mapping

from eventlog.checkpoint import Checkpoint
from eventlog.delivered import IrregularFileError, files_in
from eventlog.manifest import FileEntry
from projections.archive_rows import Fault
from projections.export_listing import NAME, Listed, is_of_tree
from projections.exported import Export

MAX_TEXT_BYTES = 1 << 20
"""Of a definition, or README.md, where nothing signed says how large it is."""

_TEXT = re.compile(r"checkpoint|key|README\.md|definitions/[a-z_]+\.sql")


def wrong_files(
    export: Export, checkpoint: Checkpoint, listed: Mapping[str, Listed] | None
) -> Fault | None:
    """Return the first file that is not due, missing, or not the one that was signed.

    Without a signed list only names are looked at.

    Raises:
        ExportError: a file is not one that can be read. ArchiveError: a manifest is none.
    """
    kept = _archived(export)
    try:
        there = [
            path
            for path in files_in(export.folder)
            if not is_of_tree(path, checkpoint.size, export.archived)
        ]
    except IrregularFileError as error:
        return Fault(str(export.folder), None, f"{error}: an export has files only")
    if late := [one for one in export.segments if one.last > checkpoint.size]:
        reason = f"it reaches beyond the {checkpoint.size:,} records that were signed"
        return Fault(f"archive/{late[0].name}", None, reason)
    for path in there:
        if not (path in kept or path == NAME or _TEXT.fullmatch(path)):
            return Fault(path, None, "an export has no such file: it is not proved by anything")
    return None if listed is None else _wrong_list(export, listed, there, kept)


def _wrong_list(
    export: Export,
    listed: Mapping[str, Listed],
    there: list[str],
    kept: Mapping[str, FileEntry | None],
) -> Fault | None:
    if unsigned := {*there} - listed.keys() - {NAME}:
        return Fault(min(unsigned), None, f"it is not in the signed list {NAME}")
    if absent := listed.keys() - {*there}:
        return Fault(min(absent), None, f"it is missing, and in the signed list {NAME}")
    for path, due in listed.items():
        entry = kept.get(path)  # what a manifest says is looked at when the file is read
        found = Listed(entry.sha256, entry.bytes) if entry else _found(export, path, due)
        if found != due:
            reason = (
                f"its SHA-256 is {found.sha256}, and the signed list {NAME} says {due.sha256}"
                if found.bytes == due.bytes
                else f"it has {found.bytes:,} bytes, and the signed list {NAME} says {due.bytes:,}"
            )
            return Fault(path, None, reason)
    return None


def _found(export: Export, path: str, due: Listed) -> Listed:
    octets = export.read(path, max(due.bytes, MAX_TEXT_BYTES))
    return Listed(hashlib.sha256(octets).hexdigest(), len(octets))


def _archived(export: Export) -> dict[str, FileEntry | None]:
    """Return the archive's files by path: what its manifest says of one, null for a manifest."""
    found: dict[str, FileEntry | None] = {}
    for one in export.segments:
        found[f"archive/{one.name}"] = None
        for entry in (one.records, one.events):
            found[f"archive/{entry.name}"] = entry
    return found

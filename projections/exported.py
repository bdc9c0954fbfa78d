"""An export: what an auditor takes home, in one folder, and reads without us.

checkpoint               the signed note (C2SP tlog-checkpoint)
key                      the verifier key
files                    the signed list of all files but those of tile/: `export_listing`
tile/<L>/<N>[.p/<W>]     the tree's hashes (C2SP tlog-tiles)
archive/                 the records and typed columns of every whole segment: docs/archive.md
tile/entries/<N>[.p/<W>] the records behind the last whole segment, in whole bundles
definitions/             the views' definitions; their SHA-256 is what statements name
README.md                how to check it

Somebody else may have written it, and may be writing it now: no link is followed, nothing larger
than is due is read, and what was looked at once is not read again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

from eventlog.archive import Archive
from eventlog.checkpoint import Checkpoint, CheckpointError, Verifier
from eventlog.delivered import IrregularFileError, read_whole
from eventlog.manifest import Manifest
from eventlog.record import MAX_RECORD_BYTES
from eventlog.tiles import WIDTH, Place, bundle_path, path_of, unbundled
from eventlog.tree import HASH_BYTES
from projections.export_listing import MAX_BYTES, NAME, Listed, opened_list

REST = "rest.ndjson"
"""In a folder of copies: the records that no segment has, one a line."""

_MAX_NOTE_BYTES = 65_536
_MAX_BUNDLE_BYTES = WIDTH * (2 + MAX_RECORD_BYTES)


class ExportError(RuntimeError):
    """An export cannot be made or read; says why, and what to do."""


@dataclass(frozen=True)
class Export:
    """The folder of an export."""

    folder: Path

    @cached_property
    def verifier(self) -> Verifier:
        """The key that lies beside the rest: whoever changed that could change it as well.

        Raises:
            CheckpointError: it is none; ExportError: there is none.
        """
        return Verifier.parsed(self._text("key"))

    @cached_property
    def note(self) -> str:
        """The signed checkpoint.

        Raises:
            ExportError: there is none.
        """
        return self._text("checkpoint")

    @cached_property
    def archive(self) -> Archive:
        """The whole segments."""
        return Archive.delivered(self.folder / "archive")

    @cached_property
    def segments(self) -> list[Manifest]:
        """The segments' manifests.

        Raises:
            ArchiveError: one is missing, foreign or none.
        """
        return self.archive.segments()

    @property
    def archived(self) -> int:
        """The last position that is in a segment."""
        return self.segments[-1].last if self.segments else 0

    def checkpoint(self, verifier: Verifier) -> Checkpoint:
        """Return what the checkpoint says.

        Raises:
            CheckpointError: it is none, or not signed by the key.
        """
        return verifier.opened(self.note)

    def listed(self, checkpoint: Checkpoint, verifier: Verifier) -> Mapping[str, Listed] | None:
        """Return what the signed list says; None where an older version made it.

        Raises:
            CheckpointError: it is not a list of this checkpoint, or not signed by the key.
        """
        if not (self.folder / NAME).exists():
            return None
        return opened_list(self._text(NAME, MAX_BYTES), checkpoint, verifier)

    def read(self, path: str, at_most: int) -> bytes:
        """Return the contents of a file.

        Raises:
            ExportError: it is missing, not a file, or larger.
        """
        try:
            return read_whole(self.folder / path, at_most)
        except FileNotFoundError as error:
            raise ExportError(f"{path}: it is missing") from error
        except IrregularFileError as error:
            raise ExportError(f"{path}: {error}") from error

    def tile(self, place: Place, width: int) -> bytes:
        """Return the hashes of a tile; nothing if the file is missing."""
        path = path_of(place, width)
        try:
            return read_whole(self.folder / path, width * HASH_BYTES)
        except FileNotFoundError:
            return b""
        except IrregularFileError as error:
            raise ExportError(f"{path}: {error}") from error

    def rest(self, size: int) -> Iterator[bytes]:
        """Yield the records of `size` that no segment has, in order, as far as there are any.

        Raises:
            ExportError: a bundle is missing, or broken.
        """
        first = self.archived // WIDTH
        for number in range(first, -(-size // WIDTH)):
            before = self.archived % WIDTH if number == first else 0  # those are in a segment
            path = bundle_path(number, min(WIDTH, size - number * WIDTH))
            octets = self.read(path, _MAX_BUNDLE_BYTES)
            try:
                yield from islice(unbundled(octets), before, None)
            except ValueError as error:
                raise ExportError(f"{path}: {error}") from error

    def _text(self, name: str, at_most: int = _MAX_NOTE_BYTES) -> str:
        try:
            return read_whole(self.folder / name, at_most).decode()
        except IrregularFileError as error:
            raise ExportError(f"{self.folder}: {name}: {error}") from error
        except OSError as error:
            raise ExportError(
                f"{self.folder} is no export, it has no {name}: dasan audit export makes one"
            ) from error
        except UnicodeDecodeError as error:
            raise CheckpointError(f"{name} is no text") from error

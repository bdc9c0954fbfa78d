"""An export: what an auditor takes home, in one folder, and reads without us.

checkpoint               the signed note (C2SP tlog-checkpoint)
key                      the verifier key
tile/<L>/<N>[.p/<W>]     the tree's hashes (C2SP tlog-tiles)
archive/                 the records and typed columns of every whole segment: docs/archive.md
tile/entries/<N>[.p/<W>] the records behind the last whole segment, in whole bundles
definitions/             the views' definitions; their SHA-256 is what statements name
README.md                how to check it
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

from eventlog.archive import Archive
from eventlog.checkpoint import Checkpoint, CheckpointError, Verifier
from eventlog.manifest import Manifest
from eventlog.tiles import WIDTH, Place, bundle_path, path_of, unbundled


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
        return Archive(str(self.folder / "archive"))

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

    def tile(self, place: Place, width: int) -> bytes:
        """Return the hashes of a tile; nothing if the file is missing."""
        return _bytes(self.folder / path_of(place, width))

    def rest(self, size: int) -> Iterator[bytes]:
        """Yield the records of `size` that no segment has, in order, as far as there are any.

        Raises:
            ExportError: a bundle is missing, or broken.
        """
        first = self.archived // WIDTH
        for number in range(first, -(-size // WIDTH)):
            before = self.archived % WIDTH if number == first else 0  # those are in a segment
            path = self.folder / bundle_path(number, min(WIDTH, size - number * WIDTH))
            try:
                yield from islice(unbundled(path.read_bytes()), before, None)
            except FileNotFoundError as error:
                raise ExportError(f"{path.relative_to(self.folder)}: it is missing") from error
            except ValueError as error:
                raise ExportError(f"{path.relative_to(self.folder)}: {error}") from error

    def _text(self, name: str) -> str:
        try:
            return (self.folder / name).read_text("utf-8")
        except OSError as error:
            raise ExportError(
                f"{self.folder} is no export, it has no {name}: dasan audit export makes one"
            ) from error
        except UnicodeDecodeError as error:
            raise CheckpointError(f"{name} is no text") from error


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""

"""The Parquet archive of a log: segments in a flat place, each there once its manifest is.

docs/archive.md has its format for those who read it with other programs.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self

from eventlog.delivered import IrregularFileError
from eventlog.manifest import (
    FileEntry,
    Manifest,
    ManifestError,
    entry_of,
    manifest_name,
    parsed,
    written,
)
from eventlog.storage import ArchiveError, Delivered, Storage, reaching, storage

__all__ = ["SEGMENT_EVENTS", "Archive", "ArchiveError", "DamagedArchiveError"]

SEGMENT_EVENTS = 262_144
"""Positions of a segment where the archive has none yet: about a day of Seoul's events."""

_MANIFEST = re.compile(r"([0-9]{10,})-([0-9]{10,})\.json")


class _Place(NamedTuple):
    """A manifest, by its name."""

    first: int
    last: int
    name: str


class DamagedArchiveError(ArchiveError):
    """Somebody changed the archive, or lost a part of it: which file, and what is wrong."""

    def __init__(self, place: str, name: str, reason: str) -> None:
        super().__init__(
            f"{place}: {reason}: restore it from a backup, or remove this segment and all behind"
            " it and seal them again"
        )
        self.name = name
        self.reason = reason


class Archive:
    """The segments of one log, at a folder's path or an fsspec URL.

    Raises:
        ArchiveError: nothing reaches it.
    """

    def __init__(self, url: str, kept: Storage | None = None) -> None:
        self.url = url
        self._storage = kept or storage(url)

    @classmethod
    def delivered(cls, folder: Path) -> Self:
        """Return an archive that others have brought: of its files, only copies are used."""
        return cls(str(folder), Delivered(folder))

    def segments(self) -> list[Manifest]:
        """Return the manifests in the order of the log, from position 1 on without a gap.

        Raises:
            DamagedArchiveError: one is missing, foreign or none; names it.
        """
        places = self._places()
        contents = self._read([place.name for place in places])
        found: list[Manifest] = []
        for place, text in zip(places, contents, strict=True):
            manifest = self._parsed(place.name, text)
            if (manifest.first, manifest.last) != (place.first, place.last):
                raise self._damaged(place.name, f"it says that it is {manifest.name}")
            self._require_next(manifest, found)
            found.append(manifest)
        return found

    def newest(self) -> tuple[int, int] | None:
        """Return the first and the last position of the last segment, by its name alone."""
        places = self._places()
        return (places[-1].first, places[-1].last) if places else None

    def _places(self) -> list[_Place]:
        return sorted(
            _Place(int(match[1]), int(match[2]), name)
            for name in self.names()
            if (match := _MANIFEST.fullmatch(name))
        )

    def names(self) -> list[str]:
        """Return the names of all files, sorted."""
        with reaching(self.url):
            return self._storage.names()

    def path(self, name: str) -> str:
        """Return where a file is, for people."""
        return self._storage.path(name)

    def fetch_whole(self, entry: FileEntry, folder: Path) -> Path:
        """Return a file in `folder`, which is our own, that is what its entry says.

        It is the one way to a file's contents: engines are given what this returns. Its name has
        nothing in it that an engine could take for a pattern, or for a column. What was fetched
        into the folder before is returned as it is.

        Raises:
            DamagedArchiveError: it is missing, or another one.
        """
        path = folder / entry.name
        if path.exists():
            return path
        part = folder / f"{entry.name}.part"
        try:
            with reaching(self.url):
                self._storage.fetch(entry, part)
        except FileNotFoundError as error:
            raise self._damaged(entry.name, "it is missing") from error
        except IrregularFileError as error:
            raise self._damaged(entry.name, str(error)) from error
        found = entry_of(part, rows=entry.rows)
        if found.bytes != entry.bytes:
            reason = f"it has {found.bytes:,} bytes, and its manifest says {entry.bytes:,}"
            raise self._damaged(entry.name, reason)
        if found.sha256 != entry.sha256:
            reason = f"its SHA-256 is {found.sha256}, and its manifest says {entry.sha256}"
            raise self._damaged(entry.name, reason)
        return part.rename(path)

    def publish(self, manifest: Manifest, folder: Path) -> None:
        """Put a segment there whose files are in `folder`: its manifest last, which makes it one.

        Raises:
            ArchiveError: what can be read there afterwards is not what was written.
        """
        path = folder / manifest.name
        path.write_bytes(written(manifest))
        with reaching(self.url):
            for entry in (manifest.records, manifest.events, entry_of(path, rows=1)):
                self._storage.publish(folder / entry.name, entry)

    def _read(self, names: Sequence[str]) -> list[bytes]:
        try:
            with reaching(self.url):
                return self._storage.read(names)
        except IrregularFileError as error:
            raise ArchiveError(f"{self.url}: a manifest: {error}") from error

    def _parsed(self, name: str, text: bytes) -> Manifest:
        try:
            return parsed(text)
        except ManifestError as error:
            raise self._damaged(name, str(error)) from error

    def _require_next(self, manifest: Manifest, before: Sequence[Manifest]) -> None:
        due = before[-1].last + 1 if before else 1
        if manifest.first != due:
            last = due - 1 + (before[0] if before else manifest).size
            raise self._damaged(manifest_name(due, last), "it is missing")
        if not before:
            return
        if manifest.identity != before[0].identity:
            raise self._damaged(
                manifest.name,
                f"it is of the log {manifest.source} {manifest.log_id}, and the archive is of"
                f" {before[0].source} {before[0].log_id}",
            )
        if manifest.size != before[0].size:
            raise self._damaged(
                manifest.name,
                f"it has {manifest.size:,} positions, and the segments before have"
                f" {before[0].size:,}",
            )

    def _damaged(self, name: str, reason: str) -> DamagedArchiveError:
        return DamagedArchiveError(self.path(name), name, reason)

"""Where an archive's files are: a folder of this machine, or what fsspec reaches by a URL.

A file that is there is whole, and stays as it is until another takes its place.
"""

import hashlib
import os
import shutil
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import fsspec  # type: ignore[import-untyped]  # it has no types

from eventlog.delivered import IrregularFileError, copy_whole, read_whole
from eventlog.manifest import MAX_MANIFEST_BYTES, FileEntry

_CHUNK_BYTES = 1 << 20


class ArchiveError(RuntimeError):
    """The archive cannot be used; says what is wrong with it, and how to mend it."""


class Folder:
    """A folder: a file is written under another name, read back, and renamed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> list[str]:
        """Return the names of the files; none if the folder is not there."""
        if not self._folder.is_dir():
            return []
        return sorted(path.name for path in self._folder.iterdir())

    def read(self, names: Sequence[str]) -> list[bytes]:
        """Return the contents of manifests.

        Raises:
            IrregularFileError: one is not a file, or too large.
        """
        return [read_whole((self._folder / name).resolve(), MAX_MANIFEST_BYTES) for name in names]

    def publish(self, path: Path, entry: FileEntry) -> None:
        """Put a copy of a file there under its entry's name.

        Raises:
            ArchiveError: what can be read there is not what was written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        part = self._folder / f".{entry.name}.part"  # of a dead run, if it is there
        with path.open("rb") as source, part.open("wb") as target:
            shutil.copyfileobj(source, target, _CHUNK_BYTES)
            target.flush()
            os.fsync(target.fileno())
        with part.open("rb") as file:
            _require_same(hashlib.file_digest(file, "sha256").hexdigest(), entry, str(part))
        part.rename(self._folder / entry.name)
        _sync(self._folder)

    def fetch(self, entry: FileEntry, path: Path) -> None:
        """Put a link to the file of an entry at a path of our own.

        Raises:
            IrregularFileError: it is not a file.
        """
        kept = self._folder / entry.name
        if not stat.S_ISREG(kept.stat().st_mode):  # a pipe would be waited for
            raise IrregularFileError("it is not a regular file")
        path.symlink_to(kept.absolute())

    def path(self, name: str) -> str:
        """Return where a file is, for people."""
        return str(self._folder / name)


class Delivered(Folder):
    """A folder that others may have written, and still may: what is read of it is a copy."""

    def names(self) -> list[str]:
        """Return the names of the files; none if the folder is not there."""
        return [] if self._folder.is_symlink() else super().names()

    def read(self, names: Sequence[str]) -> list[bytes]:
        """Return the contents of manifests.

        Raises:
            IrregularFileError: one is not a file, or too large.
        """
        return [read_whole(self._folder / name, MAX_MANIFEST_BYTES) for name in names]

    def fetch(self, entry: FileEntry, path: Path) -> None:
        """Put a copy of the file of an entry at a path of our own.

        Raises:
            IrregularFileError: it is not a file, or larger than its entry says.
        """
        copy_whole(self._folder / entry.name, path, entry.bytes)


class Remote:
    """What fsspec reaches: object stores show a file once it is whole, under its name."""

    def __init__(self, filesystem: Any, root: str) -> None:
        self._filesystem = filesystem
        self._root = root.rstrip("/")

    def names(self) -> list[str]:
        """Return the names of the files; none if there is nothing."""
        self._filesystem.invalidate_cache()  # others may have written
        with suppress(FileNotFoundError):
            paths: list[str] = self._filesystem.ls(self._root, detail=False)
            return sorted(path.rpartition("/")[2] for path in paths)
        return []

    def read(self, names: Sequence[str]) -> list[bytes]:
        """Return the contents of files, fetched many at a time."""
        places = [self._place(name) for name in names]
        contents: dict[str, bytes] = self._filesystem.cat(places) if places else {}
        return [contents[place] for place in places]

    def publish(self, path: Path, entry: FileEntry) -> None:
        """Put a copy of a file there under its entry's name.

        Raises:
            ArchiveError: what can be read there is not what was written.
        """
        self._filesystem.makedirs(self._root, exist_ok=True)
        self._filesystem.put_file(str(path), self._place(entry.name))
        found = hashlib.sha256()
        with self._filesystem.open(self._place(entry.name), "rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                found.update(chunk)
        _require_same(found.hexdigest(), entry, self.path(entry.name))

    def fetch(self, entry: FileEntry, path: Path) -> None:
        """Put a copy of the file of an entry at a path of our own."""
        self._filesystem.get_file(self._place(entry.name), str(path))

    def path(self, name: str) -> str:
        """Return where a file is, for people."""
        unstripped: str = self._filesystem.unstrip_protocol(self._place(name))
        return unstripped

    def _place(self, name: str) -> str:
        return f"{self._root}/{name}"


Storage = Folder | Remote


def storage(url: str) -> Storage:
    """Return the place that a folder's path or an fsspec URL names.

    Raises:
        ArchiveError: nothing reaches it.
    """
    if "://" not in url:
        return Folder(Path(url))
    if url.startswith("file://"):
        return Folder(Path(url.removeprefix("file://")))
    try:
        return Remote(*fsspec.core.url_to_fs(url))
    except ImportError as error:
        raise ArchiveError(
            f"the archive {url} cannot be reached: {error}. For S3: pip install 'dasan[s3]'"
        ) from error
    except ValueError as error:
        raise ArchiveError(
            f"the archive {url} is at no place that is known: {error}. Mend DASAN_ARCHIVE"
        ) from error


@contextmanager
def reaching(url: str) -> Iterator[None]:
    """Turn what clients raise of a place into an `ArchiveError`, all but that a file is missing."""
    # botocore's errors are no OSErrors, and nothing but S3 loads it.
    botocore = sys.modules.get("botocore.exceptions")
    others = (botocore.BotoCoreError, botocore.ClientError) if botocore else ()
    try:
        yield
    except (FileNotFoundError, IrregularFileError):
        raise
    except (OSError, *others) as error:
        raise ArchiveError(
            f"the archive {url} cannot be used: {' '.join(str(error).split())}."
            " Mend DASAN_ARCHIVE, or what it names"
        ) from error


def _require_same(found: str, entry: FileEntry, where: str) -> None:
    if found != entry.sha256:
        raise ArchiveError(
            f"{where} was written and reads back otherwise, SHA-256 {found} in place of"
            f" {entry.sha256}: the storage does not keep what it is given"
        )


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

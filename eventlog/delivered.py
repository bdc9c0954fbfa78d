"""Reading files that others deliver: regular ones only, and no larger than is due.

A link may lead out of its folder, a pipe waits for ever, and a file may change between two looks.
So a file is opened once, without following a link or waiting, and what was read is what is used.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_CHUNK_BYTES = 1 << 20
_DEEPEST = 12
"""Folders within each other: a tile lies below eight."""


class IrregularFileError(OSError):
    """A file is not of the kind or the size that is due; says what it is."""


def read_whole(path: Path, at_most: int) -> bytes:
    """Return the contents of a file.

    Raises:
        FileNotFoundError: there is none.
        IrregularFileError: it is a link, a pipe or the like, or has more than `at_most` bytes.
    """
    with _opened(path, at_most) as file:
        octets = file.read(at_most + 1)
    if len(octets) > at_most:
        raise IrregularFileError(f"it has more than the {at_most:,} bytes that are due")
    return octets


def copy_whole(path: Path, target: Path, at_most: int) -> None:
    """Copy a file to a new one of our own; raises what `read_whole` raises."""
    left = at_most
    with _opened(path, at_most) as file, target.open("xb") as copy:
        while chunk := file.read(_CHUNK_BYTES):
            left -= len(chunk)
            if left < 0:
                raise IrregularFileError(f"it has more than the {at_most:,} bytes that are due")
            copy.write(chunk)


def files_in(folder: Path) -> Iterator[str]:
    """Yield the path of every file below a folder, relative to it, in order.

    Raises:
        IrregularFileError: something is neither a file nor a folder, or too deep; names it.
    """
    yield from _below(folder, "", _DEEPEST)


def _below(folder: Path, before: str, deepest: int) -> Iterator[str]:
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        path = f"{before}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            if deepest == 0:
                raise IrregularFileError(f"{path!r:.200}: it is too deep")
            yield from _below(Path(entry.path), f"{path}/", deepest - 1)
        elif entry.is_file(follow_symlinks=False):
            yield path
        else:
            kind = "a link" if entry.is_symlink() else "neither a file nor a folder"
            raise IrregularFileError(f"{path!r:.200}: it is {kind}")


@contextmanager
def _opened(path: Path, at_most: int) -> Iterator[BinaryIO]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise IrregularFileError(f"it is not a file that can be read: {error.strerror}") from error
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)  # of a folder, Python would raise another error
        raise IrregularFileError("it is not a regular file")
    with os.fdopen(descriptor, "rb") as file:
        if found.st_size > at_most:
            raise IrregularFileError(
                f"it has {found.st_size:,} bytes, and at most {at_most:,} are due"
            )
        yield file

"""The list of an export's files: what is signed about all that the tree of hashes does not tell.

`files` is a signed note (C2SP signed-note) of the log's key. Its text:

    dasan-export/1
    /dasan/seoul                    the log's origin,
    27                              the size
    (base64)                        and the root of the checkpoint that it goes with
    (SHA-256) (bytes) (path)        a line for each file, by path: all but itself and those of tile/

The files of tile/ are told by the checkpoint alone: which there are by its size, what is in them by
its root.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from eventlog.base64_text import decoded, encoded
from eventlog.checkpoint import Checkpoint, CheckpointError, Signer, Verifier
from eventlog.tiles import HEIGHT, WIDTH, Place, bundle_path, parsed_path, path_of

NAME = "files"
MAX_BYTES = 64 << 20
"""More than that of any log: 400 bytes a segment."""

_BEGINNING = "dasan-export/1"
_SIGNATURE = re.compile("\u2014 [^ \n]+ ([A-Za-z0-9+/]+={0,2})\n")
_PART = "[A-Za-z0-9_-][A-Za-z0-9._-]*"
_LINE = re.compile(f"([0-9a-f]{{64}}) (0|[1-9][0-9]{{0,15}}) ({_PART}(?:/{_PART})*)")


class Listed(NamedTuple):
    """What a file of an export must be."""

    sha256: str
    bytes: int


def signed_list(folder: Path, paths: Iterable[str], checkpoint: Checkpoint, signer: Signer) -> str:
    """Return the signed list of these files of a folder."""
    lines = []
    for path in sorted(paths):
        with (folder / path).open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            lines.append(f"{sha256} {file.tell()} {path}\n")
    return signer.signed_text(f"{_BEGINNING}\n{checkpoint.text}{''.join(lines)}")


def opened_list(note: str, checkpoint: Checkpoint, verifier: Verifier) -> Mapping[str, Listed]:
    """Return what a signed list says of each path.

    Raises:
        CheckpointError: it is not a list, not that of this checkpoint, or not signed by the key.
    """
    text = verifier.require_signed(note, f"the list {NAME}")
    signature = _SIGNATURE.fullmatch(note[len(text) + 1 :])
    if signature is None or encoded(decoded(signature[1])) != signature[1]:
        raise CheckpointError(f"the list {NAME} has more, or less, than one signature")
    beginning = f"{_BEGINNING}\n{checkpoint.text}"
    if not text.startswith(beginning):
        raise CheckpointError(f"the list {NAME} is of another export than the checkpoint")
    return dict(map(_listed, text[len(beginning) :].splitlines()))


def is_of_tree(path: str, size: int, archived: int) -> bool:
    """Return whether the tree of `size` leaves has this file in an export.

    The first `archived` records stand in the archive, so that only the others are in bundles.
    """
    kind, _, number = path.removeprefix("tile/").partition("/")
    try:
        at, width = parsed_path(number)
        if kind == "entries":
            first = archived // WIDTH
            return at >= first and path == bundle_path(at, width) and width == _due(size, at)
        level = int(kind) if kind.isascii() and kind.isdecimal() and len(kind) == 1 else 0
        place = Place(level, at)
        return path == path_of(place, width) and width == _due(size >> HEIGHT * level, at)
    except ValueError:
        return False


def _due(leaves: int, number: int) -> int:
    return min(WIDTH, max(0, leaves - number * WIDTH))


def _listed(line: str) -> tuple[str, Listed]:
    found = _LINE.fullmatch(line)
    if found is None:
        raise CheckpointError(
            f"the list {NAME} has the line {line!r:.80}: hash, bytes and path are due"
        )
    return found[3], Listed(found[1], int(found[2]))

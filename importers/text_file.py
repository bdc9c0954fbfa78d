"""Reading the lines of a text file of any size, in bounded memory."""

import codecs
import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

MAX_LINE_BYTES = 65_536
"""A longer line is skipped without being held."""

_LONG = f"longer than {MAX_LINE_BYTES:,} bytes"

FIRST_BLOCK_BYTES = 65_536
"""How much of a file tells whether it is text."""


class ImportFileError(Exception):
    """A file cannot be imported; says which and why."""


class FileLine(NamedTuple):
    """A line, numbered from 1, of `size` bytes with its ending.

    `text` has no ending; it is null for a line that is no text, and `fault` says why. A line is
    `unfinished` when the file ends before its newline: the rest may still be written.
    """

    number: int
    size: int
    text: str | None
    fault: str = ""
    unfinished: bool = False


def read_lines(path: Path) -> Iterator[FileLine]:
    """Yield the lines of a UTF-8 file; its endings may be LF or CRLF.

    Raises:
        ImportFileError: it cannot be read, or is not text.
    """
    try:
        with (
            path.open("rb", buffering=0) as file,
            io.BufferedReader(file, FIRST_BLOCK_BYTES) as stream,
        ):
            _require_text(path, stream.peek(FIRST_BLOCK_BYTES))
            number = 0
            while octets := stream.readline(MAX_LINE_BYTES + 1):
                number += 1
                yield _line(number, octets, stream)
    except OSError as error:
        raise ImportFileError(f"{path} cannot be read: {error.strerror}") from error


def _require_text(path: Path, block: bytes) -> None:
    try:
        # Not final: the block may end in the middle of a character.
        codecs.getincrementaldecoder("utf-8")().decode(block)
    except UnicodeDecodeError as error:
        raise ImportFileError(f"{path} is not a text file in UTF-8: {error.reason}") from error
    if b"\0" in block:
        raise ImportFileError(f"{path} is not a text file: it holds NUL bytes")


def _line(number: int, octets: bytes, stream: BinaryIO) -> FileLine:
    size = len(octets)
    is_long = size > MAX_LINE_BYTES
    while not octets.endswith(b"\n") and (rest := stream.readline(MAX_LINE_BYTES)):
        octets = rest
        size += len(rest)
    is_unfinished = not octets.endswith(b"\n")
    if is_long:
        return FileLine(number, size, None, _LONG, is_unfinished)
    try:
        text = octets.removesuffix(b"\n").removesuffix(b"\r").decode()
    except UnicodeDecodeError as error:
        return FileLine(number, size, None, f"not UTF-8: {error.reason}", is_unfinished)
    return FileLine(number, size, text, "", is_unfinished)

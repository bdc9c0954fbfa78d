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

MIN_TEXT_TO_CONTROL = 20
"""A text has fewer control characters than one of so many."""

_TEXT = bytes({*range(0x20, 0x100), *b"\t\n\v\f\r\x1a\x1b"} - {0x7F})

_NOT_TEXT = {
    codecs.BOM_UTF16_LE: "UTF-16: save it as UTF-8",
    codecs.BOM_UTF16_BE: "UTF-16: save it as UTF-8",
    b"\x1f\x8b": "compressed by gzip: unpack it first",
    b"BZh": "compressed by bzip2: unpack it first",
    b"\xfd7zXZ\0": "compressed by xz: unpack it first",
    b"\x28\xb5\x2f\xfd": "compressed by zstd: unpack it first",
    b"PK\x03\x04": "a ZIP archive, or a spreadsheet: save it as text",
    b"SQLite format 3\0": "a database: export its table as CSV",
}
"""How files that are no text begin, each with what is to be done."""


class ImportFileError(Exception):
    """A file cannot be imported; says which and why."""


class FileLine(NamedTuple):
    """A line, numbered from 1, of `size` bytes with its ending and the blank lines before it.

    `text` has no ending; it is null for a line that is not read, and `fault` says why. A line is
    `unfinished` when the file ends before its newline: the rest may still be written.
    """

    number: int
    size: int
    text: str | None
    fault: str = ""
    unfinished: bool = False


def read_lines(path: Path) -> Iterator[FileLine]:
    """Yield the lines of a UTF-8 file; its endings may be LF or CRLF.

    Blank lines are passed over. What a program on Windows puts in front of the first line, and the
    NUL bytes that a crash leaves at the ends of a line, are no part of it. Octets that are not
    UTF-8 stand in the text as lone surrogates, so that only a field that holds some is spoilt.

    Raises:
        ImportFileError: it cannot be read, or is not text.
    """
    try:
        with (
            path.open("rb", buffering=0) as file,
            io.BufferedReader(file, FIRST_BLOCK_BYTES) as stream,
        ):
            _require_text(path, stream.peek(FIRST_BLOCK_BYTES))
            number = blank = 0
            while octets := stream.readline(MAX_LINE_BYTES + 1):
                number += 1
                line = _line(number, octets, stream)
                if line.text is None or line.text.strip():
                    yield line._replace(size=blank + line.size)
                    blank = 0
                else:
                    blank += line.size
    except OSError as error:
        raise ImportFileError(f"{path} cannot be read: {error.strerror}") from error


def _require_text(path: Path, block: bytes) -> None:
    for beginning, kind in _NOT_TEXT.items():
        if block.startswith(beginning):
            raise ImportFileError(f"{path} is not a text file in UTF-8: it is {kind}")
    written = block.replace(b"\0", b"")  # zeros are what a crash leaves
    if len(written.translate(None, _TEXT)) * MIN_TEXT_TO_CONTROL > len(written):
        raise ImportFileError(f"{path} is not a text file in UTF-8: it is binary")


def _line(number: int, octets: bytes, stream: BinaryIO) -> FileLine:
    size = len(octets)
    is_long = size > MAX_LINE_BYTES
    while not octets.endswith(b"\n") and (rest := stream.readline(MAX_LINE_BYTES)):
        octets = rest
        size += len(rest)
    is_unfinished = not octets.endswith(b"\n")
    if is_long:
        return FileLine(number, size, None, _LONG, is_unfinished)
    if number == 1:
        octets = octets.removeprefix(codecs.BOM_UTF8)
    text = octets.removesuffix(b"\n").removesuffix(b"\r").strip(b"\0")
    return FileLine(number, size, text.decode("utf-8", "surrogateescape"), "", is_unfinished)

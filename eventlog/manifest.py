"""What a segment of the archive says of itself: its manifest, read strictly."""

import hashlib
from pathlib import Path
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    model_validator,
)

from eventlog.base64_text import decoded, encoded
from eventlog.reader import Identity
from eventlog.tree import Peaks

_DIGITS = 10
"""Of a position in a name, so that names sort by position."""

MAX_MANIFEST_BYTES = 16_384
"""More than any has: a hash for each of at most 63 peaks."""


class ManifestError(ValueError):
    """This is no manifest; says why."""


def _from_base64(value: object) -> object:
    return decoded(value) if isinstance(value, str) else value


_Hash = Annotated[
    bytes,
    Field(min_length=32, max_length=32),
    BeforeValidator(_from_base64),
    PlainSerializer(encoded, when_used="json"),
]
_Count = Annotated[int, Field(ge=1, strict=True)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileEntry(_Strict):
    """A file of a segment, and what it must be."""

    name: str
    rows: _Count
    bytes: Annotated[int, Field(ge=0, strict=True)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Manifest(_Strict):
    """A sealed segment: the positions `first` to `last` of one log, and the tree up to `last`.

    `root` is the RFC 6962 root of the log's first `last` records; `peaks` are the hashes that it
    is made of, so that sealing goes on without reading what came before. `generation` numbers the
    definitions of the typed columns.
    """

    format: Literal[1] = 1
    source: Annotated[str, Field(min_length=1)]
    log_id: UUID
    first: _Count
    last: _Count
    root: _Hash
    peaks: tuple[_Hash, ...]
    generation: _Count
    records: FileEntry
    events: FileEntry

    @property
    def name(self) -> str:
        """The file that the manifest itself stands in."""
        return manifest_name(self.first, self.last)

    @property
    def identity(self) -> Identity:
        """Whose log it is."""
        return Identity(self.source, self.log_id)

    @property
    def size(self) -> int:
        """How many positions it has."""
        return self.last - self.first + 1

    @property
    def tree(self) -> Peaks:
        """The tree up to `last`, to go on with."""
        return Peaks(self.last, self.peaks)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.first > self.last:
            raise ValueError(f"it begins at {self.first:,} and ends at {self.last:,}")
        for entry, due in (
            (self.records, records_name(self.first, self.last)),
            (self.events, events_name(self.first, self.last, self.generation)),
        ):
            if entry.name != due:  # so that it cannot name what is none of its own
                raise ValueError(f"it names the file {entry.name!r:.80}, and {due} is due")
        if self.records.rows != self.size:
            raise ValueError(f"it has {self.records.rows:,} records for {self.size:,} positions")
        if self.tree.root() != self.root:
            raise ValueError("its root is not that of its peaks")
        return self


def manifest_name(first: int, last: int) -> str:
    """Return the name of a segment's manifest."""
    return f"{_stem(first, last)}.json"


def records_name(first: int, last: int) -> str:
    """Return the name of the file of a segment's records."""
    return f"{_stem(first, last)}.records.parquet"


def events_name(first: int, last: int, generation: int) -> str:
    """Return the name of the file of a segment's typed columns."""
    return f"{_stem(first, last)}.events-{generation}.parquet"


def _stem(first: int, last: int) -> str:
    return f"{first:0{_DIGITS}}-{last:0{_DIGITS}}"


def entry_of(path: Path, rows: int) -> FileEntry:
    """Return what a file is."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    return FileEntry(name=path.name, rows=rows, bytes=path.stat().st_size, sha256=found)


def written(manifest: Manifest) -> bytes:
    """Return the bytes of a manifest."""
    return manifest.model_dump_json(indent=2).encode() + b"\n"


def parsed(text: bytes) -> Manifest:
    """Return the manifest that bytes are.

    Raises:
        ManifestError: they are none; says why.
    """
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        reason = first["msg"].removeprefix("Value error, ")
        raise ManifestError(f"{place}: {reason}" if place else reason) from error

"""The bytes of an event: a CloudEvents 1.0 envelope in RFC 8785 form. They are for ever.

`encode` makes the field `data`, `envelope` wraps it, `decode` reads a stored record back. Keys are
ASCII and sorted, there are no floats, clear text is ASCII by its type, so that plain concatenation
gives the canonical form; `tests/eventlog/test_record.py` compares it with an RFC 8785 library.

The log's append function writes the recorded time and the position into place (`Record.stamp_at`).
"""

import types
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import orjson
from eventsourcing.domain import AggregateCreated

from domain.events import CATALOGUE
from domain.request import Request
from domain.vocabulary import CLEAR_TEXT, Personal, Plain, Sealed, VocabularyError

MAX_RECORD_BYTES = 65_535
"""A tile's entry bundle gives the length of a record in two bytes (C2SP tlog-tiles)."""

MAX_INTEGER = 2**53 - 1
"""The largest integer that JSON readers with doubles keep exact (RFC 8785, section 3.2.2.3)."""

STAMP = '0000-00-00T00:00:00.000000Z","sequence":"00000000000000000000'
"""Holds the place of recorded time and position, until the append function knows them."""


Json = dict[str, Any] | list[Any] | str | int | bool | None
Seal = Callable[[str, str], Sealed]
"""Seals a text: field name and text in, sealed value out."""


class RecordError(ValueError):
    """An event cannot be stored, or stored bytes cannot be read; says which field and why."""


class Record(NamedTuple):
    """An event ready to be appended; bytes from `stamp_at` (0-based) on are stamped by the log."""

    stream: UUID
    version: int
    type: str
    record: bytes
    stamp_at: int


def encode(fact: Any, seal: Seal) -> bytes:
    """Return the canonical bytes of the fact's `data`, its plain texts sealed by `seal`.

    Raises:
        RecordError: a value is not what its field may hold.
    """
    data: dict[str, Json] = {}
    for name, to_json in _codec(fact.TYPE):
        value = getattr(fact, name)
        try:
            if isinstance(value, Plain):
                value = seal(name, value.text)
            data[name] = None if value is None else to_json.encode(value)
        except VocabularyError as error:
            raise RecordError(f"{fact.TYPE}: field {name}: {error}") from error
    return orjson.dumps(data, option=orjson.OPT_SORT_KEYS)


def envelope(
    *,
    source: str,
    request: Request,
    stream: UUID,
    version: int,
    time: datetime,
    type_: str,
    data: bytes,
) -> Record:
    """Return the record of an event whose `data` is encoded.

    Raises:
        RecordError: it would be longer than `MAX_RECORD_BYTES`.
    """
    subject = str(stream)
    head = (
        f'{{"actor":"{request.actor}","causationid":"{request.cause}",'
        f'"correlationid":"{request.correlation or subject}","data":'
    ).encode()
    middle = f',"id":"{subject}/{version}","recordedtime":"'.encode()
    trace = f',"traceparent":"{request.traceparent}"' if request.traceparent else ""
    tail = (
        f'{STAMP}","source":"{source}","specversion":"1.0","subject":"{subject}",'
        f'"time":"{format_time(time)}"{trace},"type":"{type_}"}}'
    ).encode()
    record = b"".join((head, data, middle, tail))
    if len(record) > MAX_RECORD_BYTES:
        raise RecordError(
            f"{type_}: the event has {len(record)} bytes, {MAX_RECORD_BYTES} are allowed: "
            "shorten its texts"
        )
    return Record(stream, version, type_, record, len(head) + len(data) + len(middle))


def decode(record: bytes) -> Any:
    """Return the fact that a record holds, its personal texts still sealed.

    Raises:
        RecordError: the bytes are no event of the catalogue.
    """
    try:
        stored = orjson.loads(record)
        fact = CATALOGUE[stored["type"]]
        stream, _, version = stored["id"].partition("/")
        values = {
            "originator_id": UUID(stream),
            "originator_version": int(version),
            "timestamp": datetime.fromisoformat(stored["time"]),
        }
        data = stored["data"]
        for name, from_json in _codec(fact.TYPE):
            value = data[name]
            values[name] = None if value is None else from_json.decode(value)
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError(f"not an event that this version knows: {error!r}") from error
    if issubclass(fact, AggregateCreated):
        values["originator_topic"] = INQUIRY_TOPIC
    event = object.__new__(fact)
    event.__dict__.update(values)
    return event


INQUIRY_TOPIC = "domain.inquiry:Inquiry"
"""Where the library finds the aggregate class on replay; stands in no record."""


def format_time(time: datetime) -> str:
    """Return RFC 3339 in UTC with six fraction digits: 27 characters."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


class _Field(NamedTuple):
    encode: Callable[[Any], Json]
    decode: Callable[[Any], Any]


@cache
def _codec(type_: str) -> Sequence[tuple[str, _Field]]:
    """Return how each field of a type is written and read, from its annotations."""
    envelope_fields = {"originator_id", "originator_version", "timestamp", "originator_topic"}
    fact = CATALOGUE[type_]
    hints = get_type_hints(fact)
    return tuple(
        (field.name, _field(hints[field.name]))
        for field in fields(fact)
        if field.name not in envelope_fields
    )


def _field(hint: Any) -> _Field:
    if get_origin(hint) in (Union, types.UnionType):
        members = [member for member in get_args(hint) if member is not type(None)]
        return _field(Sealed if set(members) == set(get_args(Personal)) else members[0])
    if get_origin(hint) is tuple:
        item = _field(get_args(hint)[0])
        return _Field(
            lambda values: [item.encode(value) for value in values],
            lambda values: tuple(item.decode(value) for value in values),
        )
    if hint in CLEAR_TEXT:
        return _Field(CLEAR_TEXT[hint], hint)
    if is_dataclass(hint):
        return _object(hint)
    if issubclass(hint, StrEnum):
        return _Field(lambda value: hint(value).value, hint)
    return _SCALARS[hint]


def _object(cls: Any) -> _Field:
    hints = get_type_hints(cls)
    # Sealed carries base64, made by the vault and by nobody else.
    codec = [
        (f.name, _TEXT if hints[f.name] is str else _field(hints[f.name])) for f in fields(cls)
    ]
    return _Field(
        lambda value: {name: item.encode(getattr(value, name)) for name, item in codec},
        lambda value: cls(**{name: item.decode(value[name]) for name, item in codec}),
    )


def _integer(value: int) -> int:
    if type(value) is not int or abs(value) > MAX_INTEGER:
        raise VocabularyError(f"{value!r} is not an integer of at most 53 bits")
    return value


def _boolean(value: bool) -> bool:
    if type(value) is not bool:
        raise VocabularyError(f"{value!r} is not a boolean")
    return value


_TEXT = _Field(str, str)
_SCALARS: dict[type, _Field] = {
    int: _Field(_integer, int),
    bool: _Field(_boolean, bool),
    datetime: _Field(format_time, datetime.fromisoformat),
    UUID: _Field(str, UUID),
}

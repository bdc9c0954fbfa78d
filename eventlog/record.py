"""The bytes of an event: a CloudEvents 1.0 envelope in RFC 8785 form. They are for ever.

`encode` makes the field `data`, `envelope` wraps it, `decode` reads a stored record back. Keys are
ASCII and sorted, there are no floats, clear text is ASCII by its type, so that plain concatenation
gives the canonical form; `tests/eventlog/test_record.py` compares it with an RFC 8785 library.

The log's append function writes the recorded time and the position into place (`Record.stamp_at`).
"""

import types
from collections.abc import Callable, Sequence, Set
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import orjson
from eventsourcing.domain import AggregateCreated

from domain.events import CATALOGUE
from domain.request import Request
from domain.vocabulary import (
    CLEAR_TEXT,
    Code,
    Personal,
    Plain,
    Sealed,
    StoredCode,
    VocabularyError,
    clear_id,
)

MAX_RECORD_BYTES = 65_535
"""A tile's entry bundle gives the length of a record in two bytes (C2SP tlog-tiles)."""

MAX_INTEGER = 2**53 - 1
"""The largest integer that JSON readers with doubles keep exact (RFC 8785, section 3.2.2.3)."""

STAMP = '0000-00-00T00:00:00.000000Z","sequence":"00000000000000000000'
"""Holds the place of recorded time and position, until the append function knows them."""


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
    values = vars(fact)
    members = []
    for name, key, field in _codec(fact.TYPE):
        value = values[name]
        try:
            if type(value) is Plain:
                value = seal(name, value.text)
            members.append(key + ("null" if value is None else field.encode(value)))
        except VocabularyError as error:
            raise RecordError(f"{fact.TYPE}: field {name}: {error}") from error
    return f"{{{','.join(members)}}}".encode()


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
    subject = canonical(stream)
    client = f'"client":"{request.client}",' if request.client else ""
    head = (
        f'{{"actor":"{request.actor}","causationid":"{request.cause}",{client}'
        f'"correlationid":"{request.correlation or subject}","data":{data.decode("ascii")},'
        f'"id":"{subject}/{version}","recordedtime":"'
    )
    trace = f',"traceparent":"{request.traceparent}"' if request.traceparent else ""
    record = (
        f'{head}{STAMP}","source":"{source}","specversion":"1.0","subject":"{subject}",'
        f'"time":"{format_time(time)}"{trace},"type":"{type_}"}}'
    ).encode("ascii")
    if len(record) > MAX_RECORD_BYTES:
        raise RecordError(
            f"{type_}: the event has {len(record)} bytes, {MAX_RECORD_BYTES} are allowed: "
            "shorten its texts"
        )
    return Record(stream, version, type_, record, len(head))


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
        for name, _, field in _codec(fact.TYPE):
            value = data[name]
            values[name] = None if value is None else field.decode(value)
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError(f"not an event that this version knows: {error!r}") from error
    if issubclass(fact, AggregateCreated):
        values["originator_topic"] = INQUIRY_TOPIC
    event = object.__new__(fact)
    event.__dict__.update(values)
    return event


canonical = lru_cache(maxsize=1_000)(str)
"""Return a UUID's canonical text (RFC 9562); a stream's is needed several times an event."""

INQUIRY_TOPIC = "domain.inquiry:Inquiry"
"""Where the library finds the aggregate class on replay; stands in no record."""


@lru_cache(maxsize=1_000)  # the events of one command tell of the same few times
def format_time(time: datetime) -> str:
    """Return RFC 3339 in UTC with six fraction digits: 27 characters."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


class _Field(NamedTuple):
    encode: Callable[[Any], str]
    """Returns the value's JSON, in canonical form."""
    decode: Callable[[Any], Any]


@cache
def _codec(type_: str) -> Sequence[tuple[str, str, _Field]]:
    """Return name, key in JSON, and codec of each field of a type, in the order of the keys."""
    envelope_fields = {"originator_id", "originator_version", "timestamp", "originator_topic"}
    return _members(CATALOGUE[type_], _field, leave_out=envelope_fields)


def _members(
    cls: Any, codec: Callable[[Any], _Field], leave_out: Set[str] = frozenset()
) -> Sequence[tuple[str, str, _Field]]:
    hints = get_type_hints(cls)
    names = sorted(field.name for field in fields(cls) if field.name not in leave_out)
    return tuple((name, f'"{name}":', codec(hints[name])) for name in names)


def _field(hint: Any) -> _Field:
    if get_origin(hint) in (Union, types.UnionType):
        members = [member for member in get_args(hint) if member is not type(None)]
        return _field(Sealed if set(members) == set(get_args(Personal)) else members[0])
    if get_origin(hint) is tuple:
        item = _nested(get_args(hint)[0])
        return _Field(
            lambda values: f"[{','.join(map(item.encode, values))}]",
            lambda values: tuple(item.decode(value) for value in values),
        )
    if hint in CLEAR_TEXT:
        checked = CLEAR_TEXT[hint]
        return _Field(lambda value: f'"{checked(value)}"', StoredCode if hint is Code else hint)
    if is_dataclass(hint):
        return _object(hint)
    if issubclass(hint, StrEnum):
        return _Field(lambda value: f'"{hint(value).value}"', hint)
    return _SCALARS[hint]


def _nested(hint: Any) -> _Field:
    """Return the codec of a value within a field; a field itself is null where it is written."""
    field = _field(hint)
    if type(None) not in get_args(hint):
        return field
    return _Field(
        lambda value: "null" if value is None else field.encode(value),
        lambda value: None if value is None else field.decode(value),
    )


def _object(cls: Any) -> _Field:
    members = _members(cls, _nested)

    def encode(value: Any) -> str:
        texts = [key + item.encode(getattr(value, name)) for name, key, item in members]
        return f"{{{','.join(texts)}}}"

    return _Field(
        encode, lambda value: cls(**{name: item.decode(value[name]) for name, _, item in members})
    )


def _text(value: str) -> str:
    return orjson.dumps(value).decode()


def _integer(value: int) -> str:
    if type(value) is not int or abs(value) > MAX_INTEGER:
        raise VocabularyError(f"{value!r} is not an integer of at most 53 bits")
    return str(value)


def _boolean(value: bool) -> str:
    if type(value) is not bool:
        raise VocabularyError(f"{value!r} is not a boolean")
    return "true" if value else "false"


_SCALARS: dict[type, _Field] = {
    str: _Field(_text, str),  # base64 of `Sealed`, which the vault makes and nobody else
    int: _Field(_integer, int),
    bool: _Field(_boolean, bool),
    datetime: _Field(lambda time: f'"{format_time(time)}"', datetime.fromisoformat),
    UUID: _Field(lambda value: f'"{clear_id(value)}"', UUID),
}

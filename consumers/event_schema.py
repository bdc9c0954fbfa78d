"""The schemas of events: the envelope and, for each type of the catalogue, its `data`.

They are made of the classes of `domain/events.py`, as the codec in `eventlog/record.py` is. They
keep to what JSON Schema means alike in draft 2020-12 and in draft 7, on which AsyncAPI builds.
"""

import inspect
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from eventsourcing.domain import AggregateCreated

from domain.events import CATALOGUE
from domain.request import ACTOR
from domain.vocabulary import Code, Digest, Plain
from eventlog.record import MAX_INTEGER
from projections.catalogue import CODE_PATTERN

Schema = dict[str, Any]

SCHEMAS = "#/components/schemas/"
"""Where the schemas stand in the document that holds them."""

OPTIONAL = frozenset({"client", "traceparent"})
"""The attributes of the envelope that a record may lack."""

_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z"


def of_text(pattern: str, description: str, **more: Any) -> Schema:
    """Return the schema of texts that match the pattern from end to end."""
    return {"type": "string", "pattern": f"^{pattern}$", "description": description, **more}


TIME = of_text(_TIME, "RFC 3339 in UTC with six fraction digits.", format="date-time")

SHARED: Mapping[str, Schema] = {
    "Code": {
        "type": "string",
        "pattern": CODE_PATTERN,
        "description": "A code or id in the clear, without a resident registration number.",
    },
    "Digest": of_text(
        "([0-9a-f]{32}|[0-9a-f]{64})", "The hexadecimal form of a hash or of a keyed hash."
    ),
    "Id": of_text(_UUID, "A UUID in its canonical form.", format="uuid"),
    "Time": TIME,
    "Integer": {"type": "integer", "minimum": -MAX_INTEGER, "maximum": MAX_INTEGER},
    "Base64": of_text("[A-Za-z0-9+/]*={0,2}", "Base64 with padding.", contentEncoding="base64"),
}
"""What fields are made of, by the names that `_SCALARS` refers to."""

ENVELOPE: Mapping[str, Schema] = {
    "actor": of_text(ACTOR, "Who did it: kind and pseudonymous id."),
    "causationid": of_text(
        "(command|message):[0-9a-f]{32}", "A keyed hash of the command or message that caused it."
    ),
    "client": of_text(CODE_PATTERN, "The client whose token it came with, where there was one."),
    "correlationid": of_text(_UUID, "Binds what belongs together; by default the subject."),
    "id": of_text(f"{_UUID}/[1-9][0-9]*", "Stream and version: unique, and the same for ever."),
    "recordedtime": {**TIME, "description": "When it entered the log; never decreases in it."},
    "sequence": of_text("[0-9]{20}", "The position in the log, padded so that it sorts as text."),
    "specversion": {"type": "string", "const": "1.0"},
    "subject": of_text(_UUID, "The stream: an inquiry, a citizen, a disclosure."),
    "time": {**TIME, "description": "When it happened in the world."},
    "traceparent": of_text(
        "[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", "W3C Trace Context, where known."
    ),
}
"""The attributes that every event has, beside `type`, `source` and `data`."""


def ref(name: str) -> Schema:
    """Return a reference to a schema of the document."""
    return {"$ref": SCHEMAS + name}


def event_schemas(source: str) -> dict[str, Schema]:
    """Return the schema of each type of event of a log, by the type, and those they refer to."""
    schemas = {**SHARED, **{f"envelope.{name}": schema for name, schema in ENVELOPE.items()}}
    for type_, fact in CATALOGUE.items():
        schemas[type_] = _event(type_, fact, source, schemas)
    return schemas


_LIBRARY = frozenset(field.name for field in fields(AggregateCreated))
"""What the library adds to each event: it becomes the envelope, or is left out."""

_SCALARS: Mapping[object, Schema] = {
    Code: ref("Code"),
    Digest: ref("Digest"),
    UUID: ref("Id"),
    datetime: ref("Time"),
    int: ref("Integer"),
    bool: {"type": "boolean"},
    str: ref("Base64"),  # of `Sealed`: no other text stands in the clear
}


def _event(type_: str, fact: type[Any], source: str, named: dict[str, Schema]) -> Schema:
    properties = {name: ref(f"envelope.{name}") for name in ENVELOPE} | {
        "data": _object(fact, named),
        "source": {"type": "string", "const": source},
        "type": {"type": "string", "const": type_},
    }
    return {
        "description": said_of(fact),
        "type": "object",
        "properties": dict(sorted(properties.items())),
        "required": sorted(properties.keys() - OPTIONAL),
        "additionalProperties": False,
    }


def _object(cls: Any, named: dict[str, Schema]) -> Schema:
    hints = get_type_hints(cls)
    names = sorted(field.name for field in fields(cls) if field.name not in _LIBRARY)
    return {
        "type": "object",
        "properties": {name: _field(hints[name], named) for name in names},
        "required": names,
        "additionalProperties": False,
    }


def _field(hint: Any, named: dict[str, Schema]) -> Schema:
    """Return the schema of a field's values, having put into `named` those that it refers to."""
    if get_origin(hint) in (Union, types.UnionType):
        members = set(get_args(hint)) - {Plain}  # what is plain is sealed before it is stored
        [member] = members - {types.NoneType}
        schema = _field(member, named)
        return {"anyOf": [schema, {"type": "null"}]} if types.NoneType in members else schema
    if get_origin(hint) is tuple:
        return {"type": "array", "items": _field(get_args(hint)[0], named)}
    if hint in _SCALARS:
        return _SCALARS[hint]
    if hint.__name__ not in named:
        schema = _object(hint, named) if is_dataclass(hint) else _enumeration(hint)
        named[hint.__name__] = {"description": said_of(hint), **schema}
    return ref(hint.__name__)


def _enumeration(cls: type[StrEnum]) -> Schema:
    return {"type": "string", "enum": [member.value for member in cls]}


def said_of(cls: type[Any]) -> str:
    """Return what a class says of itself."""
    return inspect.getdoc(cls) or ""

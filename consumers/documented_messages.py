"""The messages of the AsyncAPI document: one a type, with its headers, key, schema and example."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from consumers import checkpoints, ends, rejection, topics
from consumers.event_schema import ENVELOPE, SCHEMAS, Schema, event_schemas, of_text, ref, said_of
from consumers.rejection import Origin, Rejection, RejectionData
from domain.events import CATALOGUE, Noted
from domain.inquiry import Inquiry
from domain.request import Request
from domain.vocabulary import Channel, Code, Digest, Plain, Sealed
from eventlog.record import encode, envelope, format_time
from importers.contact_envelope import step_schema

KAFKA_BINDING = "0.5.0"
STRUCTURED = ends.STRUCTURED.decode()
TEXT = checkpoints.TEXT.decode()
CONTENT_TYPE = STRUCTURED.partition(";")[0]
JSON_DEFS = "#/$defs/"
SENT_HEADERS, CONTACT_HEADERS = "headers.sent", "headers.contact"
CHECKPOINT_HEADERS = "headers.checkpoint"
EVENT, CONTACT, REJECTED, CHECKPOINT = "event", "contact", "rejected", "checkpoint"
STEP = "step."
"""Begins the names of the schemas that the steps of contacts are made of."""

_STREAM, _LOG = UUID("0188a3c1-7d2e-8f00-9b1c-3f4d5e6a7b8c"), UUID(int=120, version=4)
_AT = datetime(2012, 2, 29, 0, 0, 4, tzinfo=UTC)


def schemas(city: str) -> dict[str, Schema]:
    """Return every schema that a message refers to."""
    return {
        SENT_HEADERS: _sent_headers(STRUCTURED),
        CHECKPOINT_HEADERS: _sent_headers(TEXT),
        CONTACT_HEADERS: {"type": "object", "properties": {ends.CONTENT_TYPE: {"type": "string"}}},
        **event_schemas(_source(city)),
        **_contact_schemas(),
        **rejection.rejection_schemas(),
    }


def event_messages(city: str) -> dict[str, Any]:
    """Return the messages of the topic of events, by their types."""
    messages = {
        type_: _message(type_, said_of(fact), headers=SENT_HEADERS, binding=EVENT)
        for type_, fact in CATALOGUE.items()
    }
    messages[Noted.TYPE]["examples"] = [_example(42, _noted(city, 42))]
    return messages


def checkpoint_messages() -> dict[str, Any]:
    """Return the message of the topic of checkpoints."""
    name = "checkpoint"
    message = _message(name, "A signed checkpoint.", headers=CHECKPOINT_HEADERS, binding=CHECKPOINT)
    return {name: {**message, "contentType": TEXT.partition(";")[0], "payload": {"type": "string"}}}


def contact_messages() -> dict[str, Any]:
    """Return the messages of the topic of contacts, by their types."""
    return {
        type_: _message(type_, schema["description"], headers=CONTACT_HEADERS, binding=CONTACT)
        for type_, schema in _steps().items()
    }


def rejected_messages(city: str) -> dict[str, Any]:
    """Return the message of the topic of rejected contacts, by its type."""
    message = _message(rejection.TYPE, said_of(Rejection), headers=SENT_HEADERS, binding=REJECTED)
    return {rejection.TYPE: {**message, "examples": [_example(7, _rejection(city))]}}


def message_bindings() -> dict[str, Any]:
    """Return the keys of the topics."""
    contact = {"type": "string", "description": "The contact's own id, as in `subject`."}
    place = {"type": "string", "description": "Where the message stands: topic/partition@offset."}
    return {
        EVENT: kafka(key=ENVELOPE["subject"]),
        CONTACT: kafka(key=contact),
        REJECTED: kafka(key=place),
        CHECKPOINT: kafka(key={"type": "string", "description": "The log's origin."}),
    }


def kafka(**binding: Any) -> dict[str, Any]:
    """Return what AsyncAPI's binding for Kafka tells."""
    return {"kafka": {**binding, "bindingVersion": KAFKA_BINDING}}


def _message(type_: str, description: str, *, headers: str, binding: str) -> dict[str, Any]:
    return {
        "name": type_,
        "summary": description,
        "contentType": CONTENT_TYPE,
        "headers": ref(headers),
        "payload": ref(type_),
        "bindings": {"$ref": f"#/components/messageBindings/{binding}"},
    }


def _sent_headers(content_type: str) -> Schema:
    properties = {
        ends.CONTENT_TYPE: {"type": "string", "const": content_type},
        ends.POSITION: of_text("[1-9][0-9]*", "Rises; in decimal digits."),
        ends.LOG_ID: {"type": "string", "format": "uuid", "description": "The log that it is of."},
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


def _steps() -> dict[str, Schema]:
    schema = step_schema()
    mapping: Mapping[str, str] = schema["discriminator"]["mapping"]
    return {type_: schema["$defs"][_named(place)] for type_, place in mapping.items()}


def _contact_schemas() -> dict[str, Schema]:
    steps = _steps()
    parts = {
        STEP + name: schema
        for name, schema in step_schema()["$defs"].items()
        if schema not in steps.values()
    }
    return {name: _moved(schema) for name, schema in (steps | parts).items()}


def _moved(node: Any) -> Any:
    """Return a part of the schema of steps, its references leading into the document."""
    if isinstance(node, list):
        return [_moved(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        name: SCHEMAS + STEP + _named(value) if name == "$ref" else _moved(value)
        for name, value in node.items()
    }


def _named(place: str) -> str:
    return place.removeprefix(JSON_DEFS)


def _example(position: int, payload: Any) -> dict[str, Any]:
    headers = {name: octets.decode() for name, octets in ends.headers(position, _LOG)}
    return {"headers": headers, "payload": payload}


def _noted(city: str, position: int) -> Any:
    inquiry = Inquiry.receive(_STREAM, at=_AT, channel=Channel.PHONE)
    inquiry.note(ref=Code("n-1"), kind=Code("handover"), note=Plain(""), at=_AT)
    [_, fact] = inquiry.collect_events()
    record = envelope(
        source=_source(city),
        request=Request(actor="agent:a017", cause=f"command:{_LOG.hex}"),
        stream=_STREAM,
        version=fact.originator_version,
        time=_AT,
        type_=Noted.TYPE,
        data=encode(fact, _sealed),
    ).record
    stamp = {"recordedtime": format_time(_AT), "sequence": f"{position:020}"}
    return orjson.loads(record) | stamp


def _sealed(_name: str, _text: str) -> Sealed:
    return Sealed(c="Y2lwaGVydGV4dA==", k=Digest("c0ffee00" * 4), n="bm9uY2Ugbm9uY2Ug", v=1)


def _rejection(city: str) -> Any:
    origin = Origin(topic=topics.contacts(city).name, partition=0, offset=4711)
    example = Rejection(
        id=_LOG.hex,
        source=_source(city),
        time=_AT,
        data=RejectionData(
            reason="type: no type of step; docs/contacts.md lists them",
            origin=origin,
            message='{"specversion":"1.0","type":"contact.called.v1"}',
        ),
    )
    return orjson.loads(example.encode())


def _source(city: str) -> str:
    return f"/dasan/{city}"

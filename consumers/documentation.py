"""The AsyncAPI document: what stands in the topics of a city, for whoever sends there or reads.

Names, settings, headers, schemas and examples are those of the code; only explanations are written.
"""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from consumers import explanations, topics
from consumers.broker import MECHANISMS, PROTOCOLS
from consumers.contacts import group
from consumers.documented_messages import (
    CONTENT_TYPE,
    checkpoint_messages,
    contact_messages,
    event_messages,
    kafka,
    message_bindings,
    rejected_messages,
    schemas,
)
from consumers.topics import Topic
from importers.text_file import MAX_LINE_BYTES

ASYNCAPI = "3.0.0"  # the newest that every tool reads
CERTIFICATE = "X509"
OPEN = "Open to everybody who reaches it: inside a closed network only."


def asyncapi(city: str) -> dict[str, Any]:
    """Return the AsyncAPI document of a city's topics."""
    return {
        "asyncapi": ASYNCAPI,
        "info": {
            "title": "Dasan",
            "version": version("dasan"),
            "description": explanations.ABOUT,
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {protocol: _server(protocol) for protocol in PROTOCOLS},
        "channels": _channels(city),
        "operations": _operations(city),
        "components": {
            "schemas": schemas(city),
            "messageBindings": message_bindings(),
            "securitySchemes": _security_schemes(),
        },
    }


def _server(protocol: str) -> dict[str, Any]:
    schemes = {"PLAINTEXT": (), "SSL": (CERTIFICATE,)}.get(protocol, MECHANISMS)
    bootstrap = {
        "default": "localhost:9092",
        "description": "One of the brokers, as in KAFKA_BOOTSTRAP_SERVERS.",
    }
    return {
        "host": "{bootstrap}",
        "protocol": "kafka-secure" if protocol.endswith("SSL") else "kafka",
        "description": f"KAFKA_SECURITY_PROTOCOL={protocol}. {'' if schemes else OPEN}".strip(),
        "variables": {"bootstrap": bootstrap},
        "security": [{"$ref": f"#/components/securitySchemes/{name}"} for name in schemes],
    }


def _security_schemes() -> dict[str, Any]:
    named = {name: {"type": _scheme(name)} for name in MECHANISMS}
    return {**named, CERTIFICATE: {"type": CERTIFICATE, "description": "A client certificate."}}


def _scheme(mechanism: str) -> str:
    """Return AsyncAPI's word for a mechanism: SCRAM-SHA-256 is scramSha256."""
    first, *rest = mechanism.split("-")
    return first.lower() + "".join(word.capitalize() for word in rest)


def _channels(city: str) -> dict[str, Any]:
    contacts = explanations.CONTACTS.format(max_bytes=MAX_LINE_BYTES)
    return {
        "contacts": _channel(topics.contacts(city), contacts, contact_messages()),
        "rejected": _channel(topics.rejected(city), explanations.REJECTED, rejected_messages(city)),
        "events": _channel(topics.events(city), explanations.EVENTS, event_messages(city)),
        "checkpoints": _channel(
            topics.checkpoints(city), explanations.CHECKPOINTS, checkpoint_messages()
        ),
    }


def _channel(topic: Topic, description: str, messages: Mapping[str, Any]) -> dict[str, Any]:
    settings: dict[str, Any] = dict(topic.settings)
    policies = settings.pop("cleanup.policy").split(",")
    numbers = {name: int(value) for name, value in settings.items()}
    return {
        "address": topic.name,
        "description": description,
        "messages": messages,
        "bindings": kafka(
            partitions=topics.PARTITIONS,
            topicConfiguration={
                "cleanup.policy": policies,
                **numbers,
                "max.message.bytes": topics.MAX_MESSAGE_BYTES,
            },
        ),
    }


def _operations(city: str) -> dict[str, Any]:
    members = {"type": "string", "const": group(city)}
    return {
        "receiveContacts": {
            **_operation("receive", "contacts", "`dasan consume contacts` takes what is reported."),
            "bindings": kafka(groupId=members),
        },
        "sendRejected": _operation("send", "rejected", "What was not taken is told."),
        "sendEvents": _operation("send", "events", "`dasan relay` sends the log from its start."),
        "sendCheckpoints": _operation(
            "send", "checkpoints", "`dasan relay` sends what was signed."
        ),
        "receiveEvents": _operation(
            "receive", "events", "`dasan consume replica` keeps the log and its views elsewhere."
        ),
    }


def _operation(action: str, channel: str, summary: str) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}, "summary": summary}

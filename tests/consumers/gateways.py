"""Channel gateways: what a telephone system's queue_log tells, as messages of their topic."""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
from kafka import KafkaProducer

from consumers.broker import Broker

Message = dict[str, Any]

AS_THEY_ARE = {
    "received": ("channel", "language", "category", "district"),
    "queued": ("queue",),
    "abandoned": ("queue", "enqueued_at", "waited_ms"),
    "left-queue": ("queue", "enqueued_at", "waited_ms", "reason"),
    "answered": ("queue", "enqueued_at", "agent", "waited_ms"),
    "ended": ("queue", "enqueued_at", "ended_by", "agent", "talk_ms", "hold_ms", "wrapup_ms"),
    "transferred": ("kind", "to", "from_agent", "holds"),
    "classified": ("language", "category", "district"),
    "resolved": ("outcome", "agent"),
    "rated": ("score",),
}
"""The fields of the event that a step of the same name reports."""


def steps(records: Iterable[bytes], source: str) -> Iterator[Message]:
    """Yield what a gateway would have reported for the log to hold these records.

    What a gateway does not report, and texts, which are sealed, are left out.
    """
    entries: dict[tuple[str, int], Message] = defaultdict(dict)
    for number, record in enumerate(records):
        event = orjson.loads(record)
        kind, data = event["type"].split(".")[1], event["data"]
        if kind not in AS_THEY_ARE:
            continue
        visit = entries[event["subject"], data.get("visit") or 0]
        if kind == "queued":
            visit |= {"queue": data["queue"], "enqueued_at": event["time"]}
        if kind == "ended":
            data |= visit  # an end names its visit by number only
        fields = {name: data[name] for name in AS_THEY_ARE[kind] if data.get(name) is not None}
        if fields.get("reason") in ("full", "closed"):
            kind, fields = "turned-away", {name: data[name] for name in ("queue", "reason")}
        yield {
            "specversion": "1.0",
            "source": source,
            "id": f"{number}",
            "type": f"contact.{kind}.v1",
            "subject": event["subject"],
            "time": event["time"],
            "data": fields,
        }


def as_unreliable(messages: Sequence[Message], chance: random.Random) -> list[Message]:
    """Return messages as gateways may send them: every tenth twice, each thousand shuffled."""
    told = [copy for n, message in enumerate(messages) for copy in [message] * (1 + (n % 10 == 9))]
    for begin in range(0, len(told), 1_000):
        thousand = told[begin : begin + 1_000]
        chance.shuffle(thousand)
        told[begin : begin + 1_000] = thousand
    return told


def send(broker: Broker, topic: str, messages: Iterable[Message | bytes]) -> None:
    """Send messages as one gateway, keyed by contact where they have one."""
    producer = KafkaProducer(linger_ms=5, batch_size=262_144, **broker.client)
    for message in messages:
        if isinstance(message, bytes):
            producer.send(topic, message)
        else:
            producer.send(topic, orjson.dumps(message), key=message["subject"].encode())
    producer.flush()
    producer.close()


def send_at_once(broker: Broker, topic: str, *gateways: Iterable[Message]) -> None:
    """Send the messages of several gateways at the same time."""
    with ThreadPoolExecutor(len(gateways)) as threads:
        for sent in [threads.submit(send, broker, topic, messages) for messages in gateways]:
            sent.result()

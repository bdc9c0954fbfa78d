"""What a topic holds last: where whoever writes to it in order goes on."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple
from uuid import UUID

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import KafkaTimeoutError

from consumers.broker import Broker
from consumers.topics import Known

POSITION, LOG_ID, CONTENT_TYPE = "position", "log-id", "content-type"
"""The headers of what we send."""

STRUCTURED = b"application/cloudevents+json; charset=UTF-8"
POLL_MS = 500
MAX_RECORDS = 500
PATIENCE_S = 90.0
"""How long a broker may send nothing of what it has: a transaction whose sender is gone takes a
minute to be aborted."""

Offsets = Mapping[TopicPartition, int]


class ForeignRecordError(RuntimeError):
    """A topic holds what this log did not send; says what, where, and what to do."""


class End(NamedTuple):
    """The last record of a partition: its place in what was sent, and its bytes."""

    position: int
    value: bytes


def headers(
    position: int, log_id: UUID, content_type: bytes = STRUCTURED
) -> list[tuple[str, bytes]]:
    """Return the headers of a record."""
    return [
        (CONTENT_TYPE, content_type),
        (POSITION, b"%d" % position),
        (LOG_ID, str(log_id).encode()),
    ]


def position_of(record: ConsumerRecord, log_id: UUID) -> int:
    """Return the position that a record's headers tell.

    Raises:
        ForeignRecordError: it is none of this log.
    """
    told: dict[str, bytes] = dict(record.headers)
    owner = (told.get(LOG_ID) or b"").decode(errors="replace")
    position = told.get(POSITION) or b""
    if owner == str(log_id) and position.isdigit():
        return int(position)
    raise ForeignRecordError(
        f"{place(record)} is of {f'the log {owner}' if owner else 'no log'}, not of the log "
        f"{log_id}: one topic is for one log. Find out who sends there; then give this log a "
        "topic of its own (DASAN_CITY, or another broker), or delete the topic and make it again"
    )


def place(record: ConsumerRecord) -> str:
    """Return the name of a record's place in its topic."""
    return f"{record.topic}/{record.partition}@{record.offset}"


def last_records(broker: Broker, topic: Known) -> Mapping[int, ConsumerRecord]:
    """Return the last committed record of each partition that has any.

    Behind it may stand marks and aborted records, so that the look goes back further and further.

    Raises:
        kafka.errors.KafkaError: the broker does not answer, or refuses.
    """
    with reading(broker) as consumer:
        begins, ends = _bounds(broker, topic)
        found: dict[int, ConsumerRecord] = {}
        back = 2  # a transaction ends with a mark
        left = {at for at, end in ends.items() if end > begins[at]}
        while left:
            consumer.assign(left)
            for at in left:
                consumer.seek(at, max(begins[at], ends[at] - back))
            for records in _polled(consumer, {at: ends[at] for at in left}):
                found[records[-1].partition] = records[-1]
            left = {at for at in left if at.partition not in found and ends[at] - back > begins[at]}
            back *= 8
        return found


def all_records(
    broker: Broker, topic: Known, *, max_records: int
) -> Iterator[Sequence[ConsumerRecord]]:
    """Yield every record that is committed now, those of a partition in order.

    Raises:
        kafka.errors.KafkaError: the broker does not answer, or refuses.
    """
    with reading(broker, max_records=max_records) as consumer:
        begins, ends = _bounds(broker, topic)
        consumer.assign(ends)
        for at, begin in begins.items():
            consumer.seek(at, begin)
        yield from _polled(consumer, ends)


def reading(
    broker: Broker,
    *,
    isolation_level: Literal["read_committed", "read_uncommitted"] = "read_committed",
    max_records: int = MAX_RECORDS,
) -> KafkaConsumer:
    """Return a consumer in no group."""
    return KafkaConsumer(
        group_id=None,
        enable_auto_commit=False,
        isolation_level=isolation_level,
        allow_auto_create_topics=False,
        max_poll_records=max_records,
        **broker.client,
    )


def _bounds(broker: Broker, topic: Known) -> tuple[Offsets, Offsets]:
    """Return where the partitions begin and end.

    The ends are those of what is written. What is committed is told a moment after the commit was
    acknowledged: until then what is committed seems to end earlier.
    """
    with reading(broker, isolation_level="read_uncommitted") as consumer:
        partitions = [topic.at(number) for number in range(topic.partitions)]
        return (
            {at: int(offset or 0) for at, offset in consumer.beginning_offsets(partitions).items()},
            {at: int(offset or 0) for at, offset in consumer.end_offsets(partitions).items()},
        )


def _polled(consumer: KafkaConsumer, ends: Offsets) -> Iterator[Sequence[ConsumerRecord]]:
    """Yield what is polled until every partition has been read up to its end."""
    give_up_at = time.monotonic() + PATIENCE_S
    while any((consumer.position(at) or 0) < end for at, end in ends.items()):
        polled = consumer.poll(POLL_MS)
        if polled:
            give_up_at = time.monotonic() + PATIENCE_S
        elif time.monotonic() > give_up_at:
            raise KafkaTimeoutError(f"nothing came within {PATIENCE_S:.0f} s")
        yield from polled.values()

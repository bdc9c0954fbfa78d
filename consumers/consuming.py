"""The one loop of all consumers: poll with limits, hand over, go on.

Where a consumer goes on stands in the database, where it is stored with what it read, so that both
are there or neither. The group only shares out the partitions; the offsets that the broker is told
are for those who watch the group's lag with Kafka's own tools.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from threading import Event
from typing import Any, Protocol

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.structs import OffsetAndMetadata
from psycopg import Connection

from consumers.broker import Broker
from consumers.metering import Meter
from consumers.persisting import Pauses, persist
from consumers.remembering import Move, move, offsets
from consumers.topics import Known, Topic, TopicError, require, require_still

POLL_MS = 100
SESSION_TIMEOUT_MS = 10_000
"""How long a member that was killed keeps its partitions from the others."""

HEARTBEAT_MS = 3_000
METADATA_AGE_MS = 10_000
"""How soon partitions that were added are shared out."""

FETCH_BYTES = 4 * 1024 * 1024

_log = logging.getLogger(__name__)

Records = Sequence[ConsumerRecord]


class Handler(Protocol):
    """What is done with the records. Whatever it raises ends the session."""

    keeps_all: bool
    """Whether records that the topic no longer has are a fault, or just late."""

    connection: Connection
    """Where it stores what it does, and with it how far the topic was read."""

    def handle(self, topic: Known, records: Sequence[Records], moves: Sequence[Move]) -> None:
        """Store what the records tell, and that the partitions have moved."""

    def finish(self) -> None:
        """Wait until what was handed over is stored."""

    def where(self) -> str:
        """Say how far it is."""


Opened = Callable[[], AbstractContextManager[Handler]]
"""Opens a handler for a session."""


class Consumer:
    """A member of a group that hands the records of a topic to a handler."""

    def __init__(
        self, broker: Broker, topic: Topic, group: str, opened: Opened, *, max_records: int
    ) -> None:
        self._broker = broker
        self._topic = topic
        self._group = group
        self._opened = opened
        self._max_records = max_records
        self._meter = Meter(f"{topic.name} by {group}", "messages")

    def run(self, stopped: Event) -> None:
        """Consume until `stopped`.

        Raises:
            BrokerError, TopicError: what does not mend itself, and what the handler raises.
        """
        persist(lambda pauses: self._consume(pauses, stopped), self._broker, stopped, self._group)

    def _consume(self, pauses: Pauses, stopped: Event) -> None:
        topic = require(self._broker, self._topic)
        with (
            self._opened() as handler,
            KafkaConsumer(
                group_id=self._group,
                enable_auto_commit=False,
                # Where to go on is known, and no record is skipped silently.
                auto_offset_reset="none",  # type: ignore[arg-type]  # the stubs lack it
                isolation_level="read_committed",
                allow_auto_create_topics=False,
                session_timeout_ms=SESSION_TIMEOUT_MS,
                heartbeat_interval_ms=HEARTBEAT_MS,
                metadata_max_age_ms=METADATA_AGE_MS,
                max_partition_fetch_bytes=FETCH_BYTES,
                max_poll_records=self._max_records,
                **self._broker.client,
            ) as consumer,
        ):
            assignment = _Assignment(consumer, topic, handler)
            # A leader of a group that does not know the partitions yet shares out none of them.
            consumer.partitions_for_topic(topic.name)
            consumer.subscribe([topic.name], listener=assignment)
            _log.info("%s: joins %s", topic.name, self._group)
            while not stopped.is_set():
                assignment.take_up()
                polled = consumer.poll(POLL_MS)
                if polled:
                    moves = assignment.moves(polled)
                    handler.handle(topic, list(polled.values()), moves)
                    self._meter.add(sum(map(len, polled.values())))
                    consumer.commit_async({topic.at(m.partition): _offset(m.end) for m in moves})
                    pauses.reset()
                else:
                    handler.finish()
                if self._meter.is_due():
                    require_still(self._broker, self._topic, topic)
                    partitions = f"{len(assignment.next)} partitions"
                    self._meter.say(f"{partitions}{handler.where()}", assignment.behind())
            handler.finish()


class _Assignment(ConsumerRebalanceListener):
    """The partitions that a member has, and where it is in each."""

    def __init__(self, consumer: KafkaConsumer, topic: Known, handler: Handler) -> None:
        self._consumer = consumer
        self._topic = topic
        self._handler = handler
        self.next: dict[int, int] = {}
        self._fresh: list[TopicPartition] = []

    def on_partitions_revoked(self, revoked: Any) -> None:  # noqa: ARG002 - all are given back
        """Finish before somebody else goes on."""
        self.next, self._fresh = {}, []
        self._handler.finish()

    def on_partitions_assigned(self, assigned: Any) -> None:
        """Hold the partitions until it is known where to go on: nothing may wait in here."""
        self._fresh = sorted(assigned)
        for at in self._fresh:
            self._consumer.seek(at, 0)
        self._consumer.pause(*self._fresh)

    def take_up(self) -> None:
        """Go on in new partitions where the database says.

        Raises:
            TopicError: what comes next there is gone, and no record may be left out.
        """
        if fresh := self._fresh:
            partitions = [at.partition for at in fresh]
            connection = self._handler.connection
            self.next = dict(offsets(connection, self._topic.id, partitions))
            begins = self._consumer.beginning_offsets(fresh)
            ends = self._consumer.end_offsets(fresh)
            for at in fresh:
                self._seek(at, begins[at] or 0, ends[at] or 0)
            self._consumer.resume(*fresh)
            _log.info("%s: has the partitions %s", self._topic.name, partitions)
            self._fresh = []

    def moves(self, polled: Mapping[TopicPartition, Records]) -> list[Move]:
        """Move on behind what was polled."""
        moves = [
            Move(at.partition, self.next[at.partition], records[-1].offset + 1)
            for at, records in polled.items()
        ]
        self.next.update((move.partition, move.end) for move in moves)
        return moves

    def behind(self) -> int:
        """Return how many messages are still to come, as far as is known."""
        return sum(
            max(0, (self._consumer.highwater(at) or 0) - (self._consumer.position(at) or 0))
            for at in self._consumer.assignment()
        )

    def _seek(self, at: TopicPartition, begin: int, end: int) -> None:
        known = self.next[at.partition]
        if known < begin and (known or self._handler.keeps_all):
            gone = f"{at.topic}/{at.partition}: the messages from offset {known} to {begin - 1}"
            if self._handler.keeps_all:
                raise TopicError(f"{gone} are gone: the topic lost records. Make it again")
            _log.error("%s expired before they were read", gone)
        if known > end:
            # What was taken is known: reading it again changes nothing.
            _log.error(
                "%s/%s: was read up to offset %d and ends at %d: it lost messages, and is read from"
                " its beginning", at.topic, at.partition, known, end,
            )  # fmt: skip
            connection = self._handler.connection
            move(connection, self._topic.id, [Move(at.partition, known, begin)])
            self.next[at.partition] = begin
        self._consumer.seek(at, max(self.next[at.partition], begin))


def _offset(offset: int) -> OffsetAndMetadata:
    return OffsetAndMetadata(offset, "", -1)

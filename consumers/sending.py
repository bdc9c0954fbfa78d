"""Sending what stands in an ordered table to a topic: in order, everything, nothing twice.

Each batch is a transaction. Beginning a session ends whatever an earlier sender of the same topic
left open, and shuts that sender out; then the last record of each partition tells where to go on.
So a sender that was killed, or that lost its lead without knowing, can leave neither a gap nor a
second copy for those who read what is committed.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, Self
from uuid import UUID

from kafka import KafkaProducer
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import KafkaError
from kafka.partitioner.default import murmur2

from consumers.broker import Broker
from consumers.ends import STRUCTURED, End, headers, last_records, position_of
from consumers.topics import Known

BATCH_BYTES = 262_144
"""A request's share of one partition; larger ones save nothing."""

TRANSACTION_TIMEOUT_MS = 60_000
"""After this a broker aborts the transaction of a sender that is gone and that nobody follows."""

DELIVERY_TIMEOUT_MS = 20_000
"""What was sent and is not acknowledged within this has failed."""

FLUSH_TIMEOUT_S = 30.0
CLOSE_TIMEOUT_S = 2.0


class Outgoing(NamedTuple):
    """A row to send; rows of one key stay in order."""

    position: int
    key: bytes
    value: bytes
    content_type: bytes = STRUCTURED


class Session:
    """The one sender of a topic, until another begins or an error ends it."""

    def __init__(self, broker: Broker, topic: Known, log_id: UUID) -> None:
        self._topic = topic
        self._log_id = log_id
        self._producer = KafkaProducer(
            transactional_id=topic.name,
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            delivery_timeout_ms=DELIVERY_TIMEOUT_MS,
            acks="all",
            batch_size=BATCH_BYTES,
            allow_auto_create_topics=False,
            **broker.client,
        )
        try:
            self._producer.init_transactions()
            self.ends = self._ends(last_records(broker, topic))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave what was not committed to be aborted."""
        self.close()

    def close(self) -> None:
        """Stop sending; what is under way and not committed will not be seen."""
        try:
            self._producer.close(timeout=CLOSE_TIMEOUT_S)
        except KafkaError:
            # It was shut out, or its broker is away: it cannot flush, and then ends no thread.
            self._producer._sender.force_close()  # type: ignore[attr-defined]

    @property
    def complete_upto(self) -> int:
        """The position up to which no partition can lack anything."""
        return min(
            (self.ends[n].position if n in self.ends else 0 for n in range(self._topic.partitions)),
        )

    def send(self, rows: Sequence[Outgoing]) -> int:
        """Send rows, less those that the topic has, and return how many once they are durable.

        Raises:
            kafka.errors.KafkaError: they are not; this session is over.
        """
        missing = [(partition, row) for row in rows if (partition := self._lacks(row)) is not None]
        if not missing:
            return 0
        self._producer.begin_transaction()
        sent = [
            self._producer.send(
                self._topic.name,
                key=row.key,
                value=row.value,
                partition=partition,
                headers=headers(row.position, self._log_id, row.content_type),
            )
            for partition, row in missing
        ]
        self._producer.flush(timeout=FLUSH_TIMEOUT_S)
        for future in sent:
            if future.failed():
                raise future.exception
        self._producer.commit_transaction()
        return len(missing)

    def _lacks(self, row: Outgoing) -> int | None:
        """Return the partition of a row if the row is not in it."""
        partition = partition_of(row.key, self._topic.partitions)
        end = self.ends.get(partition)
        return partition if end is None or row.position > end.position else None

    def _ends(self, records: Mapping[int, ConsumerRecord]) -> Mapping[int, End]:
        return {
            partition: End(position_of(record, self._log_id), record.value)
            for partition, record in records.items()
        }


@lru_cache(maxsize=65_536)  # an inquiry has several events, and the hash is computed in Python
def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of a key, as every Kafka client computes it by default (murmur2)."""
    hashed: int = murmur2(key)
    return (hashed & 0x7FFFFFFF) % partitions

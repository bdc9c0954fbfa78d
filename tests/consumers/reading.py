"""Reading topics as somebody does who knows Kafka and not our code."""

import time
from collections.abc import Sequence

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord

from consumers.broker import Broker

PATIENCE_S = 60.0


def read_topic(
    broker: Broker, topic: str, *, is_committed: bool = True
) -> Sequence[ConsumerRecord]:
    """Return everything that a topic holds now, those of a partition in order."""
    with KafkaConsumer(
        group_id=None,
        enable_auto_commit=False,
        isolation_level="read_committed" if is_committed else "read_uncommitted",
        **broker.client,
    ) as consumer:
        partitions = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic) or ()]
        ends = _ends(broker, partitions)
        consumer.assign(partitions)
        consumer.seek_to_beginning()
        records: list[ConsumerRecord] = []
        give_up_at = time.monotonic() + PATIENCE_S
        while any((consumer.position(at) or 0) < ends[at] for at in partitions):
            assert time.monotonic() < give_up_at, "the topic cannot be read"
            for polled in consumer.poll(200).values():
                records += polled
        return records


def written(broker: Broker, topic: str) -> int:
    """Return how many messages were ever written to a topic."""
    with KafkaConsumer(group_id=None, **broker.client) as consumer:
        partitions = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic) or ()]
    return sum(_ends(broker, partitions).values())


def _ends(broker: Broker, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
    """Return where partitions end, with what is not known to be committed yet."""
    with KafkaConsumer(group_id=None, **broker.client) as consumer:
        return {at: offset or 0 for at, offset in consumer.end_offsets(partitions).items()}

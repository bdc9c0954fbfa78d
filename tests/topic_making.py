"""Making topics with the settings that they have to have."""

from collections.abc import Iterable

from kafka.admin import KafkaAdminClient, NewTopic

from consumers.broker import Broker
from consumers.topics import Topic

PARTITIONS = 4


def create_topics(broker: Broker, topics: Iterable[Topic], *, partitions: int = PARTITIONS) -> None:
    """Make topics.

    Raises:
        kafka.errors.KafkaError: one is there already, or the broker refuses.
    """
    admin = KafkaAdminClient(**broker.client)
    try:
        admin.create_topics(
            [NewTopic(t.name, partitions, 1, topic_configs=dict(t.settings)) for t in topics],
            wait_for_metadata=True,
        )
    finally:
        admin.close()

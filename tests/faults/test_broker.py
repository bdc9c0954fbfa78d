"""What the other tests take for granted of the broker that they kill."""

from functools import partial

import pytest
from kafka import KafkaProducer

from consumers.broker import Broker
from consumers.topics import Topic, events
from tests.broker import KafkaServer
from tests.consumers.reading import read_topic
from tests.faults.harness import await_condition
from tests.topic_making import create_topics

KILLS = 8
"""Kafka 4.3.1 loses what was committed in one of a few."""


@pytest.mark.faults
def test_what_was_committed_is_read_after_the_broker_was_killed(own_broker: KafkaServer) -> None:
    topic = events("seoul")
    create_topics(own_broker.broker, [topic])

    for kill in range(1, KILLS + 1):
        producer = KafkaProducer(transactional_id=f"sender {kill}", **own_broker.broker.client)
        producer.init_transactions()
        producer.begin_transaction()
        for partition in range(4):
            producer.send(topic.name, b"committed", partition=partition)
        producer.commit_transaction()
        own_broker.kill()
        producer.close()
        own_broker.start()

        await_condition(partial(holds, own_broker.broker, topic, 4 * kill))


def holds(broker: Broker, topic: Topic, records: int) -> bool:
    return len(read_topic(broker, topic.name)) == records

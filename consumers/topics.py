"""The topics of a city: their names, and the settings without which no promise holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import (
    NoError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)

from consumers.administering import administering
from consumers.broker import Broker

DAY_MS = 24 * 3_600_000
FOR_EVER = "-1"
MAX_MESSAGE_BYTES = 1_048_588
"""Kafka's own default. It bounds a batch, and ours are of a quarter of that."""

PARTITIONS = 8
"""What the documents suggest: as many members of a group can share the work."""


class TopicError(RuntimeError):
    """A topic is missing or has settings that break a promise; says which, and how to mend it."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it has to be. `retention_ms` is a text, as Kafka's own settings are."""

    name: str
    retention_ms: str

    @property
    def settings(self) -> Mapping[str, str]:
        """The settings that are checked at start."""
        return {
            "cleanup.policy": "delete",
            "retention.ms": self.retention_ms,
            "retention.bytes": FOR_EVER,
        }

    @property
    def configs(self) -> str:
        """The settings to make it with, in the form of Kafka's own commands."""
        told = {**self.settings, "max.message.bytes": str(MAX_MESSAGE_BYTES)}
        return ",".join(f"{name}={value}" for name, value in told.items())


def events(city: str) -> Topic:
    """Name every record of the log: for ever, no clear personal data."""
    return Topic(f"dasan.{city}.events", FOR_EVER)


def checkpoints(city: str) -> Topic:
    """Name what the log says of itself, signed: for ever."""
    return Topic(f"dasan.{city}.checkpoints", FOR_EVER)


def contacts(city: str) -> Topic:
    """Name what channel gateways report: personal data, for a day."""
    return Topic(f"dasan.{city}.contacts", str(DAY_MS))


def rejected(city: str) -> Topic:
    """Name what could not be taken of it, and why: personal data, for a week."""
    return Topic(f"dasan.{city}.contacts.rejected", str(7 * DAY_MS))


@dataclass(frozen=True, slots=True)
class Known:
    """A topic as the broker has it: one that was deleted and made again has another id."""

    name: str
    id: UUID
    partitions: int

    def at(self, partition: int) -> TopicPartition:
        """Return a partition as the library names it."""
        return TopicPartition(self.name, partition)


def require(broker: Broker, topic: Topic) -> Known:
    """Return the topic as the broker has it.

    Raises:
        BrokerError: the broker does not answer, or refuses.
        TopicError: there is no such topic, or a setting is wrong.
    """
    with administering(broker) as admin:
        [told] = admin.describe_topics([topic.name])
        error = for_code(told["error_code"])  # type: ignore[no-untyped-call] # types-kafka-python
        if error is UnknownTopicOrPartitionError:
            configs = topic.configs.replace(",", " --config ")
            raise TopicError(
                f"there is no topic {topic.name} at {broker.name}. Make it: kafka-topics.sh "
                f"--create --bootstrap-server {broker.name} --topic {topic.name} "
                f"--partitions {PARTITIONS} --config {configs}"
            )
        if error is not NoError:
            raise error(topic.name)
        _require_settings(broker, admin, topic)
    return Known(topic.name, UUID(str(told["topic_id"])), len(told["partitions"]))


class TopicChangedError(RuntimeError):
    """A topic was deleted and made again meanwhile; who begins again goes on with the new one."""


def require_still(broker: Broker, topic: Topic, known: Known) -> None:
    """Make sure that a topic is the one that is known.

    Raises:
        TopicChangedError: it was made again.
        BrokerError, TopicError: as `require`.
    """
    if require(broker, topic).id != known.id:
        raise TopicChangedError(f"the topic {topic.name} was made again")


def _require_settings(broker: Broker, admin: KafkaAdminClient, topic: Topic) -> None:
    resource = ConfigResource(ConfigResourceType.TOPIC, topic.name)
    told = admin.describe_configs([resource], config_filter="all")["topic"][topic.name]
    if not told:  # the library keeps the error to itself
        raise TopicAuthorizationFailedError(f"DescribeConfigs of {topic.name}")
    wrong = [
        f"{name} is {told[name]['value']}, not {value}"
        for name, value in topic.settings.items()
        if told[name]["value"] != value
    ]
    longest = int(told["max.message.bytes"]["value"])
    if longest < MAX_MESSAGE_BYTES:
        wrong.append(f"max.message.bytes is {longest}, not {MAX_MESSAGE_BYTES} or more")
    if wrong:
        raise TopicError(
            f"the topic {topic.name} has wrong settings: {'; '.join(wrong)}. Mend them: "
            f"kafka-configs.sh --alter --bootstrap-server {broker.name} --entity-type topics "
            f"--entity-name {topic.name} --add-config {topic.configs}"
        )

"""Which broker, as whom, and whether its topics keep the promises: said before anything is sent."""

import re
import threading
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from kafka.admin import ACLOperation, ConfigResource, ConfigResourceType, ResourceType

from consumers.administering import administering
from consumers.broker import AbsentBrokerError, Broker, BrokerError, read_broker
from consumers.topics import (
    MAX_MESSAGE_BYTES,
    PARTITIONS,
    Topic,
    TopicError,
    contacts,
    events,
    rejected,
    require,
)
from tests.broker import KafkaServer, run
from tests.broker_security import Right, add_user, make_security
from tests.faults.harness import await_condition
from tests.topic_making import create_topics

SERVER = {"KAFKA_BOOTSTRAP_SERVERS": "localhost:9092"}
SASL = SERVER | {
    "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "KAFKA_SASL_USERNAME": "relay",
    "KAFKA_SASL_PASSWORD": "hidden",
}
NOBODY = Broker(("127.0.0.1:1",))
PATIENCE_MS = 300
WRONG = {
    "cleanup.policy": "compact",
    "retention.ms": "3600000",
    "retention.bytes": "1000",
    "max.message.bytes": "1000",
}
REFUSED = r"the broker 127\.0\.0\.1:\d+ refuses: "


@pytest.fixture
def city() -> str:
    """A city that nobody else knows."""
    return f"city-{uuid4().hex[:8]}"


def alter(broker: Broker, topic: Topic, settings: dict[str, str]) -> None:
    """Give a topic other settings, and wait until the broker knows of them as well."""
    resource = ConfigResource(ConfigResourceType.TOPIC, topic.name, settings)
    with administering(broker) as admin:

        def known() -> bool:
            told = admin.describe_configs([resource])["topic"][topic.name]
            return {name: setting["value"] for name, setting in told.items()} == settings

        admin.alter_configs([resource])
        await_condition(known)


def command(error: pytest.ExceptionInfo[TopicError]) -> str:
    """Return what a message says to run."""
    found = re.search(r"kafka-\w+\.sh .*", str(error.value))
    assert found is not None
    return found[0]


def test_a_broker_is_spoken_to_in_clear_by_default() -> None:
    broker = read_broker(SERVER)

    assert broker == Broker(("localhost:9092",), "PLAINTEXT")


def test_all_servers_are_known() -> None:
    broker = read_broker({"KAFKA_BOOTSTRAP_SERVERS": "a:9092, b:9093"})

    assert broker.servers == ("a:9092", "b:9093")
    assert broker.name == "a:9092,b:9093"


def test_every_setting_reaches_the_client(tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("ca", "certificate", "key")}
    for file in files.values():
        file.touch()

    broker = read_broker(
        SASL
        | {
            "KAFKA_SSL_CAFILE": str(files["ca"]),
            "KAFKA_SSL_CERTFILE": str(files["certificate"]),
            "KAFKA_SSL_KEYFILE": str(files["key"]),
            "KAFKA_SSL_KEY_PASSWORD": "also hidden",
        }
    )

    assert broker.client.items() >= {
        ("security_protocol", "SASL_SSL"),
        ("sasl_mechanism", "SCRAM-SHA-512"),
        ("sasl_plain_username", "relay"),
        ("sasl_plain_password", "hidden"),
        ("ssl_cafile", str(files["ca"])),
        ("ssl_certfile", str(files["certificate"])),
        ("ssl_keyfile", str(files["key"])),
        ("ssl_password", "also hidden"),
    }
    assert broker.client["bootstrap_servers"] == ["localhost:9092"]


def test_secrets_are_not_shown() -> None:
    shown = repr(read_broker(SASL | {"KAFKA_SSL_KEY_PASSWORD": "hidden, too"}))

    assert "relay" in shown
    assert "hidden" not in shown


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({}, "KAFKA_BOOTSTRAP_SERVERS names no broker: set it"),
        ({"KAFKA_BOOTSTRAP_SERVERS": ""}, "KAFKA_BOOTSTRAP_SERVERS names no broker"),
        ({"KAFKA_BOOTSTRAP_SERVERS": "a:9092,"}, "KAFKA_BOOTSTRAP_SERVERS names no broker"),
        (
            SERVER | {"KAFKA_SECURITY_PROTOCOL": "TLS"},
            "KAFKA_SECURITY_PROTOCOL is 'TLS': use one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL",
        ),
        (
            SASL | {"KAFKA_SASL_MECHANISM": ""},
            "KAFKA_SASL_MECHANISM is None: use one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512",
        ),
        (SASL | {"KAFKA_SASL_MECHANISM": "GSSAPI"}, "KAFKA_SASL_MECHANISM is 'GSSAPI'"),
        (SASL | {"KAFKA_SASL_USERNAME": ""}, "SASL_SSL needs KAFKA_SASL_USERNAME and"),
        (SASL | {"KAFKA_SASL_PASSWORD": ""}, "SASL_SSL needs KAFKA_SASL_USERNAME and"),
        (SERVER | {"KAFKA_SSL_CAFILE": "/no/ca"}, "KAFKA_SSL_CAFILE is '/no/ca': there is no such"),
        (SERVER | {"KAFKA_SSL_CERTFILE": "/no/c"}, "KAFKA_SSL_CERTFILE is '/no/c': there is no"),
        (SERVER | {"KAFKA_SSL_KEYFILE": "/no/k"}, "KAFKA_SSL_KEYFILE is '/no/k': there is no such"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(environment: dict[str, str], says: str) -> None:
    with pytest.raises(BrokerError, match=re.escape(says)):
        read_broker(environment)


def test_looking_for_a_broker_again_and_again_leaves_nothing_running() -> None:
    before = threading.active_count()

    for _ in range(3):
        with pytest.raises(AbsentBrokerError), administering(NOBODY, patience_ms=PATIENCE_MS):
            pass

    assert threading.active_count() == before


def test_a_topic_is_known_by_its_id(broker: Broker, city: str) -> None:
    create_topics(broker, [events(city), contacts(city), rejected(city)])

    known = [require(broker, topic) for topic in (events(city), contacts(city), rejected(city))]

    assert [topic.name for topic in known] == [
        f"dasan.{city}.events", f"dasan.{city}.contacts", f"dasan.{city}.contacts.rejected",
    ]  # fmt: skip
    assert {topic.partitions for topic in known} == {4}
    assert len({topic.id for topic in known}) == 3


def test_the_message_makes_a_topic_that_is_not_there(own_broker: KafkaServer, city: str) -> None:
    for topic in (events(city), contacts(city), rejected(city)):
        with pytest.raises(TopicError, match=f"there is no topic {topic.name} at") as missing:
            require(own_broker.broker, topic)

        run(command(missing))

        assert require(own_broker.broker, topic).partitions == PARTITIONS


def test_the_message_mends_a_topic_whose_settings_are_wrong(
    own_broker: KafkaServer, city: str
) -> None:
    topic = contacts(city)
    create_topics(own_broker.broker, [topic])
    alter(own_broker.broker, topic, WRONG)
    with pytest.raises(TopicError, match=f"the topic {topic.name} has wrong settings: ") as wrong:
        require(own_broker.broker, topic)

    run(command(wrong))

    assert require(own_broker.broker, topic).name == topic.name
    assert all(f"{name} is {value}, not " in str(wrong.value) for name, value in WRONG.items())


@pytest.mark.parametrize(("name", "value"), WRONG.items())
def test_one_wrong_setting_is_enough(broker: Broker, city: str, name: str, value: str) -> None:
    topic = events(city)
    create_topics(broker, [topic])
    alter(broker, topic, {name: value})

    with pytest.raises(
        TopicError, match=rf"wrong settings: {re.escape(name)} is {value}, not [^;]*\. M"
    ):
        require(broker, topic)


def test_longer_messages_than_needed_are_fine(broker: Broker, city: str) -> None:
    topic = events(city)
    create_topics(broker, [topic])
    alter(broker, topic, {"max.message.bytes": str(2 * MAX_MESSAGE_BYTES)})

    assert require(broker, topic).partitions == 4


def test_a_wrong_password_is_refused_at_once(secured_broker: KafkaServer, city: str) -> None:
    stranger = replace(secured_broker.broker, password="guessed")

    with pytest.raises(BrokerError, match=REFUSED) as refused:
        require(stranger, events(city))

    assert not isinstance(refused.value, AbsentBrokerError)
    assert "the rights of admin" in str(refused.value)
    assert "guessed" not in str(refused.value)


def test_a_mechanism_that_the_broker_does_not_know_is_refused(
    secured_broker: KafkaServer, city: str
) -> None:
    # It says so and hangs up: who is slow to read sees only that, and is told what to mend as well.
    with pytest.raises(BrokerError, match=f"{REFUSED}|disconnected.* KAFKA_SASL_"):
        require(replace(secured_broker.broker, mechanism="PLAIN"), events(city))


def test_an_authority_that_is_not_ours_is_not_believed(
    secured_broker: KafkaServer, tmp_path: Path
) -> None:
    other = replace(secured_broker.broker, ca_file=str(make_security(tmp_path).ca_file))

    with (
        pytest.raises(AbsentBrokerError, match=r"CERTIFICATE_VERIFY_FAILED.*KAFKA_SSL_"),
        administering(other, patience_ms=PATIENCE_MS),
    ):
        pass


def test_another_protocol_than_the_broker_speaks_is_named(secured_broker: KafkaServer) -> None:
    in_clear = replace(secured_broker.broker, protocol="PLAINTEXT")

    with (
        pytest.raises(AbsentBrokerError, match="KAFKA_SECURITY_PROTOCOL"),
        administering(in_clear, patience_ms=PATIENCE_MS),
    ):
        pass


@pytest.mark.parametrize(
    ("operations", "lacking"),
    [
        ([], "TopicAuthorizationFailed"),
        ([ACLOperation.DESCRIBE_CONFIGS], "TopicAuthorizationFailed"),
        ([ACLOperation.DESCRIBE], "DescribeConfigs of"),
    ],
)
def test_a_right_that_lacks_is_a_refusal(
    secured_broker: KafkaServer, city: str, operations: list[ACLOperation], lacking: str
) -> None:
    topic = events(city)
    create_topics(secured_broker.broker, [topic])
    right = Right(ResourceType.TOPIC, topic.name, operations)
    user = add_user(secured_broker.broker, f"user-of-{city}", right)

    with pytest.raises(BrokerError, match=f"{REFUSED}.*{lacking}") as refused:
        require(user, topic)

    assert topic.name in str(refused.value)
    assert f"the rights of user-of-{city} (docs/kafka.md" in str(refused.value)


def test_describe_and_describe_configs_are_enough(secured_broker: KafkaServer, city: str) -> None:
    topic = events(city)
    create_topics(secured_broker.broker, [topic])
    rights = [ACLOperation.DESCRIBE, ACLOperation.DESCRIBE_CONFIGS]
    user = add_user(
        secured_broker.broker,
        f"user-of-{city}",
        Right(ResourceType.TOPIC, f"dasan.{city}.", rights, is_prefix=True),
    )

    assert require(user, topic).partitions == 4

"""Each program works with the rights that docs/kafka.md lists for it."""

import re
from collections.abc import Callable
from pathlib import Path
from threading import Event
from uuid import uuid4

import pytest
from kafka.admin import ACLOperation, ResourceType

from consumers.broker import BrokerError
from consumers.relay import Events, Relay
from eventlog.database import Database
from eventlog.log import Log
from tests.broker import KafkaServer
from tests.broker_security import Right, add_user
from tests.consumers import test_contacts, test_replica
from tests.consumers.connected import Connected, running
from tests.consumers.gateways import send
from tests.consumers.reading import read_topic
from tests.faults.harness import await_condition
from tests.importers.reported import Gateway

DOCS = (Path(__file__).parents[2] / "docs" / "kafka.md").read_text()
ROW = re.compile(r"^\|([^|]*)\| ([a-z ]+?)(, prefixed)? `([^`]*)` \| ([^|]*) \|$", re.MULTILINE)
KINDS = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactional id": ResourceType.TRANSACTIONAL_ID,
}

replica = test_replica.replica


def documented(principal: str, city: str) -> list[Right]:
    """Return the rights that the page lists for somebody."""
    rights, of = [], ""
    for who, kind, prefixed, name, operations in ROW.findall(DOCS):
        of = who.strip() or of
        if of == principal:
            rights.append(
                Right(
                    KINDS[kind],
                    name.replace("<city>", city),
                    [_operation(word) for word in operations.split(", ")],
                    is_prefix=bool(prefixed),
                )
            )
    assert rights, f"docs/kafka.md lists nothing for {principal}"
    return rights


def _operation(word: str) -> ACLOperation:
    return ACLOperation[re.sub(r"(?<=[a-z])(?=[A-Z])", "_", word).upper()]


@pytest.fixture
def city(log: Log, secured_broker: KafkaServer) -> Connected:
    """A log, and topics that nobody but the administrator may use."""
    connected = Connected(log, secured_broker.broker, f"city-{uuid4().hex[:8]}")
    connected.prepare()
    return connected


def as_user(city: Connected, principal: str) -> Connected:
    """Return the same as somebody sees it who has the listed rights."""
    name = f"{principal.replace(' ', '-')}-{uuid4().hex[:8]}"
    user = add_user(city.broker, name, *documented(principal, city.city))
    return Connected(city.log, user, city.city)


def test_the_relay_relays_and_verifies(city: Connected) -> None:
    city.happen(5)

    relay = as_user(city, "relay")
    relay.relay()

    assert relay.reconciled().is_clean


def test_contacts_are_taken_and_rejected(city: Connected, tmp_path: Path) -> None:
    gateway = Gateway(city.log, "pbx", tmp_path / "unused")
    send(as_user(city, "a gateway").broker, city.contacts.name, [*gateway.call(), b"nonsense"])

    test_contacts.tell(as_user(city, "contacts"))

    assert len(gateway.types()) == 6
    assert len(test_contacts.rejections(city)) == 1


def test_a_replica_is_filled(city: Connected, replica: Database) -> None:
    city.happen(5)
    city.relay()

    test_replica.filled(as_user(city, "replica"), replica)

    assert test_replica.records(replica) == test_replica.records(city.database)


def test_a_service_reads_the_events(city: Connected) -> None:
    city.happen(5)
    city.relay()

    records = read_topic(as_user(city, "a service").broker, city.events.name)

    assert len(records) == city.position()


def test_a_service_may_not_write_events(city: Connected) -> None:
    city.happen(1)

    with pytest.raises(BrokerError, match="refuses"):
        as_user(city, "a service").relay()


def works(city: Connected, principal: str) -> list[Callable[[Event], None]]:
    """Return what somebody runs."""
    if principal == "relay":
        return [Relay(city.broker, city.database, Events(city.events), "events").run]
    return [test_contacts.consumer(city).run, test_contacts.rejecting(city).run]


def one_less(principal: str) -> list[tuple[str, int, int]]:
    """Return who, and the place of each right that they could lack."""
    rights = documented(principal, "any")
    return [
        (principal, n, m) for n, right in enumerate(rights) for m in range(len(right.operations))
    ]


@pytest.mark.soak
@pytest.mark.parametrize(
    ("principal", "n", "m"), [c for p in ("relay", "contacts") for c in one_less(p)]
)
def test_no_right_is_listed_that_is_not_needed(
    city: Connected, principal: str, n: int, m: int
) -> None:
    rights = documented(principal, city.city)
    left = [op for place, op in enumerate(rights[n].operations) if place != m]
    rights[n] = rights[n]._replace(operations=left)
    user = add_user(city.broker, f"{principal}-{uuid4().hex[:8]}", *rights)
    city.happen(3)
    city.relay()
    test_contacts.tell(city, b"nonsense")  # what a topic holds already has to be read
    city.happen(1, seed=2)
    send(city.broker, city.contacts.name, [b"more of it"])

    with (
        pytest.raises(BrokerError, match="refuses"),
        running(*works(Connected(city.log, user, city.city), principal)) as is_running,
    ):
        await_condition(lambda: not is_running())

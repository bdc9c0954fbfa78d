"""`dasan relay --verify` names what the topic has otherwise than the log, and where."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from kafka import KafkaProducer

from consumers.ends import headers
from consumers.sending import Outgoing, partition_of
from consumers.verifying import MAX_NAMED
from eventlog.reader import identity, read
from tests.consumers.connected import Connected
from tests.consumers.reading import read_topic


@pytest.fixture
def log_id(connected: Connected) -> UUID:
    with connected.database.connect() as connection:
        return identity(connection).log_id


def rows(connected: Connected) -> list[Outgoing]:
    with connected.database.connect() as connection:
        return [
            Outgoing(row.position, str(row.stream).encode(), row.record)
            for row in read(connection, after=0)
        ]


class Intruder:
    """Somebody who writes to the topic past the relay."""

    def __init__(self, connected: Connected, log_id: UUID) -> None:
        self._connected = connected
        self._log_id = log_id
        self._partitions = connected.known.partitions
        self.producer = KafkaProducer(**connected.broker.client)

    def send(
        self,
        row: Outgoing,
        *,
        log_id: UUID | None = None,
        partition: int | None = None,
        content_type: bytes | None = None,
    ) -> None:
        told = headers(row.position, log_id or self._log_id)
        if content_type:
            told[0] = (told[0][0], content_type)
        home = partition_of(row.key, self._partitions)
        self.producer.send(
            self._connected.events.name,
            row.value,
            key=row.key,
            headers=told,
            partition=home if partition is None else partition,
        )
        self.producer.flush()


@pytest.fixture
def intruder(connected: Connected, log_id: UUID) -> Iterator[Intruder]:
    intruder = Intruder(connected, log_id)
    yield intruder
    intruder.producer.close()


def test_a_topic_that_is_the_log_is_clean(connected: Connected) -> None:
    connected.happen(30)
    connected.relay()

    found = connected.reconciled()

    assert found.is_clean
    assert found.named == []
    assert found.records == found.position == connected.position()


def test_what_was_acknowledged_and_is_not_there_is_missing(connected: Connected) -> None:
    connected.happen(10)
    connected.relay()
    first = read_topic(connected.broker, connected.events.name)[0]
    connected.expire(connected.events, first.partition, before=first.offset + 1)

    found = connected.reconciled()

    position = dict(first.headers)["position"].decode()
    assert not found.is_clean
    assert (found.missing, found.different, found.duplicates) == (1, 0, 0)
    assert found.named == [f"position {position} is missing, the first of 1"]


def test_what_is_not_acknowledged_yet_is_not_missing(connected: Connected) -> None:
    connected.happen(5)
    connected.relay()
    connected.happen(5, seed=2)

    assert connected.reconciled().is_clean


def test_a_copy_is_counted_and_named(connected: Connected, intruder: Intruder) -> None:
    connected.happen(5)
    connected.relay()
    row = rows(connected)[0]
    intruder.send(row)

    found = connected.reconciled()

    assert not found.is_clean
    assert (found.missing, found.different, found.duplicates) == (0, 0, 1)
    assert "is a copy of position 1" in found.named[0]


def test_records_out_of_order_are_named(connected: Connected, intruder: Intruder) -> None:
    connected.happen(1, events=2)
    first, last = rows(connected)
    intruder.send(last)
    intruder.send(first)

    found = connected.reconciled()

    assert found.different == 1
    assert found.named[0].endswith(f"position {first.position}, comes after {last.position}")


def test_other_bytes_are_named(connected: Connected, intruder: Intruder) -> None:
    connected.happen(1)
    row = rows(connected)[0]
    intruder.send(row._replace(value=row.value.replace(b'"actor"', b'"aktor"')))

    assert "position 1, has other bytes than the log" in connected.reconciled().named[0]


def test_another_key_is_named(connected: Connected, intruder: Intruder) -> None:
    connected.happen(1)
    intruder.send(rows(connected)[0]._replace(key=b"another"))

    assert "has another key than its stream" in connected.reconciled().named[0]


def test_another_partition_is_named(connected: Connected, intruder: Intruder) -> None:
    connected.happen(1)
    row = rows(connected)[0]
    intruder.send(row, partition=(partition_of(row.key, 4) + 1) % 4)

    assert "in another partition than its key" in connected.reconciled().named[0]


def test_another_content_type_is_named(connected: Connected, intruder: Intruder) -> None:
    connected.happen(1)
    intruder.send(rows(connected)[0], content_type=b"application/json")

    assert "another content type" in connected.reconciled().named[0]


def test_a_position_that_the_log_does_not_have_is_named(
    connected: Connected, intruder: Intruder
) -> None:
    connected.happen(1)
    intruder.send(rows(connected)[0]._replace(position=2**62))

    found = connected.reconciled()

    assert found.different == 1
    assert "is not in the log" in found.named[0]


def test_a_record_of_another_log_is_named(connected: Connected, intruder: Intruder) -> None:
    connected.happen(1)
    other = UUID(int=7)
    intruder.send(rows(connected)[0], log_id=other)

    assert f"is of the log {other}" in connected.reconciled().named[0]


def test_the_first_faults_are_named_and_all_are_counted(
    connected: Connected, intruder: Intruder
) -> None:
    connected.happen(1)
    row = rows(connected)[0]
    for _ in range(MAX_NAMED + 5):
        intruder.send(row._replace(position=99))

    found = connected.reconciled()

    assert found.different == MAX_NAMED + 5
    assert len(found.named) == MAX_NAMED

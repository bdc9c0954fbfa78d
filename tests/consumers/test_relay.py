"""What the topic of events holds: the log, in order, each record once, whoever sent it."""

import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Event
from uuid import uuid4

import orjson
import pytest
from kafka.admin import KafkaAdminClient
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import KafkaError

from consumers.checkpoints import Checkpoints
from consumers.ends import ForeignRecordError
from consumers.relay import DivergedError, Relay, leading
from consumers.remembering import prepare_remembered
from consumers.sending import Outgoing, Session
from consumers.topics import TopicError, require
from eventlog.checkpoint import Signer
from eventlog.growing import caught_up
from eventlog.log import assembled
from eventlog.reader import identity, read
from tests.conftest import Servers
from tests.consumers.connected import Connected, running
from tests.consumers.reading import read_topic
from tests.faults.harness import await_condition


def test_every_record_is_sent_as_it_stands_in_the_log(connected: Connected) -> None:
    connected.happen(20)

    connected.relay()

    records = read_topic(connected.broker, connected.events.name)
    with connected.database.connect() as connection:
        log = {row.position: row for row in read(connection, after=0)}
        log_id = str(identity(connection).log_id).encode()
    assert len(records) == len(log) > 20
    for record in records:
        headers = dict(record.headers)
        row = log.pop(int(headers["position"]))
        assert record.value == row.record
        assert record.key == str(row.stream).encode()
        assert headers["log-id"] == log_id
        assert headers["content-type"] == b"application/cloudevents+json; charset=UTF-8"
    assert log == {}


def test_the_events_of_an_inquiry_stand_in_one_partition_in_order(connected: Connected) -> None:
    connected.happen(30)

    connected.relay()

    versions = defaultdict(list)
    for record in read_topic(connected.broker, connected.events.name):
        event = orjson.loads(record.value)
        versions[event["subject"], record.partition].append(int(event["id"].split("/")[1]))
    assert len(versions) == 30
    assert all(told == sorted(told) for told in versions.values())


def test_a_relay_goes_on_where_another_stopped(connected: Connected) -> None:
    connected.happen(10)
    connected.relay()
    connected.happen(10, seed=2)

    connected.relay()

    assert connected.reconciled().is_clean
    assert connected.reconciled().records == connected.position()


def test_what_was_acknowledged_and_not_stored_is_not_sent_again(connected: Connected) -> None:
    connected.happen(10)
    connected.relay()
    with connected.database.connect_as_owner() as owner:
        owner.execute("UPDATE relay SET position = 0")

    connected.relay()

    assert connected.reconciled().records == connected.position()


def test_what_is_written_while_it_runs_is_sent(connected: Connected) -> None:
    with connected.relaying():
        await_condition(lambda: connected.relayed() == 0)
        connected.happen(5)
        goal = connected.position()
        await_condition(lambda: connected.relayed() == goal)

    assert connected.reconciled().is_clean


def test_one_leads_and_another_stands_by_until_the_lead_is_lost(
    connected: Connected, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    connected.happen(5)
    with connected.relaying(), connected.relaying():
        goal = connected.position()
        await_condition(lambda: connected.relayed() == goal)
        await_condition(lambda: "stands by" in caplog.text)
        assert caplog.text.count("leads, from") == 1

        cut_leader(connected)
        connected.happen(5, seed=2)

        goal = connected.position()
        await_condition(lambda: connected.relayed() == goal)
    assert caplog.text.count("leads, from") == 2
    assert connected.reconciled().is_clean


def test_a_sender_that_does_not_know_of_its_successor_is_shut_out(connected: Connected) -> None:
    connected.happen(5)
    rows = outgoing(connected)
    with connected.session() as earlier:
        earlier.send(rows[:3])
        with connected.session() as later:
            with pytest.raises(KafkaError):
                earlier.send(rows[3:])

            assert later.send(rows) == len(rows) - 3

    assert [r.value for r in read_by_position(connected)] == [row.value for row in rows]


def test_a_session_goes_on_behind_what_each_partition_has(connected: Connected) -> None:
    connected.happen(30)
    rows = outgoing(connected)
    with connected.session() as session:
        session.send(rows[:-7])

    with connected.session() as session:
        assert session.send(rows) == 7
        assert session.send([]) == 0


def test_a_topic_with_records_of_another_log_is_refused(
    connected: Connected, servers: Servers
) -> None:
    connected.happen(3)
    connected.relay()
    with other_log(connected, servers) as other:
        prepare_remembered(other.database)
        other.happen(1)

        with pytest.raises(ForeignRecordError, match="one topic is for one log"):
            other.relay()


def test_a_log_that_was_restored_from_a_backup_is_refused(
    connected: Connected, servers: Servers
) -> None:
    connected.happen(3)
    connected.relay()
    with other_log(connected, servers, same_id=True) as restored:
        prepare_remembered(restored.database)
        restored.happen(4, seed=2)

        with pytest.raises(DivergedError, match="restored from a backup or rewritten"):
            restored.relay()

    assert connected.reconciled().is_clean


def test_a_topic_with_another_number_of_partitions_is_refused(connected: Connected) -> None:
    connected.happen(3)
    connected.relay()
    admin = KafkaAdminClient(**connected.broker.client)
    admin.create_partitions({connected.events.name: connected.known.partitions + 1})
    admin.close()

    with pytest.raises(TopicError, match="was filled when it had"):
        connected.relay()


def test_a_topic_that_lost_its_records_is_filled_again_and_that_is_said(
    connected: Connected, caplog: pytest.LogCaptureFixture
) -> None:
    connected.happen(10)
    connected.relay()
    connected.remake(connected.events)
    connected.happen(1, seed=2)

    connected.relay()

    assert "lost records, which are sent again" in caplog.text
    assert connected.reconciled().records == connected.position()


@contextmanager
def other_log(
    connected: Connected, servers: Servers, *, same_id: bool = False
) -> Iterator[Connected]:
    """Another log that would send to the same topic; every log of the tests has the same id."""
    with servers.database(f"other_{uuid4().hex[:8]}") as database:
        if not same_id:
            with database.connect_as_owner() as owner:
                owner.execute("UPDATE log_identity SET log_id = gen_random_uuid()")
        with assembled(servers.settings, database, servers.keys) as log:
            yield replace(connected, log=log)


def test_a_topic_that_was_made_again_while_a_relay_led_is_not_taken_for_whole(
    connected: Connected,
) -> None:
    connected.happen(10)
    with connected.relaying():
        await_condition(lambda: connected.relayed() == connected.position())
        connected.remake(connected.events)
        connected.happen(5, seed=2)
        await_condition(lambda: connected.relayed() == connected.position())

    with pytest.raises(TopicError, match="was made again while a relay sent to it"):
        connected.relay()


def test_a_leader_that_stops_asking_loses_the_lead(connected: Connected) -> None:
    with leading(connected.database, connected.events.name, Event()) as connection:
        assert connection
        assert connection.execute("SHOW idle_session_timeout").fetchone() == ("1min",)


def outgoing(connected: Connected) -> list[Outgoing]:
    with connected.database.connect() as connection:
        return [
            Outgoing(row.position, str(row.stream).encode(), row.record)
            for row in read(connection, after=0)
        ]


def read_by_position(connected: Connected) -> list[ConsumerRecord]:
    records = read_topic(connected.broker, connected.events.name)
    return sorted(records, key=lambda record: int(dict(record.headers)["position"]))


def cut_leader(connected: Connected) -> None:
    with connected.database.connect_as_owner() as owner:
        [pid] = owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database d ON d.oid = database"
            " WHERE locktype = 'advisory' AND granted AND datname = current_database()"
        ).fetchall()
    assert pid == (True,)


def test_checkpoints_are_relayed_as_they_were_signed(connected: Connected) -> None:
    signer = Signer("/dasan/seoul", bytes(32))
    with connected.database.connect() as connection:
        for _ in range(2):
            connected.happen(3, seed=connected.position())
            caught_up(connection, signer)
        table = Checkpoints(connected.checkpoints)
        relay = Relay(connected.broker, connected.database, table, "checkpoints")

        with running(relay.run) as is_running:
            await_condition(
                lambda: (
                    connected.relayed(connected.checkpoints) == connected.position()
                    or not is_running()
                )
            )

        sizes = [
            signer.verifier.opened(record.value.decode()).size
            for record in read_topic(connected.broker, connected.checkpoints.name)
        ]
    assert len(sizes) == 2
    assert sizes[-1] == connected.position()


def test_a_topic_with_another_checkpoint_is_refused(connected: Connected) -> None:
    connected.happen(3)
    with connected.database.connect() as connection:
        log_id = identity(connection).log_id
        caught_up(connection, Signer("/dasan/seoul", bytes(32)))
        topic = require(connected.broker, connected.checkpoints)
        with Session(connected.broker, topic, log_id) as session:
            session.send([Outgoing(connected.position(), b"/dasan/seoul", b"another")])
    relay = Relay(
        connected.broker, connected.database, Checkpoints(connected.checkpoints), "checkpoints"
    )

    with pytest.raises(DivergedError, match="another checkpoint"), running(relay.run) as runs:
        await_condition(lambda: not runs())

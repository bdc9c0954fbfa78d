"""A log in another database: what the topic tells, up to the first gap, written by members."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from uuid import uuid4

import psycopg
import pytest
from kafka.consumer.fetcher import ConsumerRecord

from consumers.consuming import Consumer
from consumers.remembering import Move, offsets, prepare_remembered
from consumers.replica import MAX_RECORDS, Replica, ReplicaError, group, prepare_replica
from domain.inquiry import Inquiry
from domain.vocabulary import Channel
from eventlog.database import Database, prepare
from eventlog.log import assembled
from eventlog.reader import head, read
from eventlog.tree import root
from eventlog.writer import WriterError
from projections import runner
from projections.runner import Runner
from tests.conftest import Servers
from tests.consumers.connected import Connected, running
from tests.consumers.reading import read_topic
from tests.eventlog.examples import TIME
from tests.faults.harness import await_condition
from tests.projections.city import City
from tests.projections.histories import REQUEST


@pytest.fixture
def replica(servers: Servers) -> Iterator[Database]:
    """A database with an empty log, to be filled."""
    with empty_replica(servers) as database:
        yield database


@contextmanager
def empty_replica(servers: Servers) -> Iterator[Database]:
    with servers.database(f"replica_{uuid4().hex[:8]}", empty=True) as database:
        prepare(database, servers.settings, keys=None)
        runner.prepare(database, servers.settings.timezone)
        prepare_remembered(database)
        yield database


def consumer(connected: Connected, replica: Database) -> Consumer:
    name = group(connected.city, prepare_replica(replica))
    opened = partial(Replica.opened, replica)
    return Consumer(connected.broker, connected.events, name, opened, max_records=MAX_RECORDS)


def reached(replica: Database) -> int:
    with replica.connect() as connection:
        return head(connection)


def filled(connected: Connected, replica: Database, goal: int | None = None) -> None:
    """Let one member write what the topic has."""
    goal = connected.position() if goal is None else goal
    with running(consumer(connected, replica).run) as is_running:
        await_condition(lambda: reached(replica) >= goal or not is_running())


def records(database: Database) -> list[bytes]:
    with database.connect() as connection:
        return [row.record for row in read(connection, after=0, limit=100_000)]


def test_a_replica_holds_the_records_of_its_origin(connected: Connected, replica: Database) -> None:
    connected.happen(30)
    connected.relay()

    filled(connected, replica)

    assert records(replica) == records(connected.database)
    assert root(records(replica)) == root(records(connected.database))


def test_its_rows_and_its_identity_are_those_of_the_origin(
    connected: Connected, replica: Database
) -> None:
    connected.happen(5)
    connected.relay()

    filled(connected, replica)

    def rows(database: Database) -> list[tuple[object, ...]]:
        with database.connect() as connection:
            return [
                *connection.execute("SELECT * FROM log ORDER BY position"),
                *connection.execute("SELECT position, recordedtime FROM log_head"),
                *connection.execute("SELECT source, log_id FROM log_identity"),
            ]

    assert rows(replica) == rows(connected.database)


def test_the_usual_runner_keeps_its_views(connected: Connected, replica: Database) -> None:
    connected.happen(10)
    connected.relay()
    filled(connected, replica)

    with replica.connect() as ours, connected.database.connect() as theirs:
        Runner(ours).catch_up()
        Runner(theirs).catch_up()
        contents = [City(connected.log, each).contents() for each in (ours, theirs)]
    assert contents[0] == contents[1]
    assert contents[0]["inquiries.inquiry"]


def test_its_head_stops_before_a_gap_and_goes_on_once_it_is_closed(
    connected: Connected, replica: Database
) -> None:
    connected.happen(40)
    connected.relay()
    prepare_replica(replica)
    rest = parts(connected)
    first = rest.pop(next(n for n, part in rest.items() if position(part[0]) == 1))
    last_of_rest = max(position(part[-1]) for part in rest.values())

    for number, part in rest.items():
        write(replica, connected, number, part)
    before = reached(replica)
    write(replica, connected, 9, first)

    assert before == 0
    assert reached(replica) == max(last_of_rest, position(first[-1])) == connected.position()


def test_views_never_go_beyond_a_gap(connected: Connected, replica: Database) -> None:
    connected.happen(40)
    connected.relay()
    prepare_replica(replica)
    gap = min(position(part[0]) for part in parts(connected).values() if position(part[0]) > 1)
    for number, part in parts(connected).items():
        write(replica, connected, number, [r for r in part if position(r) != gap])

    with replica.connect() as connection:
        assert Runner(connection).catch_up() == gap - 1 < connected.position()


def test_rows_and_offsets_are_stored_together_or_not_at_all(
    connected: Connected, replica: Database
) -> None:
    connected.happen(10)
    connected.relay()
    prepare_replica(replica)
    number, part = next(iter(parts(connected).items()))
    write(replica, connected, number, part)

    with pytest.raises(psycopg.errors.SerializationFailure, match="somebody else reads"):
        write(replica, connected, number, part, begin=0)

    with replica.connect() as connection:
        assert offsets(connection, connected.known.id, [number]) == {number: part[-1].offset + 1}
        assert connection.execute("SELECT count(*) FROM log").fetchone() == (len(part),)


def test_what_comes_again_changes_nothing(connected: Connected, replica: Database) -> None:
    connected.happen(10)
    connected.relay()
    filled(connected, replica)
    with replica.connect_as_owner() as owner:
        owner.execute("UPDATE consumed SET next = 0")
    before = records(replica)
    connected.happen(1, seed=2)
    connected.relay()

    filled(connected, replica)

    assert records(replica)[: len(before)] == before
    assert records(replica) == records(connected.database)


def test_another_record_at_a_known_position_is_refused(
    connected: Connected, replica: Database
) -> None:
    connected.happen(3)
    connected.relay()
    filled(connected, replica)
    with replica.connect_as_owner() as owner:
        owner.execute("UPDATE consumed SET next = 0")
        owner.execute("ALTER TABLE log DISABLE TRIGGER ALL")
        owner.execute("UPDATE log SET record = record || ' ' WHERE position = 2")

    with pytest.raises(ReplicaError, match="another record at position 2"):
        filled(connected, replica, goal=connected.position() + 1)


def test_nobody_else_writes_to_a_replica(replica: Database, servers: Servers) -> None:
    prepare_replica(replica)
    inquiry = Inquiry.receive(uuid4(), at=TIME, channel=Channel.PHONE)

    with (
        assembled(servers.settings, replica, servers.keys) as log,
        pytest.raises(WriterError, match="this database is a replica"),
    ):
        log.inquiries.save_each([(inquiry, REQUEST)])

    assert reached(replica) == 0


def test_a_log_of_its_own_does_not_become_a_replica(connected: Connected) -> None:
    connected.happen(1)

    with pytest.raises(ReplicaError, match="holds a log of its own"):
        prepare_replica(connected.database)


def test_records_of_another_log_are_refused(connected: Connected, replica: Database) -> None:
    connected.happen(3)
    connected.relay()
    filled(connected, replica)
    with replica.connect_as_owner() as owner:
        owner.execute("UPDATE replica SET origin = gen_random_uuid()")
        owner.execute("UPDATE consumed SET next = 0")

    with pytest.raises(ReplicaError, match="the topic holds records of the log"):
        filled(connected, replica, goal=connected.position() + 1)


def test_a_replica_has_a_group_of_its_own(servers: Servers, replica: Database) -> None:
    with empty_replica(servers) as other:
        assert prepare_replica(other) != prepare_replica(replica) == prepare_replica(replica)


def test_members_come_and_go_while_it_is_filled(connected: Connected, replica: Database) -> None:
    connected.happen(20)
    with connected.relaying():
        with ExitStack() as members:
            for number in range(1, 5):
                members.enter_context(running(consumer(connected, replica).run))
                connected.happen(20, seed=10 + number)
            caught_up(connected, replica)
            connected.happen(20, seed=20)
        filled(connected, replica)

    assert records(replica) == records(connected.database)


def caught_up(connected: Connected, replica: Database) -> None:
    goal = connected.position()
    await_condition(lambda: reached(replica) >= goal)


def parts(connected: Connected) -> dict[int, list[ConsumerRecord]]:
    """Return the records of the topic by partition."""
    found: dict[int, list[ConsumerRecord]] = {}
    for record in read_topic(connected.broker, connected.events.name):
        found.setdefault(record.partition, []).append(record)
    return found


def position(record: ConsumerRecord) -> int:
    return int(dict(record.headers)["position"])


def write(
    replica: Database,
    connected: Connected,
    partition: int,
    part: Sequence[ConsumerRecord],
    begin: int | None = None,
) -> None:
    """Write records as a member does who reads the partition from where it is, or from `begin`."""
    topic = connected.known
    with Replica.opened(replica) as member:
        stored = offsets(member.connection, topic.id, [partition])[partition]
        at = stored if begin is None else begin
        member.handle(topic, [part], [Move(partition, at, part[-1].offset + 1)])
        member.finish()

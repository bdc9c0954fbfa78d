"""What the bulk append promises: it takes what continues the log, whole, and nothing else."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventlog import bulk
from eventlog.bulk import Bulk, BulkError, event_row, key_row
from eventlog.database import Database, make_once
from eventlog.inspection import inspect
from eventlog.log import Log
from eventlog.reader import head, read
from eventlog.record import MAX_RECORD_BYTES, STAMP, Record
from eventlog.vault import DataKey, key_id
from tests.conftest import Servers, append
from tests.eventlog.test_append import command, record

BEGINNING = datetime(2007, 9, 1, tzinfo=UTC)
NOON, END = BEGINNING + timedelta(hours=12), BEGINNING + timedelta(days=1)
A, B = UUID(int=0xA), UUID(int=0xB)
HISTORY = "a history"

Event = tuple[Record, datetime]


@contextmanager
def begun(database: Database, history: str = HISTORY) -> Iterator[Bulk]:
    with database.connect_as_owner() as connection:
        yield bulk.begun(database, connection, history, BEGINNING, END)


@pytest.fixture
def simulated(database: Database) -> Iterator[Bulk]:
    """A log that is marked as simulated, and empty."""
    with begun(database) as simulated:
        yield simulated


def take(
    simulated: Bulk, *events: Event, keys: Sequence[DataKey] = (), until: datetime = END
) -> int:
    key_rows = [key_row(key, b"kek") for key in keys]
    return simulated.append([event_row(*event) for event in events], key_rows, until=until)


def key(stream: UUID, *, durable: bool = False) -> DataKey:
    secret = b"s" * 32
    return DataKey(key_id(secret), stream, secret, b"w" * 40, durable)


def stored(database: Database) -> list[tuple[int, UUID, int]]:
    with database.connect() as connection:
        return [row[:3] for row in read(connection, after=0)]


def keys(database: Database) -> int:
    with database.connect() as connection:
        return len(connection.execute("SELECT FROM vault.key").fetchall())


def test_events_stand_in_the_order_in_which_they_are_staged(
    simulated: Bulk, database: Database
) -> None:
    taken = take(simulated, (record(B, 1), NOON), (record(A, 1), NOON), (record(B, 2), NOON))

    assert taken == 3
    assert stored(database) == [(1, B, 1), (2, A, 1), (3, B, 2)]


def test_the_next_batch_goes_on_where_the_log_stands(simulated: Bulk, database: Database) -> None:
    take(simulated, (record(A, 1), BEGINNING), until=NOON)

    take(simulated, (record(B, 1), NOON), (record(A, 2), NOON))

    assert stored(database) == [(1, A, 1), (2, B, 1), (3, A, 2)]


def test_position_and_the_given_time_are_stamped_into_the_bytes_and_nothing_else(
    simulated: Bulk, database: Database
) -> None:
    one, two, later = record(A, 1), record(A, 2), NOON + timedelta(microseconds=1_500)

    take(simulated, (one, NOON), (two, later))

    with database.connect() as connection:
        taken = [row.record for row in read(connection, after=0)]
        at = connection.execute("SELECT position, recordedtime FROM log_head").fetchone()
    assert [(json.loads(t)["sequence"], json.loads(t)["recordedtime"]) for t in taken] == [
        (f"{1:020}", "2007-09-01T12:00:00.000000Z"),
        (f"{2:020}", "2007-09-01T12:00:00.001500Z"),
    ]
    for given_, bytes_ in zip((one, two), taken, strict=True):
        place = slice(given_.stamp_at, given_.stamp_at + len(STAMP))
        assert bytes_.replace(bytes_[place], STAMP.encode()) == given_.record
    assert at == (2, later)


@pytest.mark.parametrize(
    "versions", [(2,), (1, 3), (1, 1), (2, 1)], ids=["no first", "a gap", "twice", "out of order"]
)
def test_versions_that_do_not_follow_are_refused(
    simulated: Bulk, database: Database, versions: tuple[int, ...]
) -> None:
    with pytest.raises(psycopg.IntegrityError, match=f"of {A} is due"):
        take(simulated, (record(B, 1), NOON), *((record(A, n), NOON) for n in versions))

    assert stored(database) == []


@pytest.mark.parametrize("version", [1, 3])
def test_a_version_that_the_log_holds_or_does_not_await_is_refused(
    simulated: Bulk, database: Database, version: int
) -> None:
    take(simulated, (record(A, 1), BEGINNING), until=NOON)

    with pytest.raises(psycopg.IntegrityError, match=f"version 2 of {A} is due"):
        take(simulated, (record(A, version), NOON))

    assert stored(database) == [(1, A, 1)]


def test_a_time_that_goes_back_is_refused(simulated: Bulk, database: Database) -> None:
    earlier = NOON - timedelta(microseconds=1)

    with pytest.raises(psycopg.IntegrityError, match=r"recorded at 2007-09-01 11:59:59.999999"):
        take(simulated, (record(A, 1), NOON), (record(A, 2), earlier))

    assert stored(database) == []


@pytest.mark.parametrize("at", [NOON - timedelta(microseconds=1), END])
def test_a_time_outside_the_batch_is_refused(
    simulated: Bulk, database: Database, at: datetime
) -> None:
    take(simulated, until=NOON)

    with pytest.raises(psycopg.IntegrityError, match="not from 2007-09-01 12:00:00"):
        take(simulated, (record(A, 1), at))

    assert stored(database) == []


def test_a_record_that_is_too_long_is_refused(simulated: Bulk, database: Database) -> None:
    whole = record(A, 1)
    longer = whole._replace(record=whole.record.ljust(MAX_RECORD_BYTES + 1))

    with pytest.raises(psycopg.IntegrityError, match="log_record_check"):
        take(simulated, (longer, NOON))

    assert stored(database) == []
    assert take(simulated, (longer._replace(record=longer.record[:-1]), NOON)) == 1


def test_keys_come_with_what_they_seal_and_not_without(simulated: Bulk, database: Database) -> None:
    with pytest.raises(psycopg.IntegrityError):
        take(simulated, (record(A, 2), NOON), keys=[key(A)])
    assert keys(database) == 0

    take(simulated, (record(A, 1), NOON), (record(A, 2), NOON), keys=[key(A), key(A, durable=True)])

    with database.connect() as connection:
        rows = connection.execute("SELECT kid, stream_id, wrapped, kek FROM vault.key").fetchall()
    assert rows == [(bytes.fromhex(key(A).kid), A, b"w" * 40, b"kek")]


def test_nothing_is_sealed_under_a_key_that_is_gone(simulated: Bulk, database: Database) -> None:
    with pytest.raises(psycopg.IntegrityError, match=f"a key of {A} was destroyed"):
        take(simulated, (record(A, 1), NOON), keys=[key(A, durable=True)])

    assert stored(database) == []


def test_a_log_that_is_not_marked_takes_no_recorded_times(database: Database) -> None:
    make_once(database, "log_simulation", files("eventlog").joinpath("bulk.sql").read_bytes())
    with database.connect_as_owner() as owner:
        owner.execute(bulk.STAGING)

        with pytest.raises(psycopg.Error, match="marked as simulated, no other"):
            take(Bulk(owner, BEGINNING), (record(A, 1), NOON))

    assert stored(database) == []


def test_a_log_of_other_events_is_not_marked(log: Log) -> None:
    append(log, command(record(A, 1)))

    with (
        pytest.raises(BulkError, match=r"holds 1 events .* \(another DASAN_HOME\) or leave out"),
        begun(log.database),
    ):
        pass

    with (
        log.database.connect_as_owner() as owner,
        pytest.raises(psycopg.Error, match="only an empty log can be marked as simulated"),
    ):
        owner.execute("INSERT INTO log_simulation VALUES (true, 'x', now())")


@pytest.mark.parametrize(
    "statement", ["DELETE FROM log_simulation", "UPDATE log_simulation SET history = 'x'"]
)
@pytest.mark.usefixtures("simulated")
def test_the_mark_stays(database: Database, statement: str) -> None:
    with (
        database.connect_as_owner() as owner,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"),
    ):
        owner.execute(statement.encode())


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        ("SELECT append_staged('2007-09-01', '2007-09-02')", "for function append_staged"),
        ("INSERT INTO log_simulation VALUES (true, 'x', now())", "table log_simulation"),
        ("UPDATE log_simulation SET upto = now()", "table log_simulation"),
    ],
)
@pytest.mark.usefixtures("simulated")
def test_the_service_cannot_say_when_something_was_recorded(
    database: Database, statement: str, place: str
) -> None:
    with database.connect() as service:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match=place):
            service.execute(statement.encode())

        assert service.execute("SELECT history FROM log_simulation").fetchone() == (HISTORY,)


def test_a_log_that_is_marked_takes_what_happens_now(log: Log) -> None:
    with begun(log.database) as simulated:
        take(simulated, (record(A, 1), NOON))

    append(log, command(record(A, 2)))

    assert stored(log.database) == [(1, A, 1), (2, A, 2)]


def test_a_history_goes_on_where_it_broke_off(simulated: Bulk, database: Database) -> None:
    take(simulated, (record(A, 1), BEGINNING), until=NOON)

    with begun(database) as again:
        assert again.upto == NOON
        take(again, (record(A, 2), NOON))

    assert stored(database) == [(1, A, 1), (2, A, 2)]


@pytest.mark.usefixtures("simulated")
def test_another_history_is_refused(database: Database) -> None:
    with (
        pytest.raises(BulkError, match="holds the simulated history a history, not another"),
        begun(database, "another"),
    ):
        pass


def test_of_two_runs_at_a_time_one_goes_on(simulated: Bulk, database: Database) -> None:
    with begun(database) as other:
        take(other, (record(A, 1), BEGINNING), until=NOON)

    with pytest.raises(psycopg.Error, match="another run has gone on"):
        take(simulated, (record(A, 1), BEGINNING), until=NOON)

    assert stored(database) == [(1, A, 1)]


def test_a_history_that_broke_off_cannot_go_on_in_a_log_that_has(log: Log) -> None:
    with begun(log.database) as simulated:
        take(simulated, (record(A, 1), BEGINNING), until=NOON)
    append(log, command(record(A, 2)))

    with (
        pytest.raises(BulkError, match=r"has gone on .* times cannot go back\. Use an empty"),
        begun(log.database),
    ):
        pass


def test_a_history_that_is_whole_stays_so_in_a_log_that_goes_on(log: Log) -> None:
    with begun(log.database) as simulated:
        take(simulated, (record(A, 1), BEGINNING))
    append(log, command(record(A, 2)))

    with begun(log.database) as again:
        assert again.upto == END


@pytest.fixture(scope="module")
def shared(servers: Servers) -> Iterator[tuple[Database, Bulk]]:
    with servers.database("test_bulk_shared") as database, begun(database) as simulated:
        yield database, simulated


# A stream, how far its version is from the one that is due, and minutes since the event before.
drawn_events = st.lists(
    st.tuples(
        st.integers(0, 2), st.sampled_from([0] * 12 + [1, -1]), st.sampled_from([0] * 12 + [1, -1])
    ),
    max_size=8,
)


@given(drawn_events)
@settings(deadline=None, max_examples=60)
def test_a_batch_is_taken_whole_if_it_continues_the_log_and_not_at_all_otherwise(
    shared: tuple[Database, Bulk], drawn: list[tuple[int, int, int]]
) -> None:
    database, simulated = shared
    streams, due = [uuid4() for _ in range(3)], [1, 1, 1]
    at, until = simulated.upto + timedelta(minutes=10), simulated.upto + timedelta(minutes=30)
    staged: list[Event] = []
    for number, drift, minutes in drawn:
        at += timedelta(minutes=minutes)
        staged.append((record(streams[number], due[number] + drift), at))
        due[number] += 1
    times = [at for _, at in staged]
    continues = times == sorted(times) and not any(drift for _, drift, _ in drawn)
    with database.connect() as connection:
        before = head(connection)

        try:
            taken = take(simulated, *staged, until=until)
        except psycopg.IntegrityError:
            taken = None

        rows = read(connection, after=before)
        assert inspect(connection, before + len(rows)).fault is None
    placed = [(one.stream, one.version) for one, _ in staged] if continues else []
    assert [(row.stream, row.version) for row in rows] == placed
    assert taken == (len(staged) if continues else None)

"""What the append function promises, asked of it directly."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Self
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.request import Idempotency
from eventlog import writer
from eventlog.log import Log, assembled
from eventlog.reader import head, read
from eventlog.record import Record, envelope
from eventlog.vault import DataKey, key_id
from eventlog.writer import Answer, Command, Outcome, WriterError
from tests.conftest import Servers, append
from tests.eventlog.examples import REQUEST

AT = datetime(2012, 2, 29, tzinfo=UTC)


def record(stream: UUID, version: int, type_: str = "inquiry.linked.v1") -> Record:
    return envelope(
        source="/dasan/seoul", request=REQUEST, stream=stream, version=version, time=AT,
        type_=type_, data=b'{"kind":"repeat"}',
    )  # fmt: skip


def command(
    *records: Record, key: str | None = None, body: bytes = b"b" * 32, keys: Sequence[DataKey] = ()
) -> Command:
    idempotency = Idempotency("client", key, body) if key else None
    return Command(records, keys, idempotency, response=f"answer to {key}")


def outcomes(answers: Sequence[Answer]) -> list[str]:
    return [answer.outcome for answer in answers]


def stored(log: Log) -> list[tuple[int, UUID, int]]:
    with log.database.connect() as connection:
        return [row[:3] for row in read(connection, after=0, limit=10_000)]


def test_positions_follow_the_order_of_the_commands(log: Log) -> None:
    a, b = uuid4(), uuid4()

    answers = append(log, command(record(a, 1), record(a, 2)), command(record(b, 1)))

    assert [answer[1:3] for answer in answers] == [(1, 2), (3, 3)]
    assert stored(log) == [(1, a, 1), (2, a, 2), (3, b, 1)]


def test_position_and_recorded_time_are_stamped_into_the_bytes(log: Log) -> None:
    append(log, command(record(uuid4(), 1)), command(record(uuid4(), 1)))

    with log.database.connect() as connection:
        told = [json.loads(row.record) for row in read(connection, after=0)]
        at = connection.execute("SELECT recordedtime FROM log_head").fetchone()
    assert [event["sequence"] for event in told] == [f"{n:020}" for n in (1, 2)]
    assert at == (datetime.fromisoformat(told[1]["recordedtime"]),)


def test_recorded_time_never_runs_backwards(log: Log) -> None:
    with log.database.connect_as_owner() as owner:
        owner.execute("UPDATE log_head SET recordedtime = '2999-01-01T00:00:00Z'")

    append(log, command(record(uuid4(), 1)))

    with log.database.connect() as connection:
        told = json.loads(read(connection, after=0)[0].record)
    assert told["recordedtime"] == "2999-01-01T00:00:00.000000Z"


def test_a_stream_stays_of_its_kind(log: Log) -> None:
    a = uuid4()
    append(log, command(record(a, 1)))

    answers = append(log, command(record(a, 2, "citizen.held.v1")), command(record(a, 2)))

    assert outcomes(answers) == ["other-kind", "accepted"]


def test_two_kinds_begin_no_stream_together(log: Log) -> None:
    a, b = uuid4(), uuid4()

    answers = append(
        log,
        command(record(a, 1)),
        command(record(a, 2, "citizen.held.v1")),
        command(record(b, 1, "statement.published.v1"), record(b, 2)),
    )

    assert outcomes(answers) == ["accepted", "other-kind", "other-kind"]


def test_nothing_is_appended_while_the_database_is_far_ahead(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Behind(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return super().now(tz) - timedelta(minutes=11)

    monkeypatch.setattr(writer, "datetime", Behind)

    with pytest.raises(WriterError, match="the clock of the database is at "):
        append(log, command(record(uuid4(), 1)))


def test_a_version_that_is_taken_is_a_conflict_and_records_nothing(log: Log) -> None:
    a = uuid4()
    append(log, command(record(a, 1)))

    answers = append(log, command(record(a, 1), record(a, 2)))

    assert outcomes(answers) == ["conflict"]
    assert stored(log) == [(1, a, 1)]


def test_a_version_that_leaves_a_gap_is_a_conflict(log: Log) -> None:
    a = uuid4()

    assert outcomes(append(log, command(record(a, 2)))) == ["conflict"]
    assert outcomes(append(log, command(record(a, 1), record(a, 3)))) == ["conflict"]


def test_a_conflict_fails_its_own_command_only(log: Log) -> None:
    a, b = uuid4(), uuid4()
    append(log, command(record(a, 1)))

    answers = append(
        log,
        command(record(b, 1)),
        command(record(a, 1)),
        command(record(a, 2)),
        command(record(b, 2)),
    )

    assert outcomes(answers) == ["accepted", "conflict", "accepted", "accepted"]
    assert stored(log) == [(1, a, 1), (2, b, 1), (3, a, 2), (4, b, 2)]


def test_a_refused_command_is_no_ground_for_the_next_one(log: Log) -> None:
    a = uuid4()

    answers = append(log, command(record(a, 2)), command(record(a, 3)), command(record(a, 1)))

    assert outcomes(answers) == ["conflict", "conflict", "accepted"]
    assert stored(log) == [(1, a, 1)]


def test_a_command_on_several_streams_is_taken_whole_or_not_at_all(log: Log) -> None:
    a, b = uuid4(), uuid4()
    append(log, command(record(b, 1)))

    answers = append(log, command(record(a, 1), record(b, 1)))

    assert outcomes(answers) == ["conflict"]
    assert stored(log) == [(1, b, 1)]


def test_a_key_seen_before_gets_its_first_answer(log: Log) -> None:
    first = append(log, command(record(uuid4(), 1), key="k"))[0]

    again = append(log, command(record(uuid4(), 1), key="k"))[0]

    assert again == (Outcome.REPEATED, first.first_position, first.last_position, "answer to k")
    assert len(stored(log)) == 1


def test_the_first_answer_holds_although_the_stream_has_moved(log: Log) -> None:
    a = uuid4()
    append(log, command(record(a, 1), key="k"))
    append(log, command(record(a, 2)))

    assert outcomes(append(log, command(record(a, 1), key="k"))) == ["repeated"]


def test_a_key_with_another_body_is_refused(log: Log) -> None:
    append(log, command(record(uuid4(), 1), key="k"))

    answers = append(log, command(record(uuid4(), 1), key="k", body=b"x" * 32))

    assert outcomes(answers) == ["key-reused"]
    assert len(stored(log)) == 1


def test_the_same_key_twice_in_one_batch_makes_one_event(log: Log) -> None:
    a, b = uuid4(), uuid4()

    answers = append(log, command(record(a, 1), key="k"), command(record(b, 1), key="k"))

    assert answers[1] == (Outcome.REPEATED, 1, 1, "answer to k")
    assert stored(log) == [(1, a, 1)]


def test_a_refused_command_does_not_use_up_its_key(log: Log) -> None:
    a = uuid4()

    answers = append(log, command(record(a, 2), key="k"), command(record(a, 1), key="k"))

    assert outcomes(answers) == ["conflict", "accepted"]


def test_a_command_without_events_is_remembered(log: Log) -> None:
    append(log, command(key="k"))

    assert append(log, command(key="k")) == [(Outcome.REPEATED, None, None, "answer to k")]


def test_a_new_key_is_durable_with_the_events_it_sealed(log: Log) -> None:
    a = uuid4()
    secret = b"s" * 32
    key = DataKey(key_id(secret), a, secret, b"w" * 40, durable=False)

    append(log, command(record(a, 1), keys=[key]), command(record(a, 7), keys=[key]))

    with log.database.connect() as connection:
        assert connection.execute("SELECT stream_id, wrapped FROM vault.key").fetchall() == [
            (a, b"w" * 40)
        ]


def test_nothing_is_sealed_under_a_key_that_is_gone(log: Log) -> None:
    a, b = uuid4(), uuid4()
    key = DataKey(key_id(b"s" * 32), a, b"s" * 32, b"w" * 40, durable=True)

    answers = append(log, command(record(a, 1), keys=[key]), command(record(b, 1)))

    assert outcomes(answers) == ["key-gone", "accepted"]
    assert stored(log) == [(1, b, 1)]


def test_a_command_that_the_database_rejects_fails_alone(log: Log) -> None:
    a, b = uuid4(), uuid4()
    broken = record(b, 1)._replace(record=b"x" * 70_000)

    with pytest.raises(WriterError, match="log_record_check"):
        append(log, command(broken))

    assert outcomes(append(log, command(record(a, 1)))) == ["accepted"]


@pytest.mark.parametrize(
    "statement", ["UPDATE log SET version = 9", "DELETE FROM log", "TRUNCATE log"]
)
def test_the_log_cannot_be_changed_even_by_its_owner(log: Log, statement: str) -> None:
    append(log, command(record(uuid4(), 1)))

    with log.database.connect_as_owner() as owner:
        owner.execute("SET session_replication_role = replica")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            owner.execute(statement.encode())


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO log VALUES (1, gen_random_uuid(), 1, 'x', 'x')",
        "UPDATE log_head SET position = 0",
        "DELETE FROM command",
        "UPDATE vault.key SET wrapped = ''",
        "ALTER TABLE log DISABLE TRIGGER ALL",
        "SET ROLE postgres",
    ],
)
def test_the_service_may_only_call_the_function(log: Log, statement: str) -> None:
    with log.database.connect() as connection, pytest.raises(psycopg.Error):
        connection.execute(statement.encode())


def test_an_auditor_reads_the_log_and_no_keys(log: Log) -> None:
    with log.database.connect_as_owner() as owner:
        owner.execute("SET ROLE dasan_auditor")

        assert head(owner) == 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            owner.execute("SELECT * FROM vault.key")


def test_answers_are_kept_for_72_hours(log: Log) -> None:
    append(log, command(record(uuid4(), 1), key="old"), command(record(uuid4(), 1), key="new"))
    with log.database.connect_as_owner() as owner:
        owner.execute(
            "UPDATE command SET recordedtime = now() - interval '73 hours' WHERE key = 'old'"
        )

    with log.database.connect() as connection:
        assert connection.execute("SELECT forget_old_answers()").fetchone() == (1,)

    assert outcomes(append(log, command(record(uuid4(), 1), key="new"))) == ["repeated"]


@pytest.fixture(scope="module")
def shared_log(servers: Servers) -> Iterator[Log]:
    with (
        servers.database("test_append_shared") as database,
        assembled(servers.settings, database, servers.keys) as log,
    ):
        yield log


# One stream number and a version for each event, a key or none for each command.
commands = st.lists(
    st.tuples(
        st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4)), max_size=3),
        st.sampled_from([None, None, "k1", "k2"]),
    ),
    min_size=1,
    max_size=8,
)


@given(commands, st.data())
@settings(deadline=None, max_examples=60)
def test_a_batch_does_what_its_commands_do_one_by_one(
    shared_log: Log, drawn: list[tuple[list[tuple[int, int]], str | None]], data: st.DataObject
) -> None:
    split = data.draw(st.integers(0, len(drawn)))

    def run(batches: list[list[int]]) -> tuple[list[str], list[tuple[int, int]]]:
        streams = [uuid4() for _ in range(3)]
        run_id = uuid4()
        made = [
            command(
                *(record(streams[stream], version) for stream, version in events),
                key=key and f"{run_id}{key}",
            )
            for events, key in drawn
        ]
        with shared_log.database.connect() as connection:
            before = head(connection)
            told = [
                answer
                for batch in batches if batch
                for answer in append(shared_log, *(made[n] for n in batch))
            ]  # fmt: skip
            rows = read(connection, after=before)
        return outcomes(told), [(streams.index(row.stream), row.version) for row in rows]

    numbers = list(range(len(drawn)))
    one_by_one = run([[n] for n in numbers])

    assert run([numbers]) == one_by_one
    assert run([numbers[:split], numbers[split:]]) == one_by_one

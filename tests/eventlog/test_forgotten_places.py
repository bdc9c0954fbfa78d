"""What is left of a citizen who was forgotten, in every place that the database has."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from psycopg import sql

from eventlog.database import Database
from eventlog.log import Log, assembled
from importers.contact_pending import prepare_pending
from tests.conftest import Servers
from tests.eventlog.forgotten import (
    QUESTION,
    asked,
    dumped,
    events,
    forget,
    keyed,
    known,
    new_number,
    rows,
)

PATIENCE_S = 20.0


@pytest.fixture(scope="module")
def log(servers: Servers) -> Iterator[Log]:
    """A line that the tests share; each has citizens of its own."""
    with (
        servers.database("places") as database,
        assembled(servers.settings, database, servers.keys) as log,
    ):
        prepare_pending(database)
        yield log


def wrapped_key(log: Log, inquiry: UUID) -> bytes:
    [(wrapped,)] = rows(log, "SELECT wrapped FROM vault.key WHERE stream_id = %s", inquiry)
    assert isinstance(wrapped, bytes)
    return wrapped


def told_of(database: Database, stream: UUID) -> None:
    """A step of the inquiry waits, and one was rejected."""
    with database.connect_as_owner() as owner:
        owner.execute(
            "INSERT INTO vault.pending (ref, stream_id, step) VALUES (%s, %s, 'waits')",
            [f"p{stream}", stream],
        )
        owner.execute(
            "INSERT INTO vault.rejected (ref, stream_id, origin, reason, message)"
            " VALUES (%s, %s, 'topic/0@1', 'the channel is 꽃', 'rejected')",
            [f"r{stream}", stream],
        )


def test_neither_key_nor_look_up_nor_answer_is_left_in_a_dump(log: Log) -> None:
    citizen = known(log, number := new_number())
    inquiry = asked(log, citizen)
    look_up = log.keys.hashed("telephone", number)
    traces = (wrapped_key(log, inquiry), look_up, f"{inquiry}/1".encode() + b"\t")
    before = dumped(log.database)

    forget(log, citizen)

    after = dumped(log.database)
    assert [trace in before for trace in traces] == [True, True, True]
    assert [trace in after for trace in traces] == [False, False, False]
    assert QUESTION.encode() not in after


def test_dead_keys_leave_the_file_of_their_table(log: Log) -> None:
    inquiry = asked(log, citizen := known(log))
    wrapped = wrapped_key(log, inquiry)

    forget(log, citizen)

    with log.database.connect_as_owner() as owner:
        owner.execute("CHECKPOINT")
        row = owner.execute(
            "SELECT pg_read_binary_file(pg_relation_filepath('vault.key'))"
        ).fetchone()
    assert row is not None
    assert wrapped not in row[0]


def test_the_planners_statistics_keep_no_sample_of_what_is_to_be_forgotten(log: Log) -> None:
    told_of(log.database, asked(log, known(log)))
    tables = ["vault.key", "vault.lookup", "vault.pending", "vault.rejected", "command"]
    with log.database.connect_as_owner() as owner:
        for table in tables:
            owner.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(*table.split("."))))

    sampled = rows(log, "SELECT attname FROM pg_stats WHERE schemaname IN ('vault', 'public')")
    forgettable = {"wrapped", "hash", "step", "message", "reason", "fingerprint", "response"}
    assert {name for (name,) in sampled} & forgettable == set()


def test_answers_to_the_citizens_commands_are_forgotten_and_those_to_others_stay(log: Log) -> None:
    inquiry, other = asked(log, citizen := known(log)), asked(log)

    forget(log, citizen, keyed("forget"))

    answered = {key for (key,) in rows(log, "SELECT key FROM command")}
    assert answered & {str(inquiry), str(other), "forget"} == {str(other), "forget"}


def test_steps_that_wait_and_those_that_were_rejected_are_forgotten(log: Log) -> None:
    inquiry, other = asked(log, citizen := known(log)), uuid4()
    told_of(log.database, inquiry)
    told_of(log.database, other)

    forget(log, citizen)

    waiting = rows(log, "SELECT stream_id FROM vault.pending")
    assert {stream for (stream,) in waiting} & {inquiry, other} == {other}
    rejected = rows(log, "SELECT stream_id, reason, message FROM vault.rejected")
    assert (inquiry, "forgotten", None) in rejected
    assert (other, "the channel is 꽃", b"rejected") in rejected


def test_a_step_that_somebody_settles_meanwhile_is_waited_for_without_the_order(log: Log) -> None:
    """Whoever settles it may wait for the order: if we waited with it, both would for ever."""
    inquiry = asked(log, citizen := known(log))
    told_of(log.database, inquiry)
    before = events(log)
    with log.database.connect_as_owner() as settling, ThreadPoolExecutor(1) as pool:
        with settling.transaction():
            settling.execute("SELECT FROM vault.pending WHERE stream_id = %s FOR UPDATE", [inquiry])
            forgetting = pool.submit(forget, log, citizen)
            give_up_at = time.monotonic() + PATIENCE_S
            while events(log) == before:
                assert time.monotonic() < give_up_at
            settling.execute("SELECT FROM log_head FOR UPDATE")
        forgetting.result()

    assert rows(log, "SELECT FROM vault.pending WHERE stream_id = %s", inquiry) == []

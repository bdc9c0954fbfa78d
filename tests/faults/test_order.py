"""The order of the log is the order of commits, whatever order transactions began in."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Semaphore
from uuid import uuid4

import pytest
from psycopg import Connection

from eventlog import reader
from eventlog.log import Log
from eventlog.reader import StoredRecord
from eventlog.writer import Command, Outcome
from tests.faults.harness import PATIENCE_S, await_condition
from tests.faults.subjects import append_on, command_of, inquiry_of, request_of


def command(log: Log, events: int = 1) -> Command:
    inquiry_id = uuid4()
    return command_of(log, inquiry_of(inquiry_id, events), request_of(str(inquiry_id), log.keys))


def followed(log: Log, looks: Callable[[], object] = lambda: None) -> Iterator[StoredRecord]:
    """Yield records as a follower gets them, calling `looks` before each look at the log.

    It gives up when nothing comes for too long.
    """
    give_up_at = time.monotonic() + PATIENCE_S

    def stop() -> bool:
        looks()
        return time.monotonic() > give_up_at

    with log.database.connect() as connection:
        yield from reader.follow(connection, after=0, stop=stop)


def await_blocked(log: Log, connection: Connection) -> None:
    pid = connection.info.backend_pid

    def blocked() -> bool:
        with log.database.connect_as_owner() as owner:
            row = owner.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", [pid]).fetchone()
            return row is not None and bool(row[0])

    await_condition(blocked)


@pytest.mark.parametrize("slow_commits", [True, False])
def test_nobody_overtakes_a_slow_transaction(log: Log, slow_commits: bool) -> None:
    with (
        log.database.connect() as slow,
        log.database.connect() as quick,
        ThreadPoolExecutor(1) as thread,
    ):
        with slow.transaction(force_rollback=not slow_commits):
            append_on(slow, command(log, events=2), log.keys)
            later = thread.submit(append_on, quick, command(log), log.keys)
            await_blocked(log, quick)
            with log.database.connect() as connection:
                assert reader.read(connection, after=0) == []
        answer = later.result()

    assert answer.first_position == (3 if slow_commits else 1)
    with log.database.connect() as connection:
        positions = [row.position for row in reader.read(connection, after=0)]
    assert positions == ([1, 2, 3] if slow_commits else [1])


def test_an_older_transaction_that_commits_later_comes_later(log: Log) -> None:
    both = command(log, events=2)
    first = replace(both, records=both.records[:1])
    second = replace(both, records=both.records[1:], idempotency=None)
    with (
        log.database.connect() as oldest,
        log.database.connect() as older,
        log.database.connect() as quick,
        oldest.transaction(),
    ):
        oldest.execute("SELECT pg_current_xact_id()")
        with older.transaction():
            older.execute("SELECT pg_current_xact_id()")
            assert append_on(quick, first, log.keys).outcome is Outcome.ACCEPTED
            assert append_on(older, second, log.keys).outcome is Outcome.ACCEPTED

        records = followed(log)
        seen = [next(records), next(records)]

    assert [record.version for record in seen] == [1, 2]
    assert [record.position for record in seen] == [1, 2]


def test_an_event_from_before_the_follower_arrives_without_another_one(log: Log) -> None:
    receipt = log.inquiries.receive(inquiry_of(uuid4(), 1), request_of("k1", log.keys))

    assert next(followed(log)).stream == receipt.inquiry_id


def test_an_event_that_comes_while_the_follower_waits_arrives_without_another_one(log: Log) -> None:
    looks = Semaphore(0)
    with ThreadPoolExecutor(1) as thread:
        arrives = thread.submit(next, followed(log, looks.release))
        for _ in range(2):  # so that it has found nothing once
            assert looks.acquire(timeout=PATIENCE_S)

        receipt = log.inquiries.receive(inquiry_of(uuid4(), 1), request_of("k1", log.keys))

        assert arrives.result().stream == receipt.inquiry_id

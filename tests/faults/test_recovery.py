"""Every connection of the server is terminated while it works: nobody has to do anything."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import psycopg
import pytest

from domain.inquiries import Receipt
from eventlog import reader
from eventlog.database import Database
from eventlog.log import Log
from tests.faults.harness import await_condition
from tests.faults.subjects import inquiry_of, request_of

WRITERS = 8
EVENTS = 3


def terminate_everybody(database: Database) -> None:
    with database.connect_as_owner() as owner:
        owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def followed(database: Database, stop: threading.Event) -> Iterator[reader.StoredRecord]:
    """Yield records, and begin again after the last one whenever the connection is lost."""
    after = 0
    while not stop.is_set():
        try:
            with database.connect() as connection:
                for record in reader.follow(connection, after=after, stop=stop.is_set):
                    after = record.position
                    yield record
        except psycopg.OperationalError:
            continue


@pytest.mark.parametrize(
    ("commands", "rounds"), [(40, 3), pytest.param(1_000, 30, marks=pytest.mark.faults)]
)
def test_nothing_is_lost_when_every_connection_is_terminated(
    log: Log, commands: int, rounds: int
) -> None:
    stop = threading.Event()
    delivered: list[reader.StoredRecord] = []
    receipts: list[Receipt] = []

    def write(ids: Sequence[UUID]) -> None:
        for inquiry_id in ids:
            request = request_of(str(inquiry_id), log.keys)
            receipts.append(log.inquiries.receive(inquiry_of(inquiry_id, EVENTS), request))

    work = [[uuid4() for _ in range(commands)] for _ in range(WRITERS)]
    with ThreadPoolExecutor(WRITERS + 1) as threads:
        following = threads.submit(lambda: delivered.extend(followed(log.database, stop)))
        writing = [threads.submit(write, ids) for ids in work]
        for number in range(1, rounds + 1):
            await_condition(
                lambda: len(receipts) >= number * WRITERS * commands // (rounds + 1)  # noqa: B023 - used at once
            )
            terminate_everybody(log.database)
        for written in writing:
            written.result()
        await_condition(lambda: len(delivered) >= WRITERS * commands * EVENTS)
        stop.set()
        following.result()

    expected = {Receipt(inquiry_id, EVENTS) for ids in work for inquiry_id in ids}
    assert set(receipts) == expected
    assert [record.position for record in delivered] == list(range(1, len(expected) * EVENTS + 1))
    assert {(record.stream, record.version) for record in delivered} == {
        (receipt.inquiry_id, version) for receipt in expected for version in range(1, EVENTS + 1)
    }

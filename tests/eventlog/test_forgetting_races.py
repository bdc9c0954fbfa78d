"""Who writes while a citizen is forgotten comes before it, and is forgotten, or comes after it."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import orjson
import pytest

from domain.errors import CitizenHeldError
from domain.forgetting import Asker
from domain.vocabulary import Code
from eventlog.certificate import Certificate
from eventlog.log import Log, assembled
from eventlog.vault import KeyDestroyedError
from tests.conftest import Servers
from tests.eventlog.examples import REQUEST
from tests.eventlog.forgotten import (
    AT,
    asked,
    citizens,
    events,
    forget,
    having_keys,
    known,
    new_number,
    noted,
    question,
    rows,
)

WRITERS = 4


@pytest.fixture(scope="module")
def log(servers: Servers) -> Iterator[Log]:
    """A line that the tests share; each has citizens of its own."""
    with (
        servers.database("races") as database,
        assembled(servers.settings, database, servers.keys) as log,
    ):
        yield log


def keys_between(log: Log, begin: int, end: int) -> set[str]:
    """The ids of the keys that anything is sealed under, within positions."""
    records = rows(log, "SELECT record FROM log WHERE position BETWEEN %s AND %s", begin, end)
    data = [orjson.loads(octets)["data"] for (octets,) in records]  # type: ignore[arg-type]  # bytes
    return {
        value["k"]
        for fields in data
        for value in fields.values()
        if isinstance(value, dict) and "k" in value
    }


def test_whatever_was_recorded_before_it_is_forgotten_whoever_writes(log: Log) -> None:
    citizen, begin = known(log), events(log) + 1
    inquiries = [asked(log, citizen) for _ in range(WRITERS)]
    enough = threading.Barrier(WRITERS + 1)

    def write(inquiry: UUID) -> None:
        for number in range(20):
            noted(log, inquiry, f"메모 {number}")
            asked(log, citizen)
            if number == 3:
                enough.wait()

    with ThreadPoolExecutor(WRITERS) as pool:
        writing = [pool.submit(write, inquiry) for inquiry in inquiries]
        enough.wait()
        certificate = forget(log, citizen)
        for one in writing:
            one.result()

    assert keys_between(log, begin, certificate.position) == set(certificate.kids)
    stored = rows(log, "SELECT encode(kid, 'hex') FROM vault.key")
    assert not {kid for (kid,) in stored} & set(certificate.kids)


def test_what_is_written_after_it_is_readable_and_can_be_forgotten_again(log: Log) -> None:
    citizen = known(log)
    inquiry = asked(log, citizen)
    forget(log, citizen)

    later = asked(log, citizen)
    noted(log, inquiry, "다시 전화함")

    assert question(log, later)
    second = forget(log, citizen)
    with pytest.raises(KeyDestroyedError):
        question(log, later)
    assert having_keys(log, inquiry, later) == set()
    assert len(second.kids) == 3


def test_many_who_forget_the_same_citizen_record_it_once(log: Log) -> None:
    citizen = known(log)
    for _ in range(3):
        asked(log, citizen)

    with ThreadPoolExecutor(WRITERS) as pool:
        certificates = list(pool.map(lambda _: forget(log, citizen), range(WRITERS)))

    assert all(one == certificates[0] for one in certificates)
    assert len(rows(log, "SELECT FROM log WHERE stream_id = %s", citizen)) == 1


def test_many_citizens_are_forgotten_at_once(log: Log) -> None:
    everybody = [known(log) for _ in range(8)]
    inquiries = [asked(log, citizen) for citizen in everybody]

    with ThreadPoolExecutor(WRITERS) as pool:
        certificates = list(pool.map(lambda one: forget(log, one), everybody))

    assert [one.inquiries for one in certificates] == [[inquiry] for inquiry in inquiries]
    assert having_keys(log, *inquiries) == set()


def test_a_hold_comes_before_it_or_after_it(log: Log) -> None:
    """Held and forgotten in this order never stands in the log, by whichever inquiry."""
    for _ in range(6):
        inquiry = asked(log, citizen := known(log))
        both = threading.Barrier(2)
        with ThreadPoolExecutor(2) as pool:
            held = pool.submit(_held, log, citizen, both)
            certificate = pool.submit(_forgotten, log, inquiry, both).result()

        if certificate is None:
            assert having_keys(log, inquiry) == {inquiry}
        else:
            assert having_keys(log, inquiry) == set()
            assert held.result() > certificate.position


def _held(log: Log, citizen: UUID, both: threading.Barrier) -> int:
    with citizens(log) as line:
        both.wait()
        line.hold(citizen, Code("court"), AT, REQUEST)
    [(position,)] = rows(log, "SELECT position FROM log WHERE stream_id = %s", citizen)
    assert isinstance(position, int)
    return position


def _forgotten(log: Log, inquiry: UUID, both: threading.Barrier) -> Certificate | None:
    both.wait()
    try:
        return forget(log, Asker(inquiry=inquiry))
    except CitizenHeldError:
        return None


def test_somebody_who_was_looked_up_meanwhile_is_no_longer_known(log: Log) -> None:
    asked(log, citizen := known(log, number := new_number()))
    stopped = threading.Event()
    found: list[UUID] = []

    def look_up() -> None:
        while not stopped.is_set():
            found.append(known(log, number))

    looking = threading.Thread(target=look_up)
    looking.start()
    forget(log, citizen)
    stopped.set()
    looking.join()

    after = known(log, number)
    assert after != citizen
    assert set(found) <= {citizen, after}

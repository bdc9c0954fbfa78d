"""Views rebuilt while they are read, advanced and written to, and rebuilds killed in the middle."""

import os
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest
from psycopg import Connection

from eventlog.archive import Archive
from eventlog.log import Log
from projections.digest import contents
from projections.reading import standing_still
from projections.refold import Refold
from projections.runner import Runner
from projections.sealing import seal
from projections.views import views
from tests.conftest import Servers
from tests.faults.harness import await_condition
from tests.faults.subjects import inquiry_of, request_of
from tests.program import Program
from tests.projections.city import VIEWS

INQUIRIES = "SELECT count(*) FROM log WHERE position <= %s AND version = 1"
EVENTS = 3
SEGMENT_EVENTS = 64
READERS = 2
AT_ONCE = 10
"""Inquiries that a writer receives together, in each of its turns."""

# What each view says of how many events and inquiries there are, beside the position it stands for.
QUESTIONS = {
    "kpi": "SELECT position, (SELECT sum(received) FROM kpi.hourly),"
    " (SELECT sum(received) FROM kpi.daily) FROM projection WHERE view = 'kpi'",
    "inquiries": "SELECT position, (SELECT count(*) FROM inquiries.inquiry),"
    " (SELECT sum(version) FROM inquiries.inquiry) FROM projection WHERE view = 'inquiries'",
    "audit": "SELECT position, (SELECT count(*) FROM audit.entry),"
    " (SELECT max(position) FROM audit.entry) FROM projection WHERE view = 'audit'",
}


@dataclass
class Busy:
    """A log that is written to, a runner that follows, readers that look; and what they saw."""

    log: Log
    rate: float
    stop: threading.Event = field(default_factory=threading.Event)
    looks: int = 0
    faults: list[str] = field(default_factory=list)

    def write(self) -> None:
        """Receive inquiries, at a rate of events a second."""
        chance, due = random.Random(120), time.monotonic()
        while not self.stop.is_set():
            for _ in range(AT_ONCE):
                name = UUID(int=chance.getrandbits(128))
                request = request_of(str(name), self.log.keys)
                self.log.inquiries.receive(inquiry_of(name, EVENTS), request)
            due += AT_ONCE * EVENTS / self.rate
            self.stop.wait(due - time.monotonic())

    def follow(self) -> None:
        with self.log.database.connect() as connection:
            Runner(connection).follow(self.stop.is_set)

    def read(self) -> None:
        """Look at one view after the other: each must be whole, and never go back."""
        reached = dict.fromkeys(QUESTIONS, 0)
        with self.log.database.connect() as connection:
            while not self.stop.is_set():
                for name, question in QUESTIONS.items():
                    with standing_still(connection, name):
                        position, one, other = (
                            connection.execute(question.encode()).fetchone() or ()
                        )
                        inquiries = connection.execute(
                            "SELECT count(*) FROM log WHERE position <= %s AND version = 1",
                            [position],
                        ).fetchone()
                    [due] = inquiries or (0,)
                    self.judge(name, position, reached[name], one or 0, other or 0, due)
                    reached[name] = position
                    self.looks += 1

    def judge(self, name: str, position: int, before: int, one: int, other: int, due: int) -> None:
        if position < before:
            self.faults.append(f"{name} went back from {before} to {position}")
        expected = {
            "kpi": (due, due),
            "inquiries": (due, one and other),
            "audit": (position, position),
        }[name]
        if (one, other) != expected:
            self.faults.append(f"{name} at {position}: {one}, {other} and not {expected}")


def ask(connection: Connection, question: str, *parameters: int) -> list[int]:
    """Return the one row of numbers that answers a question."""
    row = connection.execute(question.encode(), parameters).fetchone()
    return [int(number or 0) for number in row or ()]


@contextmanager
def at_work(log: Log, rate: float) -> Iterator[Busy]:
    busy = Busy(log, rate)
    with ThreadPoolExecutor() as pool:
        works = [pool.submit(work) for work in (busy.write, busy.follow, *[busy.read] * READERS)]
        try:
            yield busy
        finally:
            busy.stop.set()
        for work in works:
            work.result()


@pytest.mark.long
@pytest.mark.parametrize(
    ("kills", "rate", "names"),
    [(1, 100, VIEWS[2:3]), pytest.param(10, 300, VIEWS, marks=pytest.mark.faults)],
)
def test_nobody_who_reads_or_writes_notices_rebuilds_that_are_killed_or_come_through(
    log: Log, servers: Servers, tmp_path: Path, kills: int, rate: float, names: tuple[str, ...]
) -> None:
    chance = random.Random(int(os.environ.get("SEED") or 120))
    archive = Archive(str(tmp_path / "archive"))

    def rebuilding(name: str) -> Program:
        environment = {
            "DASAN_HOME": str(servers.settings.home),
            "DASAN_DATABASE_URL": log.database.admin_url,
            "DASAN_ARCHIVE": archive.url,
        }
        return Program(["rebuild", name], environment, tmp_path / f"{name}.txt")

    with at_work(log, rate) as busy:
        for kill in range(kills):
            rebuild = rebuilding(names[kill % len(names)])
            await_condition(lambda: begun(log))
            time.sleep(chance.random() * 0.5)  # a kill wherever it may be then
            rebuild.process.kill()
            rebuild.process.wait()
        seal(log.database, archive, events=SEGMENT_EVENTS)
        said = []
        for name in names:
            rebuild = rebuilding(name)
            said.append((rebuild.process.wait(), rebuild.said))

    assert busy.faults == []
    assert busy.looks > 0
    assert [status for status, _ in said] == [0] * len(names), said
    assert all("equal to the tables before" in text for _, text in said), said
    assert live(log) == refolded(log)
    assert begun(log) is False


def begun(log: Log) -> bool:
    """Return whether a view's shadow is there."""
    with log.database.connect() as connection:
        found = connection.execute("SELECT FROM pg_namespace WHERE nspname LIKE '%\\_next'")
        return bool(found.rowcount)


def live(log: Log) -> dict[str, str]:
    with log.database.connect() as connection:
        Runner(connection).catch_up()
        return {name: held.digest for name, held in contents(connection, views()).items()}


def refolded(log: Log) -> dict[str, str | None]:
    with log.database.connect() as connection:
        refold = Refold(connection)
        row = connection.execute("SELECT position FROM log_head").fetchone()
        refold.advance(VIEWS, row[0] if row else 0)
        return {name: refold.digest(name) for name in VIEWS}

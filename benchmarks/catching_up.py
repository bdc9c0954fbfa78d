"""Catching up: all our views over a day's log, and the library's runner that keeps one counter."""

import time
from dataclasses import dataclass
from typing import Any

from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.sql import SQL

from benchmarks import day
from benchmarks.callers import Run
from benchmarks.library import Calls, environment, save
from benchmarks.saves import EVENTS
from benchmarks.server import Place
from eventlog.database import Database
from eventlog.log import assembled
from projections import runner
from projections.feeding import catch_up

PATIENCE_S = 600.0
POOL = 4


@dataclass(frozen=True, slots=True)
class Views:
    """All views, each time from nothing, as `dasan project` catches up."""

    place: Place

    def load(self, events: int) -> None:
        with assembled(self.place.settings, self.place.database, self.place.keys) as log:
            day.load(log, events)
        with self.place.database.connect_as_owner() as owner:
            owner.execute("VACUUM ANALYZE log")

    def run(self) -> Run:
        runner.prepare(self.place.database, self.place.settings.timezone)
        with self.place.database.connect_as_owner() as owner:
            owner.execute("DELETE FROM projection")
        runner.prepare(self.place.database, self.place.settings.timezone)
        with self.place.database.connect() as connection:
            begin = time.perf_counter()
            reached = catch_up(runner.Runner(connection), self.place.database.connect)
            return Run(reached, time.perf_counter() - begin)


class Counter(PostgresTrackingRecorder):
    """One number in one row, the least that a projection can keep; notes when it counted."""

    def __init__(self, datastore: PostgresDatastore, **kwargs: Any) -> None:
        super().__init__(datastore, **kwargs)
        self.counted_at: list[float] = []
        self.sql_create_statements += [
            SQL("CREATE TABLE IF NOT EXISTS counter (events bigint NOT NULL)").format(),
            SQL("INSERT INTO counter SELECT 0 WHERE NOT EXISTS (SELECT FROM counter)").format(),
        ]

    def count(self, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute("UPDATE counter SET events = events + 1", prepare=True)
        self.counted_at.append(time.perf_counter())


class Counting(Projection[Counter]):
    def process_event(self, domain_event: object, tracking: Tracking) -> None:  # noqa: ARG002 - only counted
        self.view.count(tracking)


@dataclass(frozen=True, slots=True)
class LibraryCounter:
    """The library's `ProjectionRunner`, each time from nothing."""

    database: Database

    def load(self, events: int) -> None:
        with Calls(env=environment(self.database, POOL)) as calls:
            for _ in range(0, events, EVENTS):
                save(calls)

    def run(self) -> Run:
        with self.database.connect_as_owner() as owner:
            owner.execute("DROP TABLE IF EXISTS counting_tracking, counter")
        with ProjectionRunner(
            application_class=Calls,
            projection_class=Counting,
            view_class=Counter,
            env=environment(self.database, POOL),
        ) as counting:
            counting.wait(counting.app.recorder.max_notification_id(), timeout=PATIENCE_S)
            counted_at = counting.view.counted_at
            # From the first event on: its start is not held against it.
            return Run(len(counted_at) - 1, counted_at[-1] - counted_at[0])

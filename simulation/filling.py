"""Filling an empty log with the history, in the order of time."""

import os
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain
from multiprocessing import get_context
from operator import itemgetter

from eventlog import bulk
from eventlog.database import Database
from eventlog.keys import Keys
from eventlog.settings import Settings, zone
from simulation.day import Day
from simulation.encoding import LONGEST_DAYS, Rows, Telling, Told, begin, rows_of
from simulation.history import History, HistoryDay

WORKERS = min(os.cpu_count() or 1, 4)
"""Each makes some 13 thousand events a second, and the server takes four times as many."""
AHEAD = 2 * WORKERS
"""Days that are simulated before they are needed."""
BATCH_EVENTS = 20_000
"""A batch is whole days, and as many of them as it takes to have so many events."""


@dataclass(frozen=True, slots=True)
class Filled:
    """What was asked for, and by how many events the log has grown."""

    days: int
    inquiries: int
    events: int


def fill(
    settings: Settings,
    database: Database,
    keys: Keys,
    history: History,
    *,
    seed: int,
    progress: Callable[[int], None] | None = None,
) -> Filled:
    """Append the history to an empty log, or what is left of it to one that holds its beginning.

    `progress` is told how many days are in the log.

    Raises:
        BulkError: the log holds something else.
        psycopg.Error: the database refused or could not be reached.
    """
    timezone = zone(settings.timezone)
    days = list(history.days())
    name = f"{history.first} to {history.last}, scale {history.scale}, seed {seed}"
    end = history.last + timedelta(days=LONGEST_DAYS)
    beginning, ending = (Day(on, timezone).beginning for on in (history.first, end))
    events = 0
    with closing(database.connect_as_owner()) as connection:
        log = bulk.begun(database, connection, name, beginning, ending)
        done = log.upto.astimezone(timezone).date()
        left = [day for day in days if day.date + timedelta(LONGEST_DAYS) > done]
        with _simulated(left, Telling(settings.source, keys, timezone, seed, log.upto)) as told:
            for until, batch in _batches(left, told, end):
                rows = [row for _, row in batch.events]
                events += log.append(rows, batch.keys, until=Day(until, timezone).beginning)
                if progress:
                    progress((min(until, history.last) - history.first).days)
        if events:  # who reads next needs the plans of a full log
            connection.execute("ANALYZE log, vault.key")
    return Filled(len(days), sum(day.inquiries for day in days), events)


def _batches(
    days: Sequence[HistoryDay], told: Iterable[Told], end: date
) -> Iterator[tuple[date, Rows]]:
    """Yield what happens in the order of time, each batch with the day before which it does."""
    batch = Rows()
    for on, rows in _calendar(days, told):
        batch.events += rows.events
        batch.keys += rows.keys
        if len(batch.events) >= BATCH_EVENTS:
            yield on + timedelta(days=1), batch
            batch = Rows()
    yield end, batch


def _calendar(days: Sequence[HistoryDay], told: Iterable[Told]) -> Iterator[tuple[date, Rows]]:
    """Yield each calendar day, with what happens on it to the inquiries of this day and earlier."""
    waiting: defaultdict[date, list[Rows]] = defaultdict(list)
    for day, told_of in zip(days, told, strict=True):
        for on, rows in told_of.items():
            waiting[on].append(rows)
        yield day.date, _merged(waiting.pop(day.date, []))
    for on in sorted(waiting):
        yield on, _merged(waiting[on])


def _merged(parts: Sequence[Rows]) -> Rows:
    # Sorting is stable: at the same time the earlier day is first, and each keeps its own order.
    events = sorted(chain.from_iterable(part.events for part in parts), key=itemgetter(0))
    return Rows(events, [key for part in parts for key in part.keys])


@contextmanager
def _simulated(days: Iterable[HistoryDay], telling: Telling) -> Iterator[Iterator[Told]]:
    """Yield what comes of each day, from processes that are a few days ahead."""
    # Started afresh: this process may have threads, which a fork would tear.
    pool = ProcessPoolExecutor(WORKERS, get_context("spawn"), initializer=begin)
    try:
        yield _ahead(pool, days, telling)
    finally:
        pool.shutdown(cancel_futures=True)


def _ahead(pool: Executor, days: Iterable[HistoryDay], telling: Telling) -> Iterator[Told]:
    under_way: deque[Future[Told]] = deque()
    for day in days:
        under_way.append(pool.submit(rows_of, day, telling))
        if len(under_way) > AHEAD:
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()

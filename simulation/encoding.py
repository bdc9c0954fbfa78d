"""A day of the history as rows for the log: each event as the service would have written it.

Runs in processes of its own, since a day needs nothing of the others.
"""

import os
import signal
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from multiprocessing import parent_process
from threading import Thread
from typing import Any, TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg_pool import ConnectionPool

from domain.request import Request
from domain.vocabulary import Sealed
from eventlog import record
from eventlog.bulk import event_row, key_row
from eventlog.keys import Keys
from eventlog.vault import DataKey, Vault
from simulation.command import Command
from simulation.day import Day
from simulation.history import HistoryDay
from simulation.living import Living
from simulation.simulate import simulate

CLIENT = "simulation"
"""Who tells the service of a day (`dasan simulate --day`), and so the actor of its events."""

LONGEST_DAYS = 14
"""What happens to an inquiry later than that is not told of: as good as nothing, but a bound."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What all days of a history have in common; `since` is where the log has come to."""

    source: str
    keys: Keys
    timezone: ZoneInfo
    seed: int
    since: datetime


@dataclass(slots=True)
class Rows:
    """What happens on one calendar day: rows of events, each with its POSIX time, and of keys."""

    events: list[tuple[float, bytes]] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)


Told: TypeAlias = dict[date, Rows]
"""What comes of the inquiries of a day, by the calendar day on which it happens."""


def rows_of(day: HistoryDay, telling: Telling) -> Told:
    """Return what comes of the inquiries of a day."""
    commands = simulate(
        day=day.date,
        timezone=telling.timezone,
        inquiries=day.inquiries,
        agents=day.agents,
        seed=telling.seed,
        satisfied=day.satisfied,
    )
    writing = _Writing(telling)
    calendar = _ends(day.date, telling.timezone)
    on, end = next(calendar)
    rows: defaultdict[date, Rows] = defaultdict(Rows)
    for command in commands:
        while command.at >= end:
            following = next(calendar, None)
            if following is None:
                return rows
            on, end = following
        writing.carry_out(command, rows[on])
    return rows


class _Writing:
    """Lets inquiries decide, and writes down what they did."""

    def __init__(self, telling: Telling) -> None:
        self._telling = telling
        self._living = Living(telling.keys)
        # It makes keys and seals with them; nothing is read, so nobody opens the pool.
        self._vault = Vault(telling.keys, ConnectionPool[Connection](open=False))

    def carry_out(self, command: Command, rows: Rows) -> None:
        """Add what the log does not have yet."""
        inquiry = self._living.carry_out(command)
        for fact in inquiry.collect_events():
            if command.at >= self._telling.since:
                rows.events.append((command.at.timestamp(), self._row(fact, rows.keys)))

    def _row(self, fact: Any, key_rows: list[bytes]) -> bytes:
        stream, version = fact.originator_id, fact.originator_version
        used: list[DataKey] = []

        def seal(name: str, text: str) -> Sealed:
            if not used:
                used.append(self._key(stream, key_rows))
            return self._vault.seal(used[0], fact.TYPE, name, text)

        written = record.envelope(
            source=self._telling.source,
            request=self._request(stream, version),
            stream=stream,
            version=version,
            time=fact.timestamp,
            type_=fact.TYPE,
            data=record.encode(fact, seal),
        )
        return event_row(written, fact.timestamp)

    def _request(self, stream: UUID, version: int) -> Request:
        cause = self._telling.keys.cause("command", CLIENT, f"{stream}/{version}")
        return Request(actor=f"service:{CLIENT}", cause=cause)

    def _key(self, stream: UUID, key_rows: list[bytes]) -> DataKey:
        key = self._vault.key_for(stream)
        key_rows.append(key_row(key, self._telling.keys.encryption_id))
        key.durable = True  # by the time at which it is used again
        return key


def _ends(first: date, timezone: ZoneInfo) -> Iterator[tuple[date, datetime]]:
    """Yield a calendar day and those after it, each with its end."""
    for number in range(LONGEST_DAYS):
        on = first + timedelta(days=number)
        yield on, Day(on + timedelta(days=1), timezone).beginning


def begin() -> None:
    """Get ready, in a process that works for another: Ctrl-C is for that one, and its end for both.

    A process that waits for work hears of neither by itself.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)

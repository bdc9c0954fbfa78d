"""The relay: an ordered table to a topic, by one leader at a time, for as long as it runs.

Whoever holds a lock of the database leads, the others stand by. A leader that has lost the lock and
does not know it yet is shut out by its successor's session (`consumers/sending.py`).
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event
from typing import Protocol

from psycopg import Connection

from consumers.broker import Broker
from consumers.ends import End
from consumers.metering import Meter
from consumers.persisting import Pauses, persist
from consumers.sending import Outgoing, Session
from consumers.topics import Known, Topic, TopicError, require, require_still
from eventlog.database import Database
from eventlog.reader import POLL_INTERVAL_S, head, identity, read

BATCH_ROWS = 4_000
"""Rows a transaction: more save little and keep readers waiting."""

STANDBY_S = 0.5
LEAD_IDLE = "60s"
"""A leader asks the database all the time. One that does not for so long has stopped or is gone."""

_log = logging.getLogger(__name__)


class DivergedError(RuntimeError):
    """A topic holds what the log does not: the log was restored or rewritten."""


class Table(Protocol):
    """What is relayed: rows in one order, which may have gaps."""

    topic: Topic
    keeps_all: bool
    """Whether the topic has to hold every row, those of a key in order."""
    interval_s: float
    """How long to wait for more rows before looking again."""

    def after(self, connection: Connection, position: int, limit: int) -> Sequence[Outgoing]:
        """Return up to `limit` rows above `position`, in order."""

    def behind(self, connection: Connection, position: int) -> int:
        """Return how many rows there are above `position`."""

    def require_same(self, connection: Connection, ends: Sequence[End]) -> None:
        """Raise `DivergedError` where the topic's last records are not those of the table."""

    def acknowledged(self, connection: Connection, position: int) -> None:
        """Hear that the topic has everything up to `position`."""


class Events:
    """The log's records."""

    keeps_all = True
    interval_s = POLL_INTERVAL_S

    def __init__(self, topic: Topic) -> None:
        self.topic = topic

    def after(self, connection: Connection, position: int, limit: int) -> Sequence[Outgoing]:
        """Return up to `limit` records above `position`, each under its stream's id."""
        return [
            Outgoing(row.position, str(row.stream).encode(), row.record)
            for row in read(connection, after=position, limit=limit)
        ]

    def behind(self, connection: Connection, position: int) -> int:
        """Return how far the log's head is."""
        return head(connection) - position

    def require_same(self, connection: Connection, ends: Sequence[End]) -> None:
        """Compare the topic's last records with those of the log, byte for byte.

        Raises:
            DivergedError: one is another, or the log has none there.
        """
        rows = connection.execute(
            "SELECT position, record FROM log WHERE position = ANY (%s)",
            [[end.position for end in ends]],
        )
        records: dict[int, bytes] = dict(rows.fetchall())
        for position, value in sorted(ends):
            if records.get(position) != value:
                raise DivergedError(
                    f"the topic {self.topic.name} has another record at position {position} than "
                    f"the log, whose head is {head(connection)}: the log was restored from a "
                    "backup or rewritten. Subscribers have seen what the topic has: recover the "
                    "log, or begin a new topic and let subscribers begin again"
                )

    def acknowledged(self, connection: Connection, position: int) -> None:
        """Need nothing more: the records stay."""


class Relay:
    """Relays a table to its topic."""

    def __init__(self, broker: Broker, database: Database, table: Table, unit: str) -> None:
        self._broker = broker
        self._database = database
        self._table = table
        self._name = table.topic.name
        self._meter = Meter(self._name, unit)

    def run(self, stopped: Event) -> None:
        """Relay until `stopped`.

        Raises:
            BrokerError, TopicError, ForeignRecordError, DivergedError: what does not mend itself.
        """
        persist(lambda pauses: self._lead(pauses, stopped), self._broker, stopped, self._name)

    def _lead(self, pauses: Pauses, stopped: Event) -> None:
        with leading(self._database, self._name, stopped) as connection:
            if connection is None:
                return
            topic = require(self._broker, self._table.topic)
            log_id = identity(connection).log_id
            with Session(self._broker, topic, log_id) as session:
                self._require_as_left(connection, topic, list(session.ends.values()))
                self._send(connection, session, topic, stopped, pauses)

    def _send(
        self, connection: Connection, session: Session, topic: Known, stopped: Event, pauses: Pauses
    ) -> None:
        position = session.complete_upto
        _log.info("%s: leads, from position %s on", self._name, f"{position:,}")
        while not stopped.is_set():
            rows = self._table.after(connection, position, BATCH_ROWS)
            if rows:
                sent = session.send(rows)
                position = rows[-1].position
                self._store(connection, topic, position)
                self._meter.add(sent)
                pauses.reset()
            if self._meter.is_due():
                require_still(self._broker, self._table.topic, topic)
                self._meter.say(f"position {position:,}", self._table.behind(connection, position))
            if not rows:
                stopped.wait(self._table.interval_s)

    def _store(self, connection: Connection, topic: Known, position: int) -> None:
        with connection.transaction():
            connection.execute(
                "INSERT INTO relay (topic, position, topic_id, partitions, sent_at)"
                " VALUES (%s, %s, %s, %s, now()) ON CONFLICT (topic) DO UPDATE SET"
                " position = excluded.position, topic_id = excluded.topic_id,"
                " partitions = excluded.partitions, sent_at = now()",
                [topic.name, position, topic.id, topic.partitions],
            )
            self._table.acknowledged(connection, position)

    def _require_as_left(self, connection: Connection, topic: Known, ends: Sequence[End]) -> None:
        """Compare the topic with what was acknowledged, and remember which topic it is.

        Raises:
            TopicError: keys would no longer go where they went, or the topic has a hole.
            DivergedError: the topic has another record than the table.
        """
        row = connection.execute(
            "SELECT position, topic_id, partitions FROM relay WHERE topic = %s", [topic.name]
        ).fetchone()
        acknowledged, topic_id, partitions = row or (0, topic.id, topic.partitions)
        if self._table.keeps_all and topic_id != topic.id and ends:
            raise TopicError(
                f"the topic {topic.name} was made again while a relay sent to it: what came "
                "before is missing. Stop the relays, delete the topic and make it again"
            )
        if self._table.keeps_all and topic_id == topic.id and partitions != topic.partitions:
            raise TopicError(
                f"the topic {topic.name} has {topic.partitions} partitions, and was filled when it "
                f"had {partitions}: an inquiry's events would stand in two. Make the topic again "
                f"with {partitions}"
            )
        self._table.require_same(connection, ends)
        last = max((end.position for end in ends), default=0)
        if last < acknowledged:
            _log.warning(
                "%s: the topic ends with position %s, though %s was acknowledged: it was made "
                "again or lost records, which are sent again",
                topic.name, f"{last:,}", f"{acknowledged:,}",
            )  # fmt: skip
        self._store(connection, topic, last)


@contextmanager
def leading(database: Database, topic: str, stopped: Event) -> Iterator[Connection | None]:
    """Yield the connection whose lock makes a leader, null if it is told to stop before.

    The lock goes with the connection: if that breaks, somebody else leads.
    """
    with database.connect() as connection:
        connection.execute(f"SET idle_session_timeout = '{LEAD_IDLE}'")
        is_standing_by = False
        while not _takes_lead(connection, topic):
            if not is_standing_by:
                _log.info("%s: stands by", topic)
                is_standing_by = True
            if stopped.wait(STANDBY_S):
                yield None
                return
        yield connection


def _takes_lead(connection: Connection, topic: str) -> bool:
    row = connection.execute(
        "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [f"dasan relay {topic}"]
    ).fetchone()
    return row is not None and bool(row[0])

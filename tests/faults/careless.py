"""`python -m tests.faults.careless relay|contacts|replica …`: `dasan …` without one protection.

What is left is what people write first: a position or an offset stored beside the work, and not
with it.
"""

import os
import sys
from collections.abc import Sequence
from itertools import count
from typing import Any

import psycopg

from cli.main import main
from consumers import contacts, relay, replica, sending
from consumers.consuming import Records
from consumers.ends import End
from consumers.remembering import Move, move
from consumers.topics import Known

BATCHES_A_STORE = 20


def _relay() -> None:
    """Go on at the position that was stored now and then, whatever the topic has."""

    def init(self: Any, broker: Any, topic: Known, log_id: Any) -> None:
        checked(self, broker, topic, log_id)
        with psycopg.connect(os.environ["DASAN_DATABASE_URL"]) as connection:
            row = connection.execute(
                "SELECT position, record FROM relay JOIN log USING (position) WHERE topic = %s",
                [topic.name],
            ).fetchone()
        self.ends = dict.fromkeys(range(topic.partitions), End(*row)) if row else {}

    def store(self: Any, *arguments: Any) -> None:
        if next(times) % BATCHES_A_STORE == 0:
            at_once(self, *arguments)

    times = count()
    at_once, checked = relay.Relay._store, sending.Session.__init__
    relay.Relay._store = store  # type: ignore[method-assign, assignment]
    sending.Session.__init__ = init  # type: ignore[method-assign]


def _contacts() -> None:
    """Store the offsets, then take the messages."""

    def handle(self: Any, topic: Known, records: Sequence[Records], moves: Sequence[Move]) -> None:
        move(self.connection, topic.id, moves)
        take(self, topic, records, _made(moves))

    take = contacts.ContactMessages.handle
    contacts.ContactMessages.handle = handle  # type: ignore[method-assign]


def _made(moves: Sequence[Move]) -> list[Move]:
    """Return moves that change nothing, since they were made."""
    return [Move(partition, end, end) for partition, _, end in moves]


def _replica() -> None:
    """Store the offsets, then write the records."""

    def handle(self: Any, topic: Known, records: Sequence[Records], moves: Sequence[Move]) -> None:
        self.finish()
        move(self.connection, topic.id, moves)
        write(self, topic, records, _made(moves))

    write = replica.Replica.handle
    replica.Replica.handle = handle  # type: ignore[method-assign]


if __name__ == "__main__":
    {"relay": _relay, "contacts": _contacts, "replica": _replica}[sys.argv.pop(1)]()
    main()

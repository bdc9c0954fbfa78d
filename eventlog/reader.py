"""Reading the log in its one order, and following its head."""

import time
from collections.abc import Callable, Iterator
from typing import LiteralString, NamedTuple
from uuid import UUID

from psycopg import Connection

POLL_INTERVAL_S = 0.02
"""How long a follower that has caught up waits before it looks again."""


class Identity(NamedTuple):
    """Whose log it is: `source` in every record, and the id of this log and no other."""

    source: str
    log_id: UUID


class StoredRecord(NamedTuple):
    """A row of the log: the bytes, and what they say of their place."""

    position: int
    stream: UUID
    version: int
    type: str
    record: bytes


SELECT: LiteralString = "SELECT position, stream_id, version, type, record FROM log "


def identity(connection: Connection) -> Identity:
    """Return whose log it is."""
    row = connection.execute("SELECT source, log_id FROM log_identity").fetchone()
    if row is None:
        raise LookupError("log_identity has no row: this is no log of Dasan")
    return Identity(*row)


def head(connection: Connection) -> int:
    """Return the position of the last committed event, 0 for an empty log."""
    row = connection.execute("SELECT position FROM log_head").fetchone()
    if row is None:
        raise LookupError("log_head has no row: this is no log of Dasan")
    position: int = row[0]
    return position


def read(
    connection: Connection, *, after: int, upto: int | None = None, limit: int = 1_000
) -> list[StoredRecord]:
    """Return up to `limit` records with positions above `after`, none above `upto`, in order."""
    rows = connection.execute(
        SELECT + "WHERE position > %s AND position <= coalesce(%s, position)"
        " ORDER BY position LIMIT %s",
        [after, upto, limit],
        prepare=True,
        binary=True,
    )
    return [StoredRecord(*row) for row in rows]


def follow(
    connection: Connection, *, after: int, stop: Callable[[], bool], limit: int = 1_000
) -> Iterator[StoredRecord]:
    """Yield every record above `after` as it is committed, in order, until `stop()`.

    Positions are dense because the order is one locked row, so whatever is visible is complete: a
    record above a gap cannot be seen. Polls; nothing wakes it and nothing can fail to wake it.
    """
    while not stop():
        records = read(connection, after=after, limit=limit)
        for record in records:
            after = record.position
            yield record
        if not records:
            time.sleep(POLL_INTERVAL_S)

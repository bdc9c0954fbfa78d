"""Messages of a topic that can never be taken, in the table `vault.rejected`, until they are sent.

A message is rejected once, however often it comes: its hash is remembered for a week.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg import Connection

from domain.vocabulary import Code
from eventlog.keys import Keys
from importers.contact_sealing import Sealing

REMEMBERED = "7 days"


class Refusal(NamedTuple):
    """A message, where it came from and why it was not taken.

    `ref` names it for ever; `text` holds no resident registration number.
    """

    ref: Code
    stream: UUID | None
    origin: str
    reason: str
    text: str


class Unsent(NamedTuple):
    """A refusal as it waits to be sent, in its place of the order."""

    number: int
    ref: str
    origin: str
    reason: str
    rejected_at: datetime
    text: str


class Rejections:
    """The refusals, over one connection."""

    def __init__(self, connection: Connection, keys: Keys) -> None:
        self._connection = connection
        self._sealing = Sealing(keys)

    def add(self, refusals: Iterable[Refusal]) -> None:
        """Keep refusals, in a transaction of the caller's; one that is known stays as it is."""
        rows = [
            (r.ref, r.stream, r.origin, r.reason, self._sealing.seal(r.ref, r.text))
            for r in refusals
        ]
        if rows:
            self.begin_adding(self._connection)
            with self._connection.cursor() as cursor:
                cursor.executemany(
                    "INSERT INTO vault.rejected (ref, stream_id, origin, reason, message)"
                    " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (ref) DO NOTHING",
                    rows,
                )

    @staticmethod
    def begin_adding(connection: Connection) -> None:
        """Wait for others that add, so that numbers are in the order of commits."""
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('dasan rejections'))")

    def unsent(self, after: int, limit: int) -> Sequence[Unsent]:
        """Return refusals above a number that are not known to be sent, in order."""
        rows = self._connection.execute(
            "SELECT number, ref, origin, reason, rejected_at, message FROM vault.rejected"
            " WHERE number > %s AND message IS NOT NULL ORDER BY number LIMIT %s",
            [after, limit],
        )
        return [
            Unsent(number, ref, origin, reason, at, self._sealing.open(ref, message))
            for number, ref, origin, reason, at, message in rows
        ]

    def begin_above(self, number: int) -> None:
        """Let numbers go on above one that was sent, also those of what is unsent."""
        with self._connection.transaction():
            self.begin_adding(self._connection)
            row = self._connection.execute(
                "SELECT last_value FROM vault.rejected_number_seq WHERE last_value < %s", [number]
            ).fetchone()
            if row is not None:
                self._connection.execute("SELECT setval('vault.rejected_number_seq', %s)", [number])
                self._connection.execute(
                    "UPDATE vault.rejected SET number = DEFAULT WHERE message IS NOT NULL"
                )

    def sent(self, upto: int) -> None:
        """Clear the texts of those that were sent, and forget the old ones."""
        self._connection.execute(
            "UPDATE vault.rejected SET message = NULL WHERE number <= %s AND message IS NOT NULL",
            [upto],
        )
        self._connection.execute(
            "DELETE FROM vault.rejected"
            " WHERE message IS NULL AND rejected_at < now() - %s::interval",
            [REMEMBERED],
        )

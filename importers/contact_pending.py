"""Steps that wait for their predecessor, in the table `vault.pending`.

What is kept there for an hour at most is the whole step: the contact's id at its gateway, and what
the citizen or an agent wrote, less resident registration numbers. It is encrypted, and found by the
inquiry's id, so that it is deleted when the inquiry is forgotten.
"""

from collections.abc import Collection, Iterable
from importlib.resources import files
from uuid import UUID

from psycopg import Connection

from domain.vocabulary import Code
from eventlog.database import Database, make_once
from eventlog.keys import Keys
from importers.contact_deciding import Fate, Reported, Sent, Told
from importers.contact_envelope import Step, StepReader
from importers.contact_rejections import Rejections
from importers.contact_sealing import Sealing

WAIT = "1 hour"
"""How long a step waits, by the database's clock."""


def prepare_pending(database: Database) -> None:
    """Make the tables if there are none."""
    statements = files("importers").joinpath("contact_pending.sql").read_bytes()
    make_once(database, "vault.rejected", statements)


class Pending:
    """The steps that wait, by inquiry."""

    def __init__(self, connection: Connection, keys: Keys, reader: StepReader) -> None:
        self._connection = connection
        self._sealing = Sealing(keys)
        self._reader = reader

    def kept(self, refs: Collection[Code]) -> dict[Code, Step]:
        """Return those of the steps that wait, by ref."""
        rows = self._connection.execute(
            "SELECT ref, origin, step FROM vault.pending WHERE ref = ANY (%s)", [list(refs)]
        )
        return {Code(row[0]): self._opened(*row).step for row in rows}

    def keep(self, steps: Iterable[Reported]) -> None:
        """Keep steps; one that is kept already has waited since it came first."""
        rows = [
            (ref, stream, origin, self._sealing.seal(ref, step.as_json()))
            for step, stream, ref, origin, _ in steps
        ]
        with self._connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO vault.pending AS p (ref, stream_id, origin, step)"
                " VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (ref) DO UPDATE SET origin = coalesce(p.origin, excluded.origin)",
                rows,
            )

    def of(self, streams: Collection[UUID]) -> list[Sent]:
        """Return the steps that wait for these inquiries."""
        rows = self._connection.execute(
            "SELECT ref, origin, step FROM vault.pending WHERE stream_id = ANY (%s)",
            [list(streams)],
        )
        return [self._opened(*row) for row in rows]

    def overdue(self, limit: int) -> list[Sent]:
        """Return steps that have waited long enough, the oldest first.

        To be called in a transaction: until it ends, nobody else is told of any.
        """
        self._connection.execute("SELECT pg_advisory_xact_lock(hashtext('dasan overdue steps'))")
        rows = self._connection.execute(
            "SELECT ref, origin, step FROM vault.pending WHERE kept_at < now() - %s::interval"
            " ORDER BY kept_at, ref LIMIT %s",
            [WAIT, limit],
        )
        return [self._opened(*row) for row in rows]

    def settle(self, over: Collection[Told]) -> None:
        """Remove steps that wait no longer. Those of a topic that were not taken are rejected."""
        refs = [told.reported.ref for told in over]
        reasons = [_reason(told) for told in over]
        with self._connection.transaction():
            if any(reasons):
                Rejections.begin_adding(self._connection)
            self._connection.execute(
                "WITH over AS (DELETE FROM vault.pending WHERE ref = ANY (%(refs)s)"
                " RETURNING ref, stream_id, origin, step)"
                " INSERT INTO vault.rejected (ref, stream_id, origin, reason, message)"
                " SELECT ref, stream_id, origin, reason, step"
                " FROM over"
                " JOIN unnest(%(refs)s, %(reasons)s::text[]) AS told(ref, reason) USING (ref)"
                " WHERE origin IS NOT NULL AND reason IS NOT NULL"
                " ON CONFLICT (ref) DO NOTHING",
                {"refs": refs, "reasons": reasons},
            )

    def _opened(self, ref: str, origin: str | None, octets: bytes) -> Sent:
        step, _ = self._reader.read(self._sealing.open(ref, octets))
        return Sent(step, origin)


def _reason(told: Told) -> str | None:
    """Return why a step was not taken, null if it was."""
    match told.fate:
        case Fate.REFUSED:
            return told.reason
        case Fate.WAITING:
            return f"what it needs did not come within {WAIT}: {told.reason}"
    return None

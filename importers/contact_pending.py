"""Steps that wait for their predecessor, in the table `vault.pending`.

What is kept there for an hour at most is the whole step: the contact's id at its gateway, and what
the citizen or an agent wrote, less resident registration numbers. It is encrypted under a key made
of the city's look-up key, so that neither a dump nor a backup of the database tells it, and found
by the inquiry's id, so that it is deleted when the inquiry is forgotten.
"""

import os
from collections.abc import Collection, Iterable
from importlib.resources import files
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg import Connection

from domain.vocabulary import Code
from eventlog.database import Database
from eventlog.keys import Keys
from importers.contact_deciding import Reported
from importers.contact_envelope import Step, parse_step

WAIT = "1 hour"
"""How long a step waits, by the database's clock."""

NONCE_BYTES = 12


def prepare_pending(database: Database) -> None:
    """Make the table if there is none."""
    with database.connect_as_owner() as connection, connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('dasan schema'))")
        row = connection.execute("SELECT to_regclass('vault.pending') IS NULL").fetchone()
        if row is not None and row[0]:
            connection.execute(files("importers").joinpath("contact_pending.sql").read_bytes())


class Pending:
    """The steps that wait, by inquiry."""

    def __init__(self, connection: Connection, keys: Keys) -> None:
        self._connection = connection
        self._cipher = AESGCM(keys.hashed("pending steps"))

    def keep(self, steps: Iterable[Reported]) -> None:
        """Keep steps; one that is kept already has waited since it came first."""
        rows = [(ref, stream, self._sealed(ref, step)) for step, stream, ref in steps]
        with self._connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO vault.pending (ref, stream_id, step) VALUES (%s, %s, %s)"
                " ON CONFLICT (ref) DO NOTHING",
                rows,
            )

    def of(self, streams: Collection[UUID]) -> list[Step]:
        """Return the steps that wait for these inquiries."""
        rows = self._connection.execute(
            "SELECT ref, step FROM vault.pending WHERE stream_id = ANY (%s)", [list(streams)]
        )
        return [self._opened(*row) for row in rows]

    def overdue(self, limit: int) -> list[Step]:
        """Return steps that have waited long enough, the oldest first.

        To be called in a transaction: until it ends, nobody else is told of any.
        """
        self._connection.execute("SELECT pg_advisory_xact_lock(hashtext('dasan overdue steps'))")
        rows = self._connection.execute(
            "SELECT ref, step FROM vault.pending WHERE kept_at < now() - %s::interval"
            " ORDER BY kept_at, ref LIMIT %s",
            [WAIT, limit],
        )
        return [self._opened(*row) for row in rows]

    def drop(self, refs: Collection[Code]) -> None:
        """Remove steps that wait no longer."""
        self._connection.execute("DELETE FROM vault.pending WHERE ref = ANY (%s)", [list(refs)])

    def _sealed(self, ref: Code, step: Step) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        text = step.model_dump_json(exclude_none=True).encode()
        return nonce + self._cipher.encrypt(nonce, text, ref.encode())

    def _opened(self, ref: str, octets: bytes) -> Step:
        nonce, ciphertext = octets[:NONCE_BYTES], octets[NONCE_BYTES:]
        return parse_step(self._cipher.decrypt(nonce, ciphertext, ref.encode()))

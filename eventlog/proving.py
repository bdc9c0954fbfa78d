"""Proof files (C2SP tlog-proof): that a record is in the log, for whoever has nothing but its key.

A proof file holds the record's index, its audit path and the checkpoint that the path leads to.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from psycopg import Connection

from eventlog.base64_text import decoded, encoded
from eventlog.checkpoint import Checkpoint, Verifier
from eventlog.growing import newest, tiles_in
from eventlog.proof import Node, ProofError, inclusion, require_included
from eventlog.reader import SELECT, StoredRecord
from eventlog.tiles import nodes_of
from eventlog.tree import HASH_BYTES, leaf_hash

FIRST_LINE = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile("index (0|[1-9][0-9]{0,18})", re.ASCII)


class NotProvableError(LookupError):
    """There is nothing to prove, or no checkpoint that covers it yet."""


@dataclass(frozen=True, slots=True)
class Proof:
    """That the tree of a signed checkpoint has a record as leaf `index`, its position less one."""

    index: int
    path: Sequence[bytes]
    note: str

    def __str__(self) -> str:
        hashes = "".join(f"{encoded(hash_)}\n" for hash_ in self.path)
        return f"{FIRST_LINE}\nindex {self.index}\n{hashes}\n{self.note}"

    @classmethod
    def parsed(cls, text: str) -> Self:
        """Return the proof that a file holds.

        Raises:
            ProofError: it is no proof file.
        """
        head, _, note = text.partition("\n\n")
        first, index, *hashes = [*head.split("\n"), ""]
        found = _INDEX.fullmatch(index)
        if first != FIRST_LINE or found is None:
            raise ProofError(f"this is no proof file: it begins with {FIRST_LINE} and index N")
        return cls(int(found[1]), [_hash(line) for line in hashes[:-1]], note)

    def require(self, record: bytes, verifier: Verifier) -> Checkpoint:
        """Check that it proves this record; return the checkpoint that has it.

        Raises:
            ProofError: it does not; CheckpointError: the checkpoint is not signed by the key.
        """
        checkpoint = verifier.opened(self.note)
        require_included(leaf_hash(record), self.index, checkpoint.size, self.path, checkpoint.root)
        return checkpoint


class Prover:
    """Makes proofs against the newest checkpoint of a database, as it is now."""

    def __init__(self, connection: Connection, verifier: Verifier) -> None:
        note = newest(connection, verifier)
        if note is None:
            raise NotProvableError("no checkpoint has been signed yet: the log is empty")
        self.note = note
        self.checkpoint = verifier.opened(note)
        self._node: Node = nodes_of(tiles_in(connection))

    def proof(self, position: int) -> Proof:
        """Return the proof of a record.

        Raises:
            NotProvableError: no checkpoint covers it.
        """
        if not 1 <= position <= self.checkpoint.size:
            raise NotProvableError(
                f"the newest checkpoint is of {self.checkpoint.size:,} records, and position"
                f" {position:,} is none of them"
            )
        return Proof(
            position - 1, inclusion(self._node, position - 1, self.checkpoint.size), self.note
        )


def records_of(connection: Connection, stream: UUID, upto: int) -> list[StoredRecord]:
    """Return the records of a stream by version, none above a position.

    Raises:
        NotProvableError: there are none.
    """
    rows = connection.execute(
        SELECT + "WHERE stream_id = %s AND position <= %s ORDER BY version", [stream, upto]
    ).fetchall()
    if not rows:
        raise NotProvableError(f"no record of {stream} is in the log up to position {upto:,}")
    return [StoredRecord(*row) for row in rows]


def _hash(line: str) -> bytes:
    try:
        octets = decoded(line)
    except ValueError:
        octets = b""
    if len(octets) != HASH_BYTES:
        raise ProofError(f"{line!r:.80} is no hash in base64")
    return octets

"""The tree that grows with the log, and its signed checkpoints, in the log's database.

It advances like a view: in one transaction that takes the lock of its size, puts the leaves of the
next records into tiles, signs, and stores the checkpoint. The records are committed before, and the
root is a function of them, so whatever breaks off is done again with the same root.
"""

from contextlib import suppress

from psycopg import Connection

from eventlog.checkpoint import Checkpoint, CheckpointError, Signer, Verifier
from eventlog.proof import range_root
from eventlog.tiles import Place, Tiles, grown, nodes_of

BATCH_RECORDS = 65_536
"""Records that one transaction takes into the tree."""

_LOOKED_AT = 1_000
"""Of the newest checkpoints, how many are looked at for one that holds."""

_LEAVES = (
    r"SELECT sha256('\x00'::bytea || record) FROM log"
    " WHERE position > %s AND position <= %s ORDER BY position"
)


class TreeError(RuntimeError):
    """The log does not continue what was signed; says where, and what to do."""


def advance(connection: Connection, signer: Signer) -> Checkpoint | None:
    """Take the next records into the tree; return the checkpoint, None if there are no records.

    Raises:
        TreeError: a checkpoint of this size was signed with another root.
    """
    with connection.transaction():
        size = _locked_size(connection)
        head = connection.execute("SELECT position FROM log_head").fetchone()
        upto = min(head[0] if head else 0, size + BATCH_RECORDS)
        if upto <= size:
            return None
        leaves = [leaf for (leaf,) in connection.execute(_LEAVES, [size, upto], binary=True)]
        if len(leaves) != upto - size:
            raise TreeError(
                f"the log has {len(leaves):,} records at the {upto - size:,} positions from"
                f" {size + 1:,} on: see what dasan doctor says"
            )
        changed = grown(tiles_in(connection), size, leaves)
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO tree.tile (level, number, hashes) VALUES (%s, %s, %s)"
                " ON CONFLICT (level, number) DO UPDATE SET hashes = EXCLUDED.hashes",
                [(*place, hashes) for place, hashes in changed.items()],
            )
        connection.execute("UPDATE tree.head SET size = %s", [upto])
        return _sign(connection, signer, upto)


def _sign(connection: Connection, signer: Signer, size: int) -> Checkpoint:
    root = range_root(nodes_of(tiles_in(connection)), 0, size)
    checkpoint = Checkpoint(signer.name, size, root)
    connection.execute(
        "INSERT INTO tree.checkpoint (size, root, note) VALUES (%s, %s, %s)"
        " ON CONFLICT (size) DO NOTHING",
        [size, root, signer.signed(checkpoint)],
    )
    row = connection.execute("SELECT root FROM tree.checkpoint WHERE size = %s", [size]).fetchone()
    if row is None or row[0] != root:
        raise TreeError(
            f"a checkpoint of {size:,} records was signed with another root: the log, or the tiles"
            " in tree.tile, were changed. Keep the database as it is, and look at it with dasan"
            " archive verify and dasan doctor"
        )
    return checkpoint


def _locked_size(connection: Connection) -> int:
    row = connection.execute("SELECT size FROM tree.head FOR UPDATE").fetchone()
    if row is None:
        raise TreeError("tree.head has no row: restore a backup")
    return int(row[0])


def tiles_in(connection: Connection) -> Tiles:
    """Return what tells the tiles of a database."""

    def tile(place: Place) -> bytes:
        row = connection.execute(
            "SELECT hashes FROM tree.tile WHERE level = %s AND number = %s",
            place,
            prepare=True,
            binary=True,
        ).fetchone()
        return row[0] if row else b""

    return tile


def newest(connection: Connection, verifier: Verifier) -> str | None:
    """Return the note of the newest checkpoint that the key has signed, None before there is one.

    A row whose note is of another size or root, or signed by nobody, is passed over: whoever could
    put it there shall not have it published.
    """
    rows = connection.execute(
        "SELECT size, root, note FROM tree.checkpoint ORDER BY size DESC LIMIT %s", [_LOOKED_AT]
    )
    for size, root, note in rows:
        with suppress(CheckpointError):
            said = verifier.opened(note)
            if (said.size, said.root) == (size, root):
                return str(note)
    return None


def caught_up(connection: Connection, signer: Signer) -> Checkpoint | None:
    """Let the tree reach the log's head; return the newest checkpoint, None of an empty log.

    Raises:
        TreeError: a checkpoint of this size was signed with another root.
    """
    while advance(connection, signer):
        pass
    note = newest(connection, signer.verifier)
    return signer.verifier.opened(note) if note else None

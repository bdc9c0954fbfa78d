"""What was published has to be continued: a log that does not is refused before it is used.

The last published checkpoint stands in a file under `DASAN_HOME`, outside the database. A restored
backup has fewer records than it says; a record that was rewritten has another hash than the tiles
that were made of it.
"""

import fcntl
import os
from pathlib import Path

from psycopg import Connection

from eventlog.checkpoint import Checkpoint, CheckpointError, Signer, Verifier
from eventlog.growing import TreeError, caught_up, newest, tiles_in
from eventlog.locks import open_lock
from eventlog.proof import range_root
from eventlog.tiles import WIDTH, Place, nodes_of
from eventlog.tree import HASH_BYTES

LOOKED_AT = 1_000_000
"""Of the newest records, how many are hashed again at a start: that takes a second or two."""

_DIFFERENT = r"""
SELECT number, told.hashes FROM (
    SELECT (position - 1) / 256 AS number,
           string_agg(sha256('\x00'::bytea || record), ''::bytea ORDER BY position) AS hashes
    FROM log WHERE position > %(begin)s AND position <= %(size)s GROUP BY 1) told
FULL JOIN (
    SELECT number, substr(hashes, 1, 32 * least(256, %(size)s - number * 256)::integer) AS hashes
    FROM tree.tile
    WHERE level = 0 AND number >= %(begin)s / 256 AND number * 256 < %(size)s) kept USING (number)
WHERE told.hashes IS DISTINCT FROM kept.hashes ORDER BY number LIMIT 1"""


def published_at(home: Path) -> Path:
    """Return the file that the last published checkpoint stands in."""
    return home / "checkpoint"


def publish(connection: Connection, verifier: Verifier, home: Path) -> None:
    """Write the newest checkpoint to its file; what is there is never replaced by an older one."""
    with open_lock(home / "checkpoint.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the newest is asked for while nobody else writes
        note = newest(connection, verifier)
        file = published_at(home)
        if note is None or (file.exists() and file.read_bytes() == note.encode()):
            return
        fresh = file.with_name("checkpoint.new")
        with fresh.open("w", encoding="utf-8") as stream:
            stream.write(note)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(file)


def require_continued(
    connection: Connection, signer: Signer, home: Path, looked_at: int = LOOKED_AT
) -> Checkpoint | None:
    """Let the tree reach the log's head, and check that it continues what was published.

    Returns the newest checkpoint, None of an empty log. The newest `looked_at` records are hashed
    again; `dasan doctor` does it with all.

    Raises:
        TreeError: the log does not continue it; says where, and what to do.
    """
    published = require_length(connection, signer, home)
    checkpoint = caught_up(connection, signer)
    if checkpoint is None:
        return None
    if published:
        _require_root(connection, published)
    require_records(connection, checkpoint.size, looked_at)
    return checkpoint


def _published(signer: Signer, home: Path) -> Checkpoint | None:
    file = published_at(home)
    if not file.exists():
        return None
    try:
        return signer.verifier.opened(file.read_text("utf-8", errors="replace"))
    except CheckpointError as error:
        raise TreeError(
            f"{file} is not a checkpoint by this log's key: {error}. Restore keys/signing and the"
            " file from a backup; only if the key is lost for ever, move the file away: auditors"
            " will see that the log has another key"
        ) from error


def require_length(connection: Connection, signer: Signer, home: Path) -> Checkpoint | None:
    """Check that the log has all records of the published checkpoint; return that, if there is one.

    Raises:
        TreeError: it has fewer; says what to do.
    """
    published = _published(signer, home)
    if published is None:
        return None
    row = connection.execute("SELECT position FROM log_head").fetchone()
    length = row[0] if row else 0
    if length < published.size:
        raise TreeError(
            f"the log ends at position {length:,}, and a checkpoint of {published.size:,} records"
            " was published: the database was restored from an older backup, or is another one."
            " Restore a newer backup, or what the archive or a replica has of the positions from"
            f" {length + 1:,} on"
        )
    return published


def _require_root(connection: Connection, published: Checkpoint) -> None:
    root = range_root(nodes_of(tiles_in(connection)), 0, published.size)
    if root != published.root:
        raise TreeError(
            f"the first {published.size:,} records of the log have not the root that was published:"
            " the log was restored from an older backup and has gone on another way, or was"
            " changed. Compare it with the archive (dasan archive verify) and restore the backup"
            " that continues the published checkpoint"
        )


def require_records(connection: Connection, size: int, looked_at: int | None = None) -> None:
    """Hash the newest records of the first `size` again, all of them if not said how many.

    Raises:
        TreeError: one is not the one that was signed; says which.
    """
    looked_at = size if looked_at is None else looked_at
    begin = max(0, size - looked_at) // WIDTH * WIDTH
    row = connection.execute(_DIFFERENT, {"begin": begin, "size": size}, binary=True).fetchone()
    if row is None:
        return
    number, told = row
    kept = tiles_in(connection)(Place(0, number))
    position = next(
        number * WIDTH + at // HASH_BYTES + 1
        for at in range(0, WIDTH * HASH_BYTES, HASH_BYTES)
        if (told or b"")[at : at + HASH_BYTES] != kept[at : at + HASH_BYTES]
    )
    raise TreeError(
        f"the record at position {position:,} is not the one that was signed: it was changed or is"
        " missing. Restore the backup or the archive's record of that position; dasan doctor looks"
        " at all of them"
    )

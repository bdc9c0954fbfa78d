"""Changing the key-encryption key: every key of personal data is wrapped anew, the old one goes.

What was forgotten before can be read nowhere afterwards: in backups, and in what the files of the
database still hold, its keys are wrapped under the old key-encryption key only. Any step may be the
last before a crash: the next run goes on from there.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from psycopg import Connection, sql

from eventlog.database import Database
from eventlog.key_keeping import Elsewhere, Folder, Keeper
from eventlog.keys import ENCRYPTION, encryption_id

BATCH_KEYS = 2_000
LEAVING_S = 3.0
"""For the server to notice that a program has just ended."""

_POLL_S = 0.05


class RotationError(RuntimeError):
    """The key-encryption key cannot be changed now; says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """The ids of the two keys in hexadecimal, and how many keys were wrapped anew in this run.

    `destroyed_at` is null where the old key is kept elsewhere, until somebody says that it is gone.
    """

    old: str
    new: str
    keys: int
    destroyed_at: datetime | None


def rotate(
    database: Database,
    home: Path,
    environment: Mapping[str, str] = os.environ,
    progress: Callable[[int], None] | None = None,
) -> Rotated:
    """Change the key-encryption key, or finish changing it, and destroy the old one if it is ours.

    Raises:
        RotationError: programs are at work that know the old key only, or a key is missing.
        KeyFileError: a key cannot be read or written, or is none.
    """
    keeper = _keeper(home, environment)
    with database.connect_as_owner() as owner, _alone(owner):
        new = encryption_id(keeper.present())
        if keeper.is_replaced() or (keeper.is_ours and _is_unfinished(owner, new)):
            return _finish(owner, keeper, new, 0)
        old, new = keeper.present(), encryption_id(keeper.following())
        _require_usable(owner, encryption_id(old), new)
        _require_nobody(owner, database.name)
        _begin(owner, encryption_id(old), new)
        count = _wrap_anew(owner, old, keeper.following(), progress)
        _require_all(owner, new)
        _clear(owner, encryption_id(old))
        keeper.replace()
        return _finish(owner, keeper, new, count)


def confirm_destroyed(
    database: Database, home: Path, environment: Mapping[str, str] = os.environ
) -> Rotated:
    """Take it that the key is destroyed which the present one has replaced.

    Raises:
        RotationError: the present key has replaced none that is still to be destroyed.
    """
    new = encryption_id(_keeper(home, environment).present())
    with database.connect_as_owner() as owner:
        if not _is_unfinished(owner, new):
            raise RotationError(
                f"the key-encryption key {new.hex()} has replaced none that was still to be"
                f" destroyed: set {ENCRYPTION} to the new key first"
            )
        return _recorded(owner, new, 0, is_destroyed=True)


def count_keys(database: Database) -> int:
    """Return how many keys of personal data there are."""
    with database.connect_as_owner() as owner:
        row = owner.execute("SELECT count(*) FROM vault.key").fetchone()
    return row[0] if row else 0


def _keeper(home: Path, environment: Mapping[str, str]) -> Keeper:
    return Elsewhere(environment) if environment.get(ENCRYPTION) else Folder(home / "keys")


@contextmanager
def _alone(owner: Connection) -> Iterator[None]:
    row = owner.execute("SELECT pg_try_advisory_lock(hashtext('dasan rotation'))").fetchone()
    if row is None or not row[0]:
        raise RotationError("somebody else changes the key-encryption key: wait for them")
    yield  # the lock ends with the connection


def _is_unfinished(owner: Connection, new: bytes) -> bool:
    row = owner.execute(
        "SELECT FROM vault.rotation WHERE new_kek = %s AND done_at IS NULL", [new]
    ).fetchone()
    return row is not None


def _require_usable(owner: Connection, old: bytes, new: bytes) -> None:
    retired = owner.execute("SELECT FROM vault.rotation WHERE old_kek = %s", [new]).fetchone()
    if new == old or retired is not None:
        raise RotationError(
            f"the new key-encryption key {new.hex()} is one that was used before: make another"
        )


def _require_nobody(owner: Connection, name: str) -> None:
    """Wait for programs that have just ended; those that go on would know the old key only."""
    give_up_at = time.monotonic() + LEAVING_S
    while True:
        row = owner.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND application_name LIKE 'dasan%'"
        ).fetchone()
        if row is None or not row[0]:
            return
        if time.monotonic() > give_up_at:
            raise RotationError(
                f"{row[0]} connections of Dasan use the database {name}: stop dasan serve and what"
                " else runs, change the key, and start them again"
            )
        time.sleep(_POLL_S)


def _begin(owner: Connection, old: bytes, new: bytes) -> None:
    """From now on nothing is wrapped under the old key, whoever still has it."""
    with owner.transaction():
        owner.execute(
            "INSERT INTO vault.rotation (new_kek, old_kek) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            [new, old],
        )
        owner.execute(
            sql.SQL("ALTER TABLE vault.key DROP CONSTRAINT IF EXISTS {}").format(_retired(old))
        )
        owner.execute(
            sql.SQL("ALTER TABLE vault.key ADD CONSTRAINT {} CHECK (kek <> {}) NOT VALID").format(
                _retired(old), sql.Literal(old)
            )
        )


def _wrap_anew(
    owner: Connection, old: bytes, new: bytes, progress: Callable[[int], None] | None
) -> int:
    """Wrap all keys under the new key that are wrapped under the old one; return how many."""
    last, count = b"", 0
    while True:
        with owner.transaction():
            rows = owner.execute(
                "SELECT kid, wrapped FROM vault.key WHERE kid > %s AND kek = %s"
                " ORDER BY kid LIMIT %s FOR NO KEY UPDATE",
                [last, encryption_id(old), BATCH_KEYS],
            ).fetchall()
            owner.execute(
                "UPDATE vault.key AS k SET wrapped = n.wrapped, kek = %s"
                " FROM unnest(%s::bytea[], %s::bytea[]) AS n(kid, wrapped) WHERE k.kid = n.kid",
                [
                    encryption_id(new),
                    [kid for kid, _ in rows],
                    [_wrapped_anew(old, new, kid, wrapped) for kid, wrapped in rows],
                ],
            )
        if not rows:
            return count
        last, count = rows[-1][0], count + len(rows)
        if progress:
            progress(count)


def _wrapped_anew(old: bytes, new: bytes, kid: bytes, wrapped: bytes) -> bytes:
    try:
        return aes_key_wrap(new, aes_key_unwrap(old, wrapped))
    except InvalidUnwrap as error:
        raise RotationError(
            f"the key {kid.hex()} was changed: it is not wrapped under the key-encryption key that"
            " its row names. Restore the row from a backup, or delete it; no key was destroyed"
        ) from error


def _require_all(owner: Connection, new: bytes) -> None:
    rows = owner.execute(
        "SELECT encode(kek, 'hex'), count(*) FROM vault.key WHERE kek <> %s GROUP BY kek", [new]
    ).fetchall()
    if rows:
        told = ", ".join(f"{count:,} under {kek}" for kek, count in rows)
        raise RotationError(
            f"keys of personal data are wrapped under other key-encryption keys: {told}. Restore"
            " those from a backup; no key was destroyed"
        )


def _clear(owner: Connection, old: bytes) -> None:
    """Take the keys as they were wrapped before out of the files."""
    owner.execute(sql.SQL("ALTER TABLE vault.key VALIDATE CONSTRAINT {}").format(_retired(old)))
    owner.execute("VACUUM (FULL, SKIP_DATABASE_STATS) vault.key")
    # Statistics of a log from before forgetting.sql have samples; who may not gets a warning.
    owner.execute("VACUUM (SKIP_DATABASE_STATS) pg_statistic")
    with suppress(psycopg.errors.InsufficientPrivilege):  # the next one removes the old file, too
        owner.execute("CHECKPOINT")


def _finish(owner: Connection, keeper: Keeper, new: bytes, count: int) -> Rotated:
    keeper.destroy()
    return _recorded(owner, new, count, is_destroyed=keeper.is_ours)


def _recorded(owner: Connection, new: bytes, count: int, *, is_destroyed: bool) -> Rotated:
    row = owner.execute(
        "UPDATE vault.rotation"
        " SET done_at = coalesce(done_at, CASE WHEN %s THEN clock_timestamp() END)"
        " WHERE new_kek = %s RETURNING encode(old_kek, 'hex'), done_at",
        [is_destroyed, new],
    ).fetchone()
    if row is None:
        raise RotationError(f"vault.rotation has lost what it knew of the key {new.hex()}")
    return Rotated(row[0], new.hex(), count, row[1])


def _retired(old: bytes) -> sql.Identifier:
    return sql.Identifier(f"kek_{old.hex()}_is_retired")

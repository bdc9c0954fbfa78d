"""Whether the secrets are those of the log: none that it has worked with is made anew.

A log says which they are by what was made with them: the keys of personal data name the
key-encryption key that wraps them, its checkpoints the signing key, its identity the look-up key.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from psycopg import Connection

from eventlog.checkpoint import Signer
from eventlog.database import KEYLESS, Database
from eventlog.growing import newest
from eventlog.keys import ENCRYPTION, KeyFileError, Keys, encryption_id

_USES = {
    "vault.key": ("SELECT EXISTS (SELECT FROM vault.key)", ENCRYPTION, "encryption"),
    "log_identity": (
        "SELECT EXISTS (SELECT FROM log_identity WHERE lookup_id <> %(keyless)s)",
        "DASAN_LOOKUP_KEY",
        "lookup",
    ),
    "tree.checkpoint": (
        "SELECT EXISTS (SELECT FROM tree.checkpoint)",
        "DASAN_SIGNING_KEY",
        "signing",
    ),
}
"""By table: whether a log has worked with a secret, its variable, and its file under `keys`."""


def require_kept(
    database: Database, home: Path, environment: Mapping[str, str] = os.environ
) -> None:
    """Refuse to begin without a secret that the log has worked with.

    Raises:
        KeyFileError: it is missing; says which, and how to mend it.
    """
    with database.connect_as_owner() as connection:
        for table, (is_used, name, file) in _USES.items():
            path = home / "keys" / file
            if environment.get(name) or path.exists():
                continue
            if _holds(connection, "SELECT to_regclass(%(table)s) IS NOT NULL", table) and _holds(
                connection, is_used, table
            ):
                raise KeyFileError(
                    f"the secret {path} is missing, and the log of {database.name} was made with"
                    " it: restore it from your backup. A new one is not made: it would open"
                    " nothing that was sealed, and continue nothing that was signed"
                )


def require_own(connection: Connection, keys: Keys, signer: Signer) -> None:
    """Refuse secrets that are not those that the log has worked with.

    Raises:
        KeyFileError: one is another; says which, and how to mend it.
    """
    known = [keys.encryption_id, *([encryption_id(keys.former)] if keys.former else [])]
    row = connection.execute("SELECT kek FROM vault.key LIMIT 1").fetchone()
    if row is not None and row[0] not in known:
        raise KeyFileError(
            f"the key-encryption key is not the one that wraps the keys of this log ({row[0].hex()}"
            f", and it is {keys.encryption_id.hex()}): restore keys/encryption from your backup"
        )
    is_signed, _, _ = _USES["tree.checkpoint"]
    if _holds(connection, is_signed, "tree.checkpoint") and not newest(connection, signer.verifier):
        raise KeyFileError(
            f"the signing key {signer.verifier} has signed none of this log's checkpoints: restore"
            " keys/signing from your backup. To auditors, a log with another key is another log"
        )


def _holds(connection: Connection, question: str, table: str) -> bool:
    values = {"keyless": KEYLESS, "table": table}
    row = connection.execute(question.encode(), values).fetchone()
    return row is not None and bool(row[0])

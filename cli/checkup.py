"""What `dasan doctor` finds out, and what of it is wrong."""

import base64
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from cli.progress import progress_bar
from eventlog.continuing import require_records
from eventlog.database import Database
from eventlog.growing import TreeError
from eventlog.inspection import Fault, inspect, records
from eventlog.keys import Keys
from eventlog.reader import Identity, head, identity
from eventlog.settings import Settings
from eventlog.tree import root
from projections.checking import Checked, checked
from projections.feeding import catch_up
from projections.runner import Runner, ViewStoppedError

DURABILITY = ("fsync", "full_page_writes", "synchronous_commit")


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found of a log up to `position`, and of its views.

    `roots` has the root up to each position that was asked for, null where a record is missing;
    `unsigned` says which record is not the one that was signed;
    `keys` counts the keys of personal data by the key-encryption key that wraps them.
    """

    identity: Identity
    timezone: str
    position: int
    roots: Mapping[int, bytes | None]
    log_fault: Fault | None
    unsigned: str | None
    views: Mapping[str, Checked]
    durability: Mapping[str, str]
    keys: Mapping[str, int]
    own_key: str

    def as_json(self) -> dict[str, Any]:
        """Return the document of `--json`; `compared` reads it elsewhere (cli/origin.py)."""
        found = self.roots[self.position]
        return {
            **self.identity._asdict(),
            "timezone": self.timezone,
            "position": self.position,
            "root": found and base64.b64encode(found).decode("ascii"),
            "durability": self.durability,
            "keys": self.keys,
            "views": {name: _as_json(view, self.position) for name, view in self.views.items()},
        }

    def faults(self) -> Iterator[str]:
        """Yield a line for whatever is wrong: what, where, and what to do."""
        if self.log_fault:
            yield (
                f"log: position {self.log_fault.position:,}: {self.log_fault.reason}:"
                " restore the log from a backup, or from a replica that was compared"
            )
        if self.unsigned:
            yield f"log: {self.unsigned}"
        for name, view in self.views.items():
            yield from (f"view {name}: {reason}" for reason in _reasons(name, view, self.position))
        for key, count in self.keys.items():
            if key != self.own_key:
                yield (
                    f"keys: {count:,} of personal data are wrapped under the key-encryption key"
                    f" {key}, this home has {self.own_key}: restore keys/encryption from a backup"
                )


def checkup(
    settings: Settings, database: Database, keys: Keys, shared: int | None = None
) -> Findings:
    """Bring the views up to the head that the log has now, and look at everything.

    `shared` is another position to tell roots and refolds of, if the log has come to it.
    """
    with database.connect() as connection, database.connect() as beside:
        position = head(connection)
        also = {shared} if shared is not None and shared < position else set()
        _catch_up(database, connection, position)
        with progress_bar("refolding", position) as progress:
            views = checked(connection, beside, {position, *also}, progress)
        with progress_bar("reading", position) as progress:
            log = inspect(connection, position, progress)
        before = {size: root(one.record for one in records(connection, size)) for size in also}
        return Findings(
            identity=identity(connection),
            timezone=settings.timezone,
            position=position,
            roots={position: log.root, **before},
            log_fault=log.fault,
            unsigned=_unsigned(connection),
            views=views,
            durability=_durability(connection),
            keys=_wrapped(connection),
            own_key=keys.encryption_id.hex(),
        )


def _catch_up(database: Database, connection: Connection, goal: int) -> None:
    with progress_bar("counting", goal) as progress, suppress(ViewStoppedError):  # told by its view
        catch_up(Runner(connection), database.connect, goal, progress)


def _unsigned(connection: Connection) -> str | None:
    row = connection.execute("SELECT max(size) FROM tree.checkpoint").fetchone()
    try:
        require_records(connection, row[0] if row and row[0] else 0)
    except TreeError as error:
        return str(error)
    return None


def _durability(connection: Connection) -> dict[str, str]:
    row = connection.execute(
        "SELECT " + ", ".join(f"current_setting('{name}')" for name in DURABILITY)
    ).fetchone()
    return dict(zip(DURABILITY, row or (), strict=True))


def _wrapped(connection: Connection) -> dict[str, int]:
    rows = connection.execute(
        "SELECT encode(kek, 'hex'), count(*) FROM vault.key GROUP BY kek ORDER BY kek"
    )
    return dict(rows.fetchall())


def _reasons(name: str, view: Checked, goal: int) -> Iterator[str]:
    position = view.live.position
    if view.live.error:
        yield f"it stopped at position {position:,}: {view.live.error} (docs/doctor.md)"
    elif position < goal:
        yield f"it is at position {position:,} of {goal:,}, as if begun again: look once more"
    if view.refold_error:
        yield f"the log cannot be folded again: {view.refold_error} (docs/doctor.md)"
    elif view.live.digest and not view.equals_refold:
        yield f"at position {position:,} it is not what the log says: dasan rebuild {name}"


def _as_json(view: Checked, position: int) -> dict[str, Any]:
    return {
        "definition": view.definition,
        "position": view.live.position,
        "error": view.live.error,
        "digest": view.live.digest,
        "equals_refold": view.equals_refold,
        "refolded": view.refolded.get(position),
    }

"""Forgetting: what is destroyed and what says so in one transaction, then the dead rows.

`forget.sql` destroys and appends. What it has to leave to whoever holds it comes after; then
what is dead leaves the files. All of it may be done again, and comes to what the first time did.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

import psycopg
from psycopg import Connection, sql

from domain.forgetting import Asker
from domain.inquiries import MAX_TRIES
from domain.request import Request
from domain.vocabulary import Code, Digest
from eventlog.certificate import Certificate, certificate
from eventlog.citizens import Citizens, Found, changed_too_often

FORGET = """SELECT vault.forget(
    %s::uuid, %s::uuid, %s::bytea[], %s::uuid[], %s::int[],
    %s::text, %s::text, %s::bytea, %s::text,
    %s::uuid[], %s::int[], %s::text[], %s::bytea[], %s::int[])"""

_EMPTIED = ("vault.key", "vault.lookup", "vault.pending", "vault.rejected", "command")


def forget(
    connection: Connection, asker: Asker, basis: Code, at: datetime, request: Request
) -> Certificate:
    """Forget a citizen, how they are known and all that they asked; or what one inquiry tells.

    When there is nothing left to destroy, nothing is recorded, and the certificate is the first.

    Raises:
        CitizenNotFoundError, InquiryNotFoundError: there is nobody and nothing of that id.
        CitizenHeldError: a legal hold forbids it.
        KeyReusedError: the request's key was used for another command.
    """
    citizens = Citizens(connection)
    for _ in range(MAX_TRIES):
        found = citizens.found(asker)
        if _is_done(citizens, asker, found, request) or _destroyed(
            citizens, asker, found, basis, at, request
        ):
            _sweep(connection, found.inquiries)
            return certificate(connection, citizens.source, asker)
    raise changed_too_often(asker.stream)


def _is_done(citizens: Citizens, asker: Asker, found: Found, request: Request) -> bool:
    """Whether there is nothing to do: the command is a repeat, or all was destroyed before."""
    if request.idempotency and citizens.is_repeated(request.idempotency):
        return True
    was_forgotten = bool(citizens.get(asker.stream).forgotten)
    return was_forgotten and not found.is_left and citizens.append([], request, str(asker.stream))


def _destroyed(
    citizens: Citizens, asker: Asker, found: Found, basis: Code, at: datetime, request: Request
) -> bool:
    """Destroy what was found, and say so; False if something was recorded meanwhile."""
    named = [citizens.get(citizen) for citizen in found.citizens]
    for citizen in named:
        citizen.require_not_held()
    kids = [Digest(kid.hex()) for kid in found.kids]
    facts = citizens.get(asker.stream).forget(basis, kids, at)
    key = request.idempotency
    records = citizens.records(facts, request)
    try:
        citizens.connection.execute(
            FORGET,
            [
                *(asker.citizen, asker.inquiry, list(found.kids)),
                *([one.id for one in named], [one.version for one in named]),
                *((key.client, key.key, key.fingerprint) if key else (None, None, None)),
                str(asker.stream),
                *(list(column) for column in zip(*records, strict=True)),
            ],
        )
    except psycopg.errors.SerializationFailure:
        return False
    return True


def _sweep(connection: Connection, inquiries: Sequence[UUID]) -> None:
    """Delete the steps that somebody was settling; then take what is dead out of the files."""
    rows = connection.execute(
        "SELECT name FROM unnest(%s::text[]) AS emptied(name) WHERE to_regclass(name) IS NOT NULL",
        [list(_EMPTIED)],
    )
    tables = [name for (name,) in rows]
    if "vault.rejected" in tables:
        connection.execute(
            "DELETE FROM vault.pending WHERE stream_id = ANY (%s)", [list(inquiries)]
        )
        # Not deleted: a message that is known to be rejected is not rejected anew.
        connection.execute(
            "UPDATE vault.rejected SET message = NULL, reason = 'forgotten'"
            " WHERE stream_id = ANY (%s) AND reason <> 'forgotten'",
            [list(inquiries)],
        )
    with _unhurried(connection):
        for table in tables:
            name = sql.Identifier(*table.split("."))
            connection.execute(sql.SQL("VACUUM (SKIP_DATABASE_STATS) {}").format(name))


@contextmanager
def _unhurried(connection: Connection) -> Iterator[None]:
    """Let statements take as long as they need: what reads for clients is cut."""
    row = connection.execute("SELECT current_setting('statement_timeout')").fetchone()
    connection.execute("SET statement_timeout = 0")
    try:
        yield
    finally:
        connection.execute("SELECT set_config('statement_timeout', %s, false)", row)

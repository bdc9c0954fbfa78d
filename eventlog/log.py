"""One city's log, opened: the one place that puts its parts together."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import Connection
from psycopg_pool import ConnectionPool

from domain.inquiries import Inquiries
from eventlog.database import SERVICE, Database, prepare, reached
from eventlog.keys import Keys, load_keys
from eventlog.recorder import LogRecorder, RecordMapper
from eventlog.settings import Settings
from eventlog.vault import Vault
from eventlog.writer import Writer

READERS = 32
"""Connections at most for reading: one for each thread that loads an inquiry at the same time."""


@dataclass(frozen=True, slots=True)
class Log:
    """The parts that programs use: the use cases, and what stands below them."""

    settings: Settings
    database: Database
    keys: Keys
    vault: Vault
    writer: Writer
    inquiries: Inquiries


@contextmanager
def opened(settings: Settings) -> Iterator[Log]:
    """Open the log of the settings, made if there is none.

    Raises:
        DatabaseError, EmbeddedServerError, KeyFileError: it cannot be used; says why.
    """
    with ExitStack() as stack:
        database = stack.enter_context(reached(settings))
        keys = load_keys(settings.home)
        prepare(database, settings, keys)
        yield stack.enter_context(assembled(settings, database, keys))


@contextmanager
def assembled(settings: Settings, database: Database, keys: Keys) -> Iterator[Log]:
    """Put the parts together on a database that is prepared."""
    with (
        ConnectionPool(
            database.url,
            kwargs={"autocommit": True, "application_name": "dasan reader"},
            configure=_as_service,
            check=ConnectionPool.check_connection,  # one that the server has ended is replaced
            min_size=1,
            max_size=READERS,
            open=True,
        ) as pool,
        Writer(database.connect, keys.encryption_id) as writer,
    ):
        vault = Vault(keys, pool)
        recorder = LogRecorder(source=settings.source, vault=vault, writer=writer, pool=pool)
        with Inquiries(RecordMapper(vault), recorder) as inquiries:
            yield Log(settings, database, keys, vault, writer, inquiries)


def _as_service(connection: Connection) -> None:
    connection.execute(psycopg.sql.SQL("SET ROLE {}").format(psycopg.sql.Identifier(SERVICE)))

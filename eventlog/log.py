"""One city's log, opened: the one place that puts its parts together."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from anyio.from_thread import BlockingPortal, start_blocking_portal
from psycopg import AsyncConnection, Connection
from psycopg.sql import SQL, Composed, Identifier
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from domain.inquiries import Inquiries
from eventlog.application import BlockingInquiries, LibraryRecorder
from eventlog.checkpoint import signer_of
from eventlog.continuing import require_length
from eventlog.database import SERVICE, Database, prepare, reached
from eventlog.keys import Keys, load_keys
from eventlog.loader import Loader
from eventlog.own_keys import require_kept
from eventlog.reconnecting import Reconnecting
from eventlog.recorder import LogRecorder, RecordMapper
from eventlog.settings import Settings
from eventlog.vault import KEPT_S, Vault
from eventlog.writer import Writer

READERS = 16
"""Connections at most for reading, of each of the two pools."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long readers wait: for a connection, and for each statement.

    Without `statement_ms` a statement takes as long as the server and the URL allow.
    """

    connection_s: float
    statement_ms: int | None


UNHURRIED = Patience(connection_s=30.0, statement_ms=None)
"""For imports and rebuilds: what they read may be long."""


@dataclass(frozen=True, slots=True)
class AsyncLog:
    """The parts that a program with an event loop uses: the use cases, and what stands below."""

    pool: AsyncConnectionPool[AsyncConnection]
    vault: Vault
    mapper: RecordMapper
    writer: Writer
    recorder: LogRecorder
    inquiries: Inquiries


@dataclass(frozen=True, slots=True)
class Log:
    """The parts that programs use that block; `portal` leads to the event loop of the rest."""

    settings: Settings
    database: Database
    keys: Keys
    vault: Vault
    writer: Writer
    inquiries: BlockingInquiries
    portal: BlockingPortal


@contextmanager
def prepared(settings: Settings) -> Iterator[tuple[Database, Keys]]:
    """Yield the database of the settings with its log, made if there is none, and the secrets.

    Raises:
        DatabaseError, EmbeddedServerError, KeyFileError, TreeError: it cannot be used; says why.
    """
    with reached(settings) as database:
        require_kept(database, settings.home)
        keys = load_keys(settings.home)
        prepare(database, settings, keys)
        with database.connect() as connection:
            require_length(connection, signer_of(settings.source, settings.home), settings.home)
        yield database, keys


@contextmanager
def opened(settings: Settings) -> Iterator[Log]:
    """Open the log of the settings, made if there is none.

    Raises what `prepared` raises.
    """
    with prepared(settings) as (database, keys), assembled(settings, database, keys) as log:
        yield log


@contextmanager
def assembled(settings: Settings, database: Database, keys: Keys) -> Iterator[Log]:
    """Put the parts together on a database that is prepared."""
    with ExitStack() as stack:
        portal = stack.enter_context(start_blocking_portal())
        pool = stack.enter_context(reading_pool(database))
        parts = stack.enter_context(
            portal.wrap_async_context_manager(in_loop(settings, database, keys, pool))
        )
        recorder = LibraryRecorder(parts.recorder, portal, pool)
        inquiries = stack.enter_context(
            BlockingInquiries(parts.inquiries, portal, parts.mapper, recorder)
        )
        yield Log(settings, database, keys, parts.vault, parts.writer, inquiries, portal)


@asynccontextmanager
async def in_loop(
    settings: Settings,
    database: Database,
    keys: Keys,
    pool: ConnectionPool[Connection],
    patience: Patience = UNHURRIED,
) -> AsyncIterator[AsyncLog]:
    """Put the parts together in the running event loop; `pool` is for what blocks."""

    async def configure(connection: AsyncConnection) -> None:
        await connection.execute(_beginning(patience))

    async def connect() -> AsyncConnection:
        connection = await database.connect_async()
        await configure(connection)
        return connection

    async with (
        AsyncConnectionPool(
            database.url,
            kwargs=_READER,
            configure=configure,
            timeout=patience.connection_s,
            check=AsyncConnectionPool.check_connection,
            min_size=1,
            max_size=READERS,
            open=False,
        ) as async_pool,
        Writer(Reconnecting(database.connect_async), keys.encryption_id) as writer,
        aclosing(Reconnecting(connect)) as loading,
        AsyncExitStack() as stack,
    ):
        await async_pool.wait()  # what connects in the background is not there when it is needed
        vault = Vault(keys, pool)
        dropping = asyncio.create_task(_drop_keys(vault))
        stack.callback(dropping.cancel)
        mapper = RecordMapper(vault)
        recorder = LogRecorder(
            source=settings.source,
            vault=vault,
            writer=writer,
            loader=Loader(loading),
            pool=async_pool,
        )
        inquiries = Inquiries(mapper, recorder, settings.times, vault.known_text)
        yield AsyncLog(async_pool, vault, mapper, writer, recorder, inquiries)


async def _drop_keys(vault: Vault) -> None:
    while True:
        await asyncio.sleep(KEPT_S)
        vault.drop_old()


@contextmanager
def reading_pool(
    database: Database, patience: Patience = UNHURRIED
) -> Iterator[ConnectionPool[Connection]]:
    """Yield a pool of connections with the rights of the service, for threads; one is connected."""

    def configure(connection: Connection) -> None:
        connection.execute(_beginning(patience))

    with ConnectionPool(
        database.url,
        kwargs=_READER,
        configure=configure,
        timeout=patience.connection_s,
        check=ConnectionPool.check_connection,  # one that the server has ended is replaced
        min_size=1,
        max_size=READERS,
        open=False,
    ) as pool:
        pool.wait()
        yield pool


_READER: dict[str, Any] = {"autocommit": True, "application_name": "dasan reader"}


def _beginning(patience: Patience) -> Composed:
    """Return what each connection begins with; `options` of the URL stay beside it."""
    as_service = SQL("SET ROLE {}").format(Identifier(SERVICE))
    if patience.statement_ms is None:
        return as_service
    return as_service + SQL("; SET statement_timeout = {}").format(patience.statement_ms)

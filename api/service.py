"""What the routes work with: the log in the server's event loop, and the views that it keeps."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Annotated
from zoneinfo import ZoneInfo

import psycopg
from fastapi import Depends, Request
from psycopg import Connection
from psycopg_pool import ConnectionPool

from api.following import Following
from api.problems import KeyInFlightError
from api.security import Tokens
from domain.request import Idempotency
from eventlog.checkpoint import Signer, signer_of
from eventlog.database import Database
from eventlog.keys import Keys
from eventlog.log import AsyncLog, Patience, in_loop, reading_pool
from eventlog.reconnecting import Reconnecting
from eventlog.settings import Settings
from eventlog.signing import kept_signed
from projections.runner import Runner, ViewStoppedError

RECONNECT_PAUSE_S = 1.0
STOPPED_PAUSE_S = 2.0
PATIENCE = Patience(connection_s=5.0, statement_ms=10_000)
"""Of requests that read; the views are kept up to date without a limit."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of a running server."""

    settings: Settings
    keys: Keys
    tokens: Tokens
    signer: Signer
    log: AsyncLog
    pool: ConnectionPool[Connection]
    following: Following
    in_flight: set[tuple[str, str]] = field(default_factory=set)

    @property
    def timezone(self) -> ZoneInfo:
        """The city's zone."""
        return ZoneInfo(self.settings.timezone)

    @contextmanager
    def carrying_out(self, idempotency: Idempotency) -> Iterator[None]:
        """Hold a client's key while its command is carried out.

        Raises:
            KeyInFlightError: another request with the key is being carried out in this process.
        """
        key = (idempotency.client, idempotency.key)
        if key in self.in_flight:
            raise KeyInFlightError(
                f"the command with the key {idempotency.key!r} is being carried out: wait for it"
            )
        self.in_flight.add(key)
        try:
            yield
        finally:
            self.in_flight.remove(key)


@asynccontextmanager
async def running(
    settings: Settings, database: Database, keys: Keys, tokens: Tokens
) -> AsyncIterator[Service]:
    """Open the log in the running event loop; keep views up to date and sign meanwhile."""
    async with AsyncExitStack() as stack:
        pool = stack.enter_context(reading_pool(database, PATIENCE))
        log = await stack.enter_async_context(in_loop(settings, database, keys, pool, PATIENCE))
        stopped = threading.Event()
        following = asyncio.create_task(asyncio.to_thread(_follow, database, stopped))
        stack.push_async_callback(_joined, following)
        stack.callback(stopped.set)
        stack.enter_context(kept_signed(settings, database))
        reading = Following(Reconnecting(database.connect_async), log.pool)
        await stack.enter_async_context(aclosing(reading))
        signer = signer_of(settings.source, settings.home)
        yield Service(settings, keys, tokens, signer, log, pool, reading)


def _follow(database: Database, stopped: threading.Event) -> None:
    """Keep the views up to date; again from the start when the database went away.

    When no view runs any more it looks whether one does again: `dasan rebuild` may mend them.
    """
    told = ""
    while not stopped.is_set():
        try:
            with database.connect() as connection:
                Runner(connection).follow(stopped.is_set)
        except psycopg.OperationalError as error:
            _log.warning("the views lost the database and try again: %s", error)
            stopped.wait(RECONNECT_PAUSE_S)
        except ViewStoppedError as error:
            if str(error) != told:
                _log.error("%s", error)  # readiness says so, too
            told = str(error)
            stopped.wait(STOPPED_PAUSE_S)


async def _joined(task: "asyncio.Task[None]") -> None:
    await task


async def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


# A coroutine, though it waits for nothing: FastAPI would hand another to a thread and back.
ServiceDep = Annotated[Service, Depends(_service)]

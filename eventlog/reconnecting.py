"""A connection for statements that may be sent again when it breaks."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, LiteralString

import psycopg
from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import TupleRow

RECONNECT_PAUSE_S = 0.05
RECONNECT_PAUSE_MAX_S = 2.0
GIVE_UP_AFTER_S = 30.0


class Reconnecting:
    """One connection, made when it is needed and made again when it broke; one caller at a time."""

    def __init__(self, connect: Callable[[], Awaitable[AsyncConnection]]) -> None:
        self._connect = connect
        self._cursor: AsyncCursor | None = None

    async def rows(self, statement: LiteralString, parameters: Sequence[Any]) -> list[TupleRow]:
        """Return the rows of a statement, sent again for as long as the server is away.

        Raises:
            psycopg.Error: the server refuses it, or was away for `GIVE_UP_AFTER_S`.
        """
        give_up_at = time.monotonic() + GIVE_UP_AFTER_S
        pause_s = RECONNECT_PAUSE_S
        while True:
            try:
                if self._cursor is None or self._cursor.connection.closed:
                    # One cursor for all: it remembers how to send the parameters.
                    self._cursor = (await self._connect()).cursor(binary=True)
                await self._cursor.execute(statement, parameters, prepare=True)
                return await self._cursor.fetchall()
            except psycopg.OperationalError:
                broken = self._cursor is None or self._cursor.connection.closed
                if not broken or time.monotonic() > give_up_at:
                    raise
                await asyncio.sleep(pause_s)  # the server is away; back off
                pause_s = min(2 * pause_s, RECONNECT_PAUSE_MAX_S)

    async def aclose(self) -> None:
        """Close the connection, if there is one."""
        if self._cursor is not None:
            await self._cursor.connection.close()

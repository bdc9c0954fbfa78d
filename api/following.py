"""Followers of the log: one reads it for all of a process, and hands on what it has read.

What was read last is kept in pieces of the stream that all share. A follower that has come to the
beginning of one gets it as it is; one that is further behind reads pages of its own, few at a time,
until it gets there. Followers take turns, so many a second, whoever many they are: between them
everybody else is answered.
"""

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from eventlog import reader
from eventlog.reconnecting import Reconnecting

PIECE_BYTES = 64 * 1024
"""Of the stream that are written at once, one record more or less."""
KEPT_BYTES = 8 * 1024 * 1024
TURNS = 20
"""Followers that are told news in one `reader.POLL_INTERVAL_S`: a thousand a second."""
LOOKED_AT = 1_000
"""Followers of which it is looked then whether there is news for them."""
OWN_PAGES, REST_S = 2, 0.01
"""Pages that are read at a time for those that are far behind, and the rest after each."""
KEEP_ALIVE_S = 15.0
AGAIN_S = 1.0

# A page ends with the record that makes it as long as it may be. What a record is long is known
# without reading it.
_PAGE: LiteralString = (
    "SELECT position, type, record FROM (SELECT *, sum(octet_length(record)) OVER (ORDER BY"
    " position) - octet_length(record) AS before FROM (SELECT position, type, record FROM log"
    " WHERE position > %s AND position <= %s ORDER BY position LIMIT %s) AS l) AS page"
    " WHERE before < %s ORDER BY position"
)
END = 2**63 - 1
"""The last of all positions."""

TROUBLE = (psycopg.Error, PoolTimeout)
"""What following can fail of."""

Pool = AsyncConnectionPool[AsyncConnection]

_log = logging.getLogger(__name__)


async def page(
    pool: Pool, after: int, *, upto: int = END, limit: int = 1_000, size: int
) -> Sequence[TupleRow]:
    """Return position, type and bytes of the records above a position, at most so many.

    There are fewer once they have `size` bytes together.
    """
    async with pool.connection() as connection:
        cursor = await connection.execute(
            _PAGE, [after, upto, limit, size], prepare=True, binary=True
        )
        return await cursor.fetchall()


@dataclass(frozen=True, slots=True)
class Piece:
    """What comes in the stream behind a position, and the position where it ends."""

    upto: int
    body: bytes


class Following:
    """Follows the log while anybody wants to hear of it."""

    def __init__(self, connection: Reconnecting, pool: Pool) -> None:
        self._connection = connection
        self._pool = pool
        self._own_pages = asyncio.Semaphore(OWN_PAGES)
        self._starting = asyncio.Lock()
        self._pieces: OrderedDict[int, Piece] = OrderedDict()
        self._kept_bytes = 0
        self._position = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._followers = 0
        self._task: asyncio.Task[None] | None = None

    async def aclose(self) -> None:
        """Stop reading, and close the connection."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._connection.aclose()

    async def followed(self, after: int, patience_s: Callable[[], float]) -> AsyncGenerator[bytes]:
        """Yield the stream above a position, nothing where it was quiet for `patience_s()`.

        Raises:
            psycopg.Error, PoolTimeout: the log could not be read for it.
        """
        async with self._joined():
            while True:
                if after < self._position and after not in self._pieces:
                    piece = await self._own_piece(after)
                    after = piece.upto
                    yield piece.body
                elif await self._turn(after, patience_s()):
                    body, after = self._kept(after)
                    yield body
                else:
                    yield b""

    async def _own_piece(self, after: int) -> Piece:
        async with self._own_pages:
            rows = await page(self._pool, after, upto=self._position, size=PIECE_BYTES)
            await asyncio.sleep(REST_S)
            return piece_of(rows)

    def _kept(self, after: int) -> tuple[bytes, int]:
        """Return the pieces that follow a position, as many as are written at once, and their end.

        There are none where the position has been left behind meanwhile.
        """
        bodies: list[bytes] = []
        size = 0
        while size < PIECE_BYTES and (piece := self._pieces.get(after)):
            bodies.append(piece.body)
            size += len(piece.body)
            after = piece.upto
        return b"".join(bodies), after

    async def _turn(self, after: int, patience_s: float) -> bool:
        """Wait for a turn with news of what is behind a position; tell whether it came in time."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((after, turn))
        try:
            async with asyncio.timeout(patience_s):
                await turn
        except TimeoutError:
            return False
        return True

    @asynccontextmanager
    async def _joined(self) -> AsyncIterator[None]:
        """Let the log be followed; by the one that is first from where it is now."""
        self._followers += 1
        try:
            async with self._starting:
                if self._task is None or self._task.done():
                    await self._start()
            yield
        finally:
            self._followers -= 1

    async def _start(self) -> None:
        self._pieces.clear()
        self._kept_bytes = 0
        [[self._position]] = await self._connection.rows("SELECT position FROM log_head", [])
        self._task = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        while self._followers:
            try:
                rows = await self._connection.rows(_PAGE, [self._position, END, 1_000, PIECE_BYTES])
            except psycopg.Error as error:
                _log.warning("the log cannot be followed for now: %s", error)
                await asyncio.sleep(AGAIN_S)
                continue
            if rows:
                self._keep(piece_of(rows))
            self._tell()
            await asyncio.sleep(reader.POLL_INTERVAL_S)

    def _keep(self, piece: Piece) -> None:
        self._pieces[self._position] = piece
        self._position = piece.upto
        self._kept_bytes += len(piece.body)
        while self._kept_bytes > KEPT_BYTES:
            _, oldest = self._pieces.popitem(last=False)
            self._kept_bytes -= len(oldest.body)

    def _tell(self) -> None:
        """Give turns to those who wait longest and have something to hear."""
        turns = TURNS
        for _ in range(min(len(self._waiting), LOOKED_AT)):
            after, turn = self._waiting.popleft()
            if turn.done():
                continue  # its patience has ended
            if after < self._position:
                turn.set_result(None)
                turns -= 1
                if not turns:
                    return
            else:
                self._waiting.append((after, turn))


def piece_of(rows: Sequence[TupleRow]) -> Piece:
    """Return rows of a page as a piece of the stream."""
    return Piece(
        rows[-1][0],
        b"".join(
            b"id: %d\nevent: %b\ndata: %b\n\n" % (position, kind.encode(), record)
            for position, kind, record in rows
        ),
    )

"""Group load: the streams that tasks wait for are loaded together, as `writer` saves them."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from psycopg.rows import TupleRow

from eventlog.reconnecting import Reconnecting

# An inquiry comes with its key, so that whatever it decides can be sealed without asking again.
# Ordered by an expression, so that no plan walks the index on kid to find the key of a stream.
SELECT = """SELECT stream_id, version, type, record, kid, wrapped
    FROM log l LEFT JOIN LATERAL (
        SELECT kid, wrapped FROM vault.key k
        WHERE k.stream_id = l.stream_id AND l.version = 1
        ORDER BY encode(kid, 'hex') LIMIT 1) k ON true
    WHERE stream_id = ANY (%b) ORDER BY stream_id, version"""


class Loader:
    """Loads streams for the tasks of one event loop.

    One statement is under way at a time; who asks meanwhile is served by the next one, together.
    """

    def __init__(self, connection: Reconnecting) -> None:
        self._connection = connection
        self._one_at_a_time = asyncio.Lock()
        self._wanted: set[UUID] = set()
        self._next: asyncio.Task[Mapping[UUID, Sequence[TupleRow]]] | None = None

    async def rows(self, streams: Iterable[UUID]) -> dict[UUID, Sequence[TupleRow]]:
        """Return the rows of `SELECT` of each stream that exists, by version.

        Raises:
            psycopg.Error: the database refused or could not be reached.
        """
        wanted = set(streams)
        self._wanted |= wanted
        if self._next is None:
            self._next = asyncio.create_task(self._load())
        found = await asyncio.shield(self._next)  # others wait for it, too
        return {stream: found[stream] for stream in wanted & found.keys()}

    async def _load(self) -> Mapping[UUID, Sequence[TupleRow]]:
        async with self._one_at_a_time:
            wanted, self._wanted, self._next = self._wanted, set(), None
            found = defaultdict(list)
            for row in await self._connection.rows(SELECT, [list(wanted)]):
                found[row[0]].append(row)
            return found

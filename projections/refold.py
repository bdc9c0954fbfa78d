"""Folding the log once more, beside the live views: what they should hold.

A refold has a connection of its own and keeps its tables among that connection's temporary ones:
readers of the live views notice nothing, and whatever ends the connection leaves nothing behind.
"""

from collections.abc import Callable, Collection, Sequence

from psycopg import Connection

from projections.digest import digest
from projections.runner import BATCH_EVENTS, POISON, fill, make_relation
from projections.views import views

TEMPORARY = "pg_temp"
"""PostgreSQL's name for the schema of a connection's own temporary tables."""


class Refold:
    """Views folded from the beginning of the log to `position`.

    `views` are those whose tables are the connection's. `errors` says of each view that cannot come
    there where it stopped, and why.
    """

    def __init__(self, connection: Connection, *, batch: int = BATCH_EVENTS) -> None:
        self.position = 0
        self.errors: dict[str, str] = {}
        self._batch = batch
        self._connection = connection
        connection.execute("SET temp_buffers = '64MB'")  # before the first temporary table
        make_relation(connection)
        self.views = {view.name: view.within(TEMPORARY) for view in views()}
        for view in self.views.values():
            connection.execute(view.tables.encode())

    def advance(
        self, names: Collection[str], upto: int, progress: Callable[[int], None] | None = None
    ) -> None:
        """Fold the named views on to `upto`; a view that is once left out stays behind."""
        while self.position < upto:
            end = min(upto, self.position + self._batch)
            self._fold(names, self.position, end)
            self.position = end
            if progress:
                progress(end)

    def digest(self, name: str) -> str | None:
        """Return the digest of a view; null if it has stopped."""
        return None if name in self.errors else digest(self._connection, self.views[name])

    def _fold(self, names: Collection[str], begin: int, end: int) -> None:
        """Fold a batch; one that fails in halves, down to the event that a view cannot merge."""
        running = [name for name in names if name not in self.errors]
        try:
            if running:
                self._merge(running, begin, end)
        except POISON as error:
            if end - begin > 1:
                middle = (begin + end) // 2
                self._fold(running, begin, middle)
                self._fold(running, middle, end)
            elif len(running) > 1:
                for name in running:
                    self._fold([name], begin, end)
            else:
                reason = str(error).partition("\n")[0]
                self.errors[running[0]] = f"the event at position {end} cannot be merged: {reason}"

    def _merge(self, names: Sequence[str], begin: int, end: int) -> None:
        with self._connection.transaction():
            fill(self._connection, begin, end)
            for name in names:
                for merge in self.views[name].merges:
                    self._connection.execute(merge.encode())

"""Catching up on two cores: two connections take the batches in turns.

Each types its batch by itself and then merges it into one view after the other. A view waits for
its own batch before only, so that both connections always have something to do.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Condition

from psycopg import Connection

from eventlog.database import Database
from eventlog.reader import head
from projections.runner import POISON, Runner, ViewStoppedError, fill, fold, make_relation
from projections.views import View, views

Progress = Callable[[int], None]


def catch_up(
    runner: Runner,
    connect: Callable[[], Connection],
    upto: int | None = None,
    progress: Progress | None = None,
) -> int:
    """Advance every view to `upto`, by default the head seen now, and return it.

    What the runner can do by itself is left to it: little, views that are apart, and whatever an
    event prevents.

    Raises:
        ViewStoppedError: a view met an event that it cannot merge.
    """
    with connect() as one:
        goal = min(head(one), head(one) if upto is None else upto)
        begin = min(state.position for state in runner.progress())
        if goal - begin > runner.batch:
            # The first batch is half a batch, so that the two never merge at the same time.
            edges = [begin, *range(begin + runner.batch // 2, goal, runner.batch), goal]
            with connect() as other:
                _feed((Feeder(one), Feeder(other)), edges, progress)
    return runner.catch_up(goal, progress)


def bring_to_head(database: Database, name: str, progress: Progress | None = None) -> None:
    """Let a view reach the head that the log has now; another one that has stopped is no hindrance.

    Raises:
        ViewStoppedError: the view met an event that it cannot merge.
    """
    with database.connect() as connection:
        goal = head(connection)
        runner = Runner(connection)
        try:
            catch_up(runner, database.connect, goal, progress)
        except ViewStoppedError:
            if any(s.position < goal for s in runner.progress() if s.view == name):
                raise


class Feeder:
    """Types batches and merges them, each view in a transaction of its own."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        connection.execute("SET temp_buffers = '64MB'")  # a typed batch stays in memory
        make_relation(connection, on_commit="PRESERVE")
        self.views = views()

    def type(self, begin: int, end: int) -> None:
        """Fill the relation `events` with a batch."""
        with self._connection.transaction():
            self._connection.execute("TRUNCATE events")
            fill(self._connection, begin, end)

    def merge(self, view: View, begin: int, end: int) -> bool:
        """Merge the typed batch into a view; False if it is not at `begin`, or has stopped."""
        with self._connection.transaction():
            waits = self._connection.execute(
                "SELECT FROM projection WHERE view = %s AND position = %s"
                " AND definition = %s AND error IS NULL FOR UPDATE",
                [view.name, begin, view.definition],
            ).fetchone()
            if waits is not None:
                fold(self._connection, [view], end)
            return waits is not None


class _Turns:
    """Which batch each view waits for."""

    def __init__(self, begin: int) -> None:
        self._begin = begin
        self._positions: dict[str, int] = {}
        self._over = False
        self._changed = Condition()

    def await_turn(self, view: View, begin: int) -> bool:
        """Wait until the view is at `begin`; False if it will not come there."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._over or self._positions.get(view.name, self._begin) == begin
            )
            return not self._over

    def pass_on(self, view: View, end: int) -> None:
        with self._changed:
            self._positions[view.name] = end
            self._changed.notify_all()

    def end(self) -> None:
        with self._changed:
            self._over = True
            self._changed.notify_all()


def _feed(feeders: Sequence[Feeder], edges: Sequence[int], progress: Progress | None) -> None:
    batches = list(pairwise(edges))
    turns = _Turns(edges[0])
    with ThreadPoolExecutor(len(feeders)) as threads:
        working = [
            threads.submit(_work, feeder, batches[first :: len(feeders)], turns, progress)
            for first, feeder in enumerate(feeders)
        ]
        try:
            for work in working:
                work.result()
        finally:
            turns.end()


def _work(
    feeder: Feeder, batches: Sequence[tuple[int, int]], turns: _Turns, progress: Progress | None
) -> None:
    """Type and merge the batches; whatever prevents one ends the turns."""
    done = False
    try:
        done = all(_batch(feeder, *ends, turns, progress) for ends in batches)
    except POISON:
        pass  # the runner finds the event
    finally:
        if not done:
            turns.end()


def _batch(feeder: Feeder, begin: int, end: int, turns: _Turns, progress: Progress | None) -> bool:
    feeder.type(begin, end)
    for view in feeder.views:
        if not (turns.await_turn(view, begin) and feeder.merge(view, begin, end)):
            return False
        turns.pass_on(view, end)
    if progress:
        progress(end)
    return True

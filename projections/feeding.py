"""Catching up on two cores: one connection types the next batch while another merges the last.

The feeder fills `feed_0.events` and `feed_1.events` in turn, unlogged tables, while the runner
merges the other: the views' SQL finds `events` by the search path. One process feeds at a time.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import cycle, pairwise

from psycopg import Connection, sql

from eventlog.reader import head
from projections.runner import POISON, Runner, fill

FEEDS = ("feed_0", "feed_1")


def catch_up(
    runner: Runner,
    connect: Callable[[], Connection],
    upto: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Advance every view to `upto`, by default the head seen now, and return it.

    What the runner can do by itself is left to it: little, views that are apart, and whatever an
    event prevents.

    Raises:
        ViewStoppedError: a view met an event that it cannot merge.
    """
    with connect() as feeder:
        goal = min(head(feeder), head(feeder) if upto is None else upto)
        begin = min(state.position for state in runner.progress())
        if goal - begin > 2 * runner.batch and _alone(feeder):
            _feed(runner, feeder, [*range(begin, goal, runner.batch), goal], progress)
    return runner.catch_up(goal, progress)


def _feed(
    runner: Runner,
    feeder: Connection,
    edges: list[int],
    progress: Callable[[int], None] | None,
) -> None:
    """Merge the batches between the edges, typing each while the one before it is merged."""
    batches = [(feed, *ends) for feed, ends in zip(cycle(FEEDS), pairwise(edges), strict=False)]
    with ThreadPoolExecutor(max_workers=1) as ahead:
        typed: Future[None] = ahead.submit(_type, feeder, *batches[0])
        for number, (feed, begin, end) in enumerate(batches, 1):
            try:
                typed.result()
                if number < len(batches):
                    typed = ahead.submit(_type, feeder, *batches[number])
                if not runner.merge_fed(feed, begin, end):
                    return
            except POISON:
                return
            if progress:
                progress(end)


def _type(feeder: Connection, feed: str, begin: int, end: int) -> None:
    with feeder.transaction():
        feeder.execute(sql.SQL("SET LOCAL search_path = {}, public").format(sql.Identifier(feed)))
        feeder.execute("TRUNCATE events")
        fill(feeder, begin, end)


def _alone(feeder: Connection) -> bool:
    row = feeder.execute("SELECT pg_try_advisory_lock(hashtext('dasan feed'))").fetchone()
    return row is not None and bool(row[0])

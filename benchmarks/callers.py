"""Callers: in one process or several, they each save again as soon as they have saved."""

import asyncio
import multiprocessing
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from multiprocessing.connection import Connection
from typing import NamedTuple, Protocol

CALLERS = 32
READY = "ready"


class Run(NamedTuple):
    """What was done in one run, and how long it took."""

    n: int
    seconds: float

    @property
    def value(self) -> float:
        return self.n / self.seconds


class Measured(NamedTuple):
    """What was measured otherwise in one run, of so many things over so long."""

    n: int
    seconds: float
    value: float


Act = Callable[[int, float], Run]
"""Lets so many callers act, again and again, for so many seconds."""


class System(Protocol):
    """What is measured. It crosses to the processes of its callers, which open it there."""

    def opened(self) -> AbstractContextManager[Act]:
        """Yield the act to measure."""

    def events(self) -> int:
        """Return how many events are in its database."""


@contextmanager
def callers(system: System, *, processes: int) -> Iterator[Callable[[float], Run]]:
    """Start `CALLERS` callers of `system`, and yield what lets them all run for some seconds."""
    spawn = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        ends: list[Connection] = []
        for _ in range(processes):
            ours, theirs = spawn.Pipe()
            process = spawn.Process(target=_serve, args=(system, CALLERS // processes, theirs))
            process.start()
            theirs.close()
            stack.callback(process.join)
            stack.callback(ours.close)
            ends.append(ours)
            # One after the other: both would make the tables of a new database.
            assert ours.recv() == READY

        def run(seconds: float) -> Run:
            for end in ends:
                end.send(seconds)
            runs: list[Run] = [end.recv() for end in ends]
            return Run(sum(run.n for run in runs), max(run.seconds for run in runs))

        yield run


def _serve(system: System, callers: int, parent: Connection) -> None:
    with system.opened() as act:
        parent.send(READY)
        while True:
            try:
                seconds: float = parent.recv()
            except EOFError:
                return
            parent.send(act(callers, seconds))


def in_threads(act: Callable[[], object], callers: int, seconds: float) -> Run:
    """Act in threads, as a library that blocks has to be called."""
    begin = time.perf_counter()
    counts = [0] * callers

    def repeat(number: int) -> None:
        while time.perf_counter() < begin + seconds:
            act()
            counts[number] += 1

    threads = [threading.Thread(target=repeat, args=[number]) for number in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Run(sum(counts), time.perf_counter() - begin)


async def in_tasks(act: Callable[[], Awaitable[object]], callers: int, seconds: float) -> Run:
    """Act in tasks of one event loop, as a service does."""
    begin = time.perf_counter()
    counts = [0] * callers

    async def repeat(number: int) -> None:
        while time.perf_counter() < begin + seconds:
            await act()
            counts[number] += 1

    async with asyncio.TaskGroup() as tasks:
        for number in range(callers):
            tasks.create_task(repeat(number))
    return Run(sum(counts), time.perf_counter() - begin)

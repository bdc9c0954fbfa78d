"""The clock: what happens next, and the commands that come of it.

A process is a generator that tells what somebody does and yields its pauses: milliseconds that
pass, or a function that takes the process and lets it go on later (somebody waits for somebody).
What goes on is decided by time, and at the same time by who asked first.
"""

from collections.abc import Callable, Generator, Iterator
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import TypeAlias

from simulation.command import Command
from simulation.staff import Agent

Pause: TypeAlias = int | Callable[["Process"], None]
Process: TypeAlias = Generator[Pause, Agent | None, None]


class Clock:
    """Milliseconds since the day's beginning, and what is yet to come."""

    def __init__(self, beginning: datetime) -> None:
        self._beginning = beginning
        self._order = count()
        self._agenda: list[tuple[int, int, Process, Agent | None]] = []
        self.now_ms = 0
        self.told: list[Command] = []

    @property
    def time(self) -> datetime:
        """The time now, in UTC."""
        return self._beginning + timedelta(milliseconds=self.now_ms)

    def start(self, process: Process) -> None:
        """Let a process begin now."""
        self.resume(process)

    def resume(self, process: Process, agent: Agent | None = None, *, after_ms: int = 0) -> None:
        """Let a process go on, with the agent that it waited for."""
        heappush(self._agenda, (self.now_ms + after_ms, next(self._order), process, agent))

    def run(self) -> Iterator[Command]:
        """Yield what is told, in the order of time, until nothing is left to happen."""
        while self._agenda:
            self.now_ms, _, process, agent = heappop(self._agenda)
            self._go_on(process, agent)
            yield from self.told
            self.told.clear()

    def _go_on(self, process: Process, agent: Agent | None) -> None:
        try:
            pause = process.send(agent)
        except StopIteration:
            return
        if isinstance(pause, int):
            self.resume(process, after_ms=pause)
        else:
            pause(process)

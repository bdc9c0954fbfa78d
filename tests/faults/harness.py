"""Writers that roll back and are killed, a follower that watches, and what is wrong afterwards.

The harness knows a log by the few things that `Subject` asks for, so that the same run judges ours
and others.
"""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple, Protocol
from uuid import UUID

PROCESSES = 4
WRITERS_IN_EACH = 4
MOST_EVENTS = 12
ROLLED_BACK = 0.2
PATIENCE_S = 60.0
LOOK_EVERY_S = 0.02


class Step(StrEnum):
    """What a writer reports in a line: a command begun, with its events, or what became of it."""

    APPEND = "append"
    ROLL_BACK = "roll-back"
    OK = "ok"
    REFUSED = "refused"


class Seen(NamedTuple):
    """An event as delivered or as committed: the `number`th of its command, from 1."""

    position: int
    command: UUID
    number: int


class Appender(Protocol):
    """How one process writes; its methods may be called by several threads."""

    def append(self, command: UUID, events: int) -> None:
        """Append the command's events and return once they are durable."""

    def append_and_roll_back(self, command: UUID, events: int) -> None:
        """Append the command's events in a transaction, then roll it back."""


class Subject(Protocol):
    """A log under test. It crosses to the processes of its writers."""

    def opened(self) -> AbstractContextManager[Appender]: ...

    def follow(self, after: int, stop: threading.Event) -> Iterator[Seen]:
        """Yield the events with positions above `after` as they are committed, until `stop`."""

    def committed(self, after: int) -> list[Seen]:
        """Return the events with positions above `after`, by position."""


@dataclass(frozen=True)
class Run:
    """What was tried and acknowledged, what is in the log, and what the follower got."""

    committed: Sequence[Seen]
    delivered: Sequence[Seen]
    tried: dict[UUID, int]
    rolled_back: dict[UUID, int]
    acknowledged: set[UUID]
    refused: list[str] = field(default_factory=list)

    def faults(self) -> dict[str, int]:
        """Return how often the run broke which promise; nothing when it kept all."""
        times_delivered = Counter(self.delivered)
        positions = [seen.position for seen in self.delivered]
        found = {
            "lost on the way": len(set(self.committed) - set(self.delivered)),
            "delivered twice": sum(times - 1 for times in times_delivered.values()),
            "delivered, not committed": len(set(self.delivered) - set(self.committed)),
            "out of order": sum(b <= a for a, b in pairwise(positions)),
            "acknowledged, not committed": len(self.acknowledged - self._commands()),
            "rolled back, but committed": len(self._commands() & self.rolled_back.keys()),
            "in pieces": self._in_pieces(),
            "refused": len(self.refused),
        }
        return {promise: count for promise, count in found.items() if count}

    def _commands(self) -> set[UUID]:
        return {seen.command for seen in self.committed}

    def _in_pieces(self) -> int:
        numbers: dict[UUID, list[int]] = {}
        for seen in self.committed:
            numbers.setdefault(seen.command, []).append(seen.number)
        known = self.tried | self.rolled_back
        return sum(got != list(range(1, known[name] + 1)) for name, got in numbers.items())


def run(subject: Subject, folder: Path, *, commands: int, kills: int, seed: int = 1) -> Run:
    """Let 16 writers in 4 processes write while one follows; kill and replace processes meanwhile.

    `commands` is the number for each writer.
    """
    before = max((seen.position for seen in subject.committed(0)), default=0)
    with following(subject, before) as delivered:
        crew = Crew(subject, folder, commands, random.Random(seed))
        for number in range(1, kills + 1):
            crew.await_begun(number * PROCESSES * WRITERS_IN_EACH * commands // (kills + 1))
            crew.kill_one()
        crew.join()
        committed = subject.committed(before)
        await_condition(lambda: delivered[-1:] == committed[-1:], or_else=lambda: None)
    return crew.run(committed, delivered)


@contextmanager
def following(subject: Subject, after: int) -> Iterator[list[Seen]]:
    """Yield the growing list of what a follower gets."""
    stop = threading.Event()
    delivered: list[Seen] = []
    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(lambda: delivered.extend(subject.follow(after, stop)))
        try:
            yield delivered
        finally:
            stop.set()
            done.result()


class Crew:
    """The processes of the writers, and their reports."""

    def __init__(
        self, subject: Subject, folder: Path, commands: int, chance: random.Random
    ) -> None:
        self._subject = subject
        self._folder = folder
        self._commands = commands
        self._chance = chance
        self._working: list[BaseProcess] = []
        for _ in range(PROCESSES):
            self._start()

    def _start(self) -> None:
        seed = self._chance.getrandbits(32)
        process = get_context("spawn").Process(
            target=work, args=(self._subject, self._folder / f"{seed}", self._commands, seed)
        )
        process.start()
        self._working.append(process)

    def kill_one(self) -> None:
        """Kill a process that works, in the middle of what it does, and start another."""
        process = self._chance.choice(self._working)
        process.kill()
        process.join()
        self._working.remove(process)
        self._start()

    def await_begun(self, count: int) -> None:
        """Wait until this many commands were begun, whatever became of them."""

        def begun() -> int:
            return sum(step in (Step.APPEND, Step.ROLL_BACK) for step, _, _ in self._reports())

        await_condition(lambda: begun() >= count)

    def join(self) -> None:
        for process in self._working:
            process.join()
            assert process.exitcode == 0

    def run(self, committed: Sequence[Seen], delivered: Sequence[Seen]) -> Run:
        run = Run(committed, delivered, tried={}, rolled_back={}, acknowledged=set())
        for step, command, said in self._reports():
            match step:
                case Step.APPEND:
                    run.tried[UUID(command)] = int(said)
                case Step.ROLL_BACK:
                    run.rolled_back[UUID(command)] = int(said)
                case Step.OK:
                    run.acknowledged.add(UUID(command))
                case Step.REFUSED:
                    run.refused.append(said)
        return run

    def _reports(self) -> Iterator[Sequence[str]]:
        for file in self._folder.iterdir():
            for line in file.read_text().splitlines():
                yield line.split(" ", 2)


def await_condition(
    condition: Callable[[], bool], or_else: Callable[[], object] | None = None
) -> None:
    """Wait until the condition holds; when it never does, fail, or do something else."""
    give_up_at = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > give_up_at:
            if or_else is None:
                raise TimeoutError("what was waited for did not happen")
            or_else()
            return
        time.sleep(LOOK_EVERY_S)


def work(subject: Subject, report: Path, commands: int, seed: int) -> None:
    """Write with some threads, reporting each step in one unbuffered write: a kill loses none."""
    descriptor = os.open(report, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def tell(step: Step, command: UUID, said: object = "") -> None:
        os.write(descriptor, f"{step} {command} {said}\n".encode())

    with subject.opened() as appender:

        def write(chance: random.Random) -> None:
            for _ in range(commands):
                command = UUID(int=chance.getrandbits(128), version=4)
                events = chance.randint(1, MOST_EVENTS)
                rolls_back = chance.random() < ROLLED_BACK
                tell(Step.ROLL_BACK if rolls_back else Step.APPEND, command, events)
                try:
                    if rolls_back:
                        appender.append_and_roll_back(command, events)
                    else:
                        appender.append(command, events)
                        tell(Step.OK, command)
                except Exception as error:  # noqa: BLE001 - whatever it is, it goes into the report
                    tell(Step.REFUSED, command, str(error).replace("\n", " "))

        with ThreadPoolExecutor(WRITERS_IN_EACH) as threads:
            list(threads.map(write, [random.Random(f"{seed}/{n}") for n in range(WRITERS_IN_EACH)]))

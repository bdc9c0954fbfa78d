"""Group commit: the commands that wait in this process are appended together.

One task gathers them and calls the log's `append` function once for all: one lock of the order, one
fsync. A conflict fails its own command only. When the connection breaks, nobody knows whether the
batch was committed; it is sent again, and keys or versions tell.
"""

import asyncio
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple, Self

import psycopg

from domain.request import Idempotency
from eventlog.binary import BYTEA, INTEGER, TEXT, UUID, BinaryArray, array, integer
from eventlog.reconnecting import Reconnecting
from eventlog.record import Record
from eventlog.vault import DataKey

MAX_BATCH_EVENTS = 2_000
"""Bounds how long a batch holds the order, and with it everybody else's latency."""

WORTH_HALVING = 24
"""Callers in a batch: halves of fewer cost the server more than the time together saves."""

APPEND = """SELECT outcome, first_position, last_position, response FROM append(
    %b::text[], %b::text[], %b::bytea[], %b::text[],
    %b::int[], %b::uuid[], %b::int[], %b::text[], %b::bytea[], %b::int[],
    %b::int[], %b::bytea[], %b::uuid[], %b::bytea[], %b::bytea[],
    %b::int[], %b::bytea[], %b::timestamptz)"""


FAULTS = (psycopg.Error, struct.error, UnicodeEncodeError)
"""What a batch can fail of: the database, or values of a command that cannot even be sent."""


class Outcome(StrEnum):
    """What `append` says to a command; `eventlog/append.sql` defines each."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"
    KEY_REUSED = "key-reused"
    CONFLICT = "conflict"
    KEY_GONE = "key-gone"
    OTHER_KIND = "other-kind"


@dataclass(frozen=True, slots=True)
class Command:
    """Events to append together or not at all, with the keys that their texts are sealed under.

    `response` is what a repeat of the command gets to hear.
    """

    records: Sequence[Record]
    keys: Sequence[DataKey] = ()
    idempotency: Idempotency | None = None
    response: str = ""


class Answer(NamedTuple):
    """What became of a command; positions are null for one without events."""

    outcome: Outcome
    first_position: int | None
    last_position: int | None
    response: str | None


class WriterError(Exception):
    """The log could not be written; the cause says why. The command may be sent again."""


@dataclass(slots=True, eq=False)
class _Waiting:
    """Some commands of one caller, and the future that it awaits."""

    commands: Sequence[Command]
    events: int
    answers: "asyncio.Future[Sequence[Answer]]"

    def give(self, result: Sequence[Answer] | Exception) -> None:
        if self.answers.done():  # the caller was cancelled, its commands were appended nevertheless
            return
        if isinstance(result, Exception):
            self.answers.set_exception(result)
        else:
            self.answers.set_result(result)


_Answered = tuple[_Waiting, Sequence[Answer] | Exception]


class Writer:
    """Appends the commands of many tasks of one event loop in common batches."""

    def __init__(self, connection: Reconnecting, encryption_id: bytes) -> None:
        self._connection = connection
        self._encryption_id = encryption_id
        self._waiting: list[_Waiting] = []
        self._open = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Let commands in."""
        self._open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        """Append what still waits, then stop."""
        self._open = False
        if self._task is not None:
            await self._task
        await self._connection.aclose()

    async def append(self, *commands: Command) -> Sequence[Answer]:
        """Append commands in this order and return an answer for each, once they are durable.

        Those of a caller that is cancelled are left out, unless they are on their way.

        Raises:
            WriterError: the database refused or could not be reached. A command with a key can be
                sent again: its first answer is remembered.
        """
        if not self._open:
            raise WriterError("the writer is closed")
        answers: asyncio.Future[Sequence[Answer]] = asyncio.get_running_loop().create_future()
        events = sum(len(command.records) for command in commands)
        waiting = _Waiting(commands, events, answers)
        self._waiting.append(waiting)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        try:
            return await answers
        except asyncio.CancelledError:
            if waiting in self._waiting:
                self._waiting.remove(waiting)
            raise
        except FAULTS as error:
            raise WriterError(f"the log could not be written: {error}") from error

    async def _run(self) -> None:
        """Append batch after batch until nobody waits."""
        answered: list[_Answered] = []
        batch: list[_Waiting] = []
        try:
            while self._waiting or answered:
                if self._waiting:
                    batch = self._gather()
                    # The batch is on its way before those of the last one hear their answers: what
                    # they send next is prepared while the server works.
                    appending = asyncio.create_task(self._appended(batch))
                    _give(answered)
                    answered = await appending
                else:
                    # All wait for these answers. Where they are many, half get ahead, so that what
                    # they send next is under way while the others prepare theirs.
                    ahead = len(answered) // (2 if len(answered) >= WORTH_HALVING else 1)
                    _give(answered[:ahead])
                    del answered[:ahead]
                    await asyncio.sleep(0)
        finally:
            _give(answered)
            # Only where something unforeseen happened is anybody left; they are not sent again.
            _give((left, WriterError("the writer stopped")) for left in [*batch, *self._waiting])
            self._waiting.clear()

    def _gather(self) -> list[_Waiting]:
        """Take what waits, up to the bound."""
        events, taken = 0, 0
        while taken < len(self._waiting) and events < MAX_BATCH_EVENTS:
            events += self._waiting[taken].events
            taken += 1
        batch = self._waiting[:taken]
        del self._waiting[:taken]
        return batch

    async def _appended(self, batch: list[_Waiting]) -> list[_Answered]:
        try:
            answers = iter(await self._append([c for waiting in batch for c in waiting.commands]))
        except FAULTS as error:
            if len(batch) == 1 or isinstance(error, psycopg.OperationalError):
                return [(waiting, error) for waiting in batch]
            # One of them is at fault: let it fail alone.
            return [one for waiting in batch for one in await self._appended([waiting])]
        return [(waiting, [next(answers) for _ in waiting.commands]) for waiting in batch]

    async def _append(self, commands: Sequence[Command]) -> list[Answer]:
        rows = await self._connection.rows(APPEND, parameters(commands, self._encryption_id))
        return [Answer(Outcome(row[0]), *row[1:]) for row in rows]


def _give(answered: Iterable[tuple[_Waiting, Sequence[Answer] | Exception]]) -> None:
    for waiting, result in answered:
        waiting.give(result)


def parameters(commands: Sequence[Command], encryption_id: bytes) -> list[BinaryArray | datetime]:
    """Return the parameters of `APPEND`; `encryption_id` names the key that wraps new keys."""
    events = [(n, record) for n, c in enumerate(commands, 1) for record in c.records]
    keys = [(n, key) for n, c in enumerate(commands, 1) for key in c.keys]
    new = [(n, key) for n, key in keys if not key.durable]
    used = [(n, key) for n, key in keys if key.durable]
    known = [c.idempotency for c in commands]
    return [
        array(TEXT, [i.client.encode() if i else None for i in known]),
        array(TEXT, [i.key.encode() if i else None for i in known]),
        array(BYTEA, [i.fingerprint if i else None for i in known]),
        array(TEXT, [c.response.encode() for c in commands]),
        array(INTEGER, [integer(n) for n, _ in events]),
        array(UUID, [record.stream.bytes for _, record in events]),
        array(INTEGER, [integer(record.version) for _, record in events]),
        array(TEXT, [record.type.encode() for _, record in events]),
        array(BYTEA, [record.record for _, record in events]),
        array(INTEGER, [integer(record.stamp_at) for _, record in events]),
        array(INTEGER, [integer(n) for n, _ in new]),
        array(BYTEA, [bytes.fromhex(key.kid) for _, key in new]),
        array(UUID, [key.stream.bytes for _, key in new]),
        array(BYTEA, [key.wrapped for _, key in new]),
        array(BYTEA, [encryption_id for _ in new]),
        array(INTEGER, [integer(n) for n, _ in used]),
        array(BYTEA, [bytes.fromhex(key.kid) for _, key in used]),
        datetime.now(UTC),
    ]

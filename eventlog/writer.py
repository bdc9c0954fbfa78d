"""Group commit: the commands that wait in this process are appended together.

One thread gathers them and calls the log's `append` function once for all: one lock of the order,
one fsync. A conflict fails its own command only. When the connection breaks, nobody knows whether
the batch was committed; it is sent again, and keys or versions tell.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from queue import Empty, SimpleQueue
from typing import NamedTuple, Self

import psycopg
from psycopg import Connection, Cursor

from domain.request import Idempotency
from eventlog.record import Record
from eventlog.vault import DataKey

MAX_BATCH_EVENTS = 2_000
"""Bounds how long a batch holds the order, and with it everybody else's latency."""

RECONNECT_PAUSE_S = 0.05
RECONNECT_PAUSE_MAX_S = 2.0
GIVE_UP_AFTER_S = 30.0

APPEND = """SELECT outcome, first_position, last_position, response FROM append(
    %b::text[], %b::text[], %b::bytea[], %b::text[],
    %b::int[], %b::uuid[], %b::int[], %b::text[], %b::bytea[], %b::int[],
    %b::int[], %b::bytea[], %b::uuid[], %b::bytea[], %b::bytea[],
    %b::int[], %b::bytea[])"""


class Outcome(StrEnum):
    """What `append` says to a command; `eventlog/log.sql` defines each."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"
    KEY_REUSED = "key-reused"
    CONFLICT = "conflict"
    KEY_GONE = "key-gone"


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


@dataclass(slots=True)
class _Waiting:
    """Some commands of one caller, and the lock that it sleeps on until they are answered."""

    commands: Sequence[Command]
    events: int
    answers: Sequence[Answer] = ()
    error: Exception | None = field(default_factory=lambda: WriterError("the writer stopped"))
    done: threading.Lock = field(default_factory=threading.Lock)


class Writer:
    """Appends the commands of many threads in common batches."""

    def __init__(self, connect: Callable[[], Connection], encryption_id: bytes) -> None:
        self._connect = connect
        self._encryption_id = encryption_id
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._entrance = threading.Lock()
        self._open = False
        self._cursor: Cursor | None = None
        self._thread = threading.Thread(target=self._run, name="dasan-writer", daemon=True)

    def __enter__(self) -> Self:
        """Start the thread."""
        self._open = True
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Append what still waits, then stop."""
        with self._entrance:
            self._open = False
            self._queue.put(None)
        self._thread.join()
        if self._cursor is not None:
            self._cursor.connection.close()

    def append(self, *commands: Command) -> Sequence[Answer]:
        """Append commands in this order and return an answer for each, once they are durable.

        Raises:
            WriterError: the database refused or could not be reached. A command with a key can be
                sent again: its first answer is remembered.
        """
        waiting = _Waiting(commands, sum(len(command.records) for command in commands))
        waiting.done.acquire()
        with self._entrance:
            if not self._open:
                raise WriterError("the writer is closed")
            self._queue.put(waiting)
        waiting.done.acquire()
        if waiting.error is not None:
            raise WriterError(f"the log could not be written: {waiting.error}") from waiting.error
        return waiting.answers

    def _run(self) -> None:
        try:
            while batch := self._gather():
                try:
                    self._answer(batch)
                finally:
                    for waiting in batch:
                        waiting.done.release()
        finally:
            with self._entrance:
                self._open = False
            while not self._queue.empty():
                if left := self._queue.get():
                    left.done.release()

    def _gather(self) -> list[_Waiting]:
        """Wait for work and take what there is, up to the bound; nothing when closed."""
        batch: list[_Waiting] = []
        waiting = self._queue.get()
        while waiting is not None:
            batch.append(waiting)
            if sum(taken.events for taken in batch) >= MAX_BATCH_EVENTS:
                break
            try:
                waiting = self._queue.get_nowait()
            except Empty:
                break
        if waiting is None and batch:
            self._queue.put(None)  # closed: seen again when this batch is done
        return batch

    def _answer(self, batch: list[_Waiting]) -> None:
        try:
            answers = iter(self._append([c for waiting in batch for c in waiting.commands]))
        except psycopg.Error as error:
            if len(batch) == 1 or isinstance(error, psycopg.OperationalError):
                for waiting in batch:
                    waiting.error = error
                return
            for waiting in batch:  # one of them is at fault: let it fail alone
                self._answer([waiting])
            return
        for waiting in batch:
            waiting.answers = [next(answers) for _ in waiting.commands]
            waiting.error = None

    def _append(self, commands: Sequence[Command]) -> list[Answer]:
        give_up_at = time.monotonic() + GIVE_UP_AFTER_S
        pause_s = RECONNECT_PAUSE_S
        while True:
            try:
                if self._cursor is None or self._cursor.connection.closed:
                    self._cursor = self._connect().cursor()
                return append(self._cursor, commands, self._encryption_id)
            except psycopg.OperationalError:
                broken = self._cursor is None or self._cursor.connection.closed
                if not broken or time.monotonic() > give_up_at:
                    raise
                threading.Event().wait(pause_s)  # the server is away; back off
                pause_s = min(2 * pause_s, RECONNECT_PAUSE_MAX_S)


def append(cursor: Cursor, commands: Sequence[Command], encryption_id: bytes) -> list[Answer]:
    """Append commands in one statement; `encryption_id` names the key that wraps new keys.

    A cursor that is kept for the next call remembers how to send the parameters.

    Raises:
        psycopg.Error: nothing was appended, or, when the connection broke, nobody knows.
    """
    events = [(n, record) for n, c in enumerate(commands, 1) for record in c.records]
    keys = [(n, key) for n, c in enumerate(commands, 1) for key in c.keys]
    new = [(n, key) for n, key in keys if not key.durable]
    used = [(n, key) for n, key in keys if key.durable]
    known = [c.idempotency for c in commands]
    parameters = [
        [i and i.client for i in known],
        [i and i.key for i in known],
        [i and i.fingerprint for i in known],
        [c.response for c in commands],
        [n for n, _ in events],
        [record.stream for _, record in events],
        [record.version for _, record in events],
        [record.type for _, record in events],
        [record.record for _, record in events],
        [record.stamp_at for _, record in events],
        [n for n, _ in new],
        [bytes.fromhex(key.kid) for _, key in new],
        [key.stream for _, key in new],
        [key.wrapped for _, key in new],
        [encryption_id for _ in new],
        [n for n, _ in used],
        [bytes.fromhex(key.kid) for _, key in used],
    ]
    rows = cursor.execute(APPEND, parameters, prepare=True).fetchall()
    return [Answer(Outcome(row[0]), *row[1:]) for row in rows]

"""The same three events through `eventsourcing` as it comes: its recorder, pool and transcoder.

It is spared the sealing (the question is text of a sealed one's length), the keys of commands and
the one order of positions without gaps.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self, cast
from uuid import UUID

import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, AggregateCreated, AggregateEvent
from psycopg.conninfo import conninfo_to_dict
from uuid_utils.compat import uuid7

from benchmarks.callers import Act, in_threads
from benchmarks.saves import WAIT
from benchmarks.server import rows
from eventlog.database import Database

CONTACT = {"source": "telephony", "id": "c0ffee00" * 4}
SEALED = {"c": "c2VhbGVk" * 21, "k": "fedcba98" * 4, "n": "bm9uY2Ugbm9uY2Ug", "v": 1}
COMMON: dict[str, Any] = {
    "actor": "agent:a017",
    "cause": "command:" + "0123456789abcdef" * 2,
    "channel": "phone",
    "language": "ko",
    "category": None,
    "district": None,
    "contact": CONTACT,
}
VISIT: dict[str, Any] = {"queue": "general", "visit": 1}
ABSENT = dict.fromkeys(("citizen", "place", "attributes", "attachments", "due_at"))


class CallEvent(AggregateEvent):
    """What our events carry, too: who, why, and the labels."""

    actor: str
    cause: str
    channel: str
    language: str | None
    category: str | None
    district: str | None
    contact: dict[str, str]


class Received(CallEvent, AggregateCreated):
    question: dict[str, Any]
    citizen: UUID | None
    place: dict[str, Any] | None
    attributes: dict[str, Any] | None
    attachments: list[dict[str, Any]] | None
    due_at: datetime | None


class Queued(CallEvent):
    queue: str
    visit: int

    def apply(self, aggregate: "Call") -> None:
        aggregate.waits_in = self.queue


class Answered(CallEvent):
    queue: str
    visit: int
    enqueued_at: datetime
    agent: str
    waited_ms: int

    def apply(self, aggregate: "Call") -> None:
        aggregate.waits_in = None
        aggregate.agent = self.agent


class Call(Aggregate):
    """An inquiry with the library and nothing else."""

    def __init__(self, *, channel: str, contact: dict[str, str]) -> None:
        self.channel = channel
        self.contact = contact
        self.waits_in: str | None = None
        self.agent: str | None = None

    @classmethod
    def receive(cls, call_id: UUID) -> Self:
        return cls._create(Received, id=call_id, **COMMON, **ABSENT, question=SEALED)

    def queue(self) -> None:
        self.trigger_event(Queued, **COMMON, **VISIT)

    def answer(self, enqueued_at: datetime) -> None:
        self.trigger_event(
            Answered, **COMMON, **VISIT, enqueued_at=enqueued_at, agent="a017", waited_ms=12_000
        )


class Calls(Application[UUID]):
    """The library's application, with nothing of ours."""


@dataclass(frozen=True, slots=True)
class LibrarySaves:
    """The library's application on a database of its own; `pool` connections in each process."""

    database: Database
    pool: int

    @contextmanager
    def opened(self) -> Iterator[Act]:
        assert psycopg.pq.__impl__ in {"c", "binary"}, "the library is measured with psycopg in C"
        with Calls(env=environment(self.database, self.pool)) as calls:
            yield lambda callers, seconds: in_threads(lambda: save(calls), callers, seconds)

    def events(self) -> int:
        return rows(self.database, "calls_events")


def save(calls: Calls) -> object:
    call = Call.receive(uuid7())
    call.queue()
    call.answer(enqueued_at=datetime.now(UTC) - WAIT)
    return calls.save(call)


def environment(database: Database, pool: int) -> dict[str, str]:
    """Return the library's settings for a database that it may make its tables in."""
    parts = cast("dict[str, str]", conninfo_to_dict(database.admin_url))
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": parts["dbname"],
        "POSTGRES_HOST": parts["host"],
        "POSTGRES_PORT": parts["port"],
        "POSTGRES_USER": parts["user"],
        "POSTGRES_PASSWORD": parts["password"],
        "POSTGRES_POOL_SIZE": str(pool),
        "POSTGRES_MAX_OVERFLOW": "0",
    }

"""The mapper and the recorder of the use cases: events to records in the log, records to events."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import (
    JSONTranscoder,
    Mapper,
    RecordConflictError,
    StoredEvent,
)
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from domain.errors import InquiryNotFoundError
from domain.inquiries import Change, KeyReusedError, Recorder, RepeatedCommandError
from domain.request import Idempotency, Request
from domain.vocabulary import Sealed
from eventlog import record
from eventlog.loader import Loader
from eventlog.vault import DataKey, Vault
from eventlog.writer import Answer, Command, Outcome, Writer

KIND = "inquiry."
"""What the types of an inquiry's events begin with."""


@dataclass(frozen=True)
class EncodedEvent(StoredEvent):
    """An event with its `data` encoded as `state`; the envelope comes with the request."""

    stream: UUID
    time: datetime
    keys: tuple[DataKey, ...]


class RecordMapper(Mapper[UUID]):
    """Makes `data` of events, sealing their personal texts, and events of records."""

    def __init__(self, vault: Vault) -> None:
        super().__init__(transcoder=JSONTranscoder())
        self._vault = vault

    def to_stored_event(self, domain_event: Any) -> EncodedEvent:
        """Encode an event.

        Raises:
            RecordError: a value is not what its field may hold.
        """
        stream, version = domain_event.originator_id, domain_event.originator_version
        keys: list[DataKey] = []

        def seal(name: str, text: str) -> Sealed:
            if not keys:
                keys.append(self._vault.key_for(stream))
            return self._vault.seal(keys[0], domain_event.TYPE, name, text)

        return EncodedEvent(
            originator_id=stream,
            stream=stream,
            originator_version=version,
            topic=domain_event.TYPE,
            state=record.encode(domain_event, seal),
            time=domain_event.timestamp,
            keys=tuple(keys),
        )

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        """Decode a record."""
        event: DomainEventProtocol[UUID] = record.decode(stored_event.state)
        return event


class LogRecorder(Recorder):
    """Appends through the process's writer, loads through its loader."""

    def __init__(
        self,
        *,
        source: str,
        vault: Vault,
        writer: Writer,
        loader: Loader,
        pool: AsyncConnectionPool[AsyncConnection],
    ) -> None:
        self._source = source
        self._vault = vault
        self._writer = writer
        self._loader = loader
        self._pool = pool
        self._relating = asyncio.Lock()

    async def select(self, ids: Sequence[UUID]) -> Mapping[UUID, Sequence[StoredEvent]]:
        """Return the records of each inquiry that exists, by version, in one query."""
        streams: dict[UUID, list[StoredEvent]] = {}
        for stream, rows in (await self._loader.rows(ids)).items():
            if not rows[0][2].startswith(KIND):
                continue  # holds and statements are streams, too
            streams[stream] = [StoredEvent(*row[:4]) for row in rows if row[2].startswith(KIND)]
            *_, kid, wrapped = rows[0]
            if kid is None:
                self._vault.forget(stream)
            else:
                self._vault.know(stream, kid, wrapped)
        return streams

    async def answer_to(self, idempotency: Idempotency) -> str | None:
        """Return the first answer to a key, or None; raise `KeyReusedError` for another command."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(
                "SELECT fingerprint, response FROM command WHERE client = %s AND key = %s",
                [idempotency.client, idempotency.key],
            )
            row = await cursor.fetchone()
        if row is None:
            return None
        if row[0] != idempotency.fingerprint:
            raise _key_reused(idempotency)
        response: str = row[1]
        return response

    @asynccontextmanager
    async def relating(self) -> AsyncIterator[None]:
        """Hold off everybody else who says how two inquiries belong together.

        First those of this process, so that they never take all connections to wait with.
        """
        async with (
            self._relating,
            self._pool.connection() as connection,
            connection.transaction(),
        ):
            await connection.execute("SELECT pg_advisory_xact_lock(hashtext('dasan relations'))")
            yield

    async def insert(self, change: Change, response: str) -> range:
        """Append a change, with the response to remember, and return the positions it got.

        Raises:
            RecordConflictError: a stream has another version by now, or a key was destroyed.
            RepeatedCommandError: the request's key was seen; carries the first answer.
            KeyReusedError: it was seen with another command.
            InquiryNotFoundError: the log has another kind of stream by that id.
        """
        stored, request = change
        if not stored and request.idempotency is None:
            return range(0)
        command = self._command(stored, request, response)
        answer = self._taken(command, (await self._writer.append(command))[0])
        if answer.outcome is Outcome.REPEATED:
            raise RepeatedCommandError(answer.response or "")
        if answer.outcome is Outcome.KEY_REUSED:
            raise _key_reused(request.idempotency)
        if answer.outcome is Outcome.OTHER_KIND:
            raise InquiryNotFoundError(
                f"{stored[0].originator_id} names something else in the log, and not an inquiry"
            )
        if answer.outcome is not Outcome.ACCEPTED:
            raise RecordConflictError(f"not appended: {answer.outcome}")
        if answer.first_position is None or answer.last_position is None:
            return range(0)
        return range(answer.first_position, answer.last_position + 1)

    async def insert_each(self, changes: Sequence[Change]) -> Sequence[bool]:
        """Append each change as a command of its own, all in one batch."""
        commands = [self._command(stored, request, "") for stored, request in changes]
        answers = map(self._taken, commands, await self._writer.append(*commands))
        return [answer.outcome in (Outcome.ACCEPTED, Outcome.REPEATED) for answer in answers]

    def _command(
        self, stored_events: Sequence[StoredEvent], request: Request, response: str
    ) -> Command:
        encoded = [event for event in stored_events if isinstance(event, EncodedEvent)]
        return Command(
            records=[self._record(event, request) for event in encoded],
            keys=list({key.kid: key for event in encoded for key in event.keys}.values()),
            idempotency=request.idempotency,
            response=response,
        )

    def _record(self, event: EncodedEvent, request: Request) -> record.Record:
        return record.envelope(
            source=self._source,
            request=request,
            stream=event.stream,
            version=event.originator_version,
            time=event.time,
            type_=event.topic,
            data=event.state,
        )

    def _taken(self, command: Command, answer: Answer) -> Answer:
        """Note which keys the log now holds, or no longer does."""
        for key in command.keys:
            if answer.outcome is Outcome.ACCEPTED:
                key.durable = True
            else:
                self._vault.forget(key.stream)
        return answer


def _key_reused(idempotency: Idempotency | None) -> KeyReusedError:
    key = idempotency.key if idempotency else ""
    return KeyReusedError(
        f"the key {key!r} was used for another command before: send a new key with a new command"
    )

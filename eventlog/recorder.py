"""The library's mapper and recorder, on the log: events to records, records to events."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from threading import Event
from typing import Any, Self
from uuid import UUID

from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import (
    ApplicationRecorder,
    IntegrityError,
    JSONTranscoder,
    Mapper,
    Notification,
    RecordConflictError,
    StoredEvent,
    Subscription,
)
from psycopg import Connection
from psycopg_pool import ConnectionPool

from domain.inquiries import KeyReusedError, Recorder, RepeatedCommandError
from domain.request import Idempotency, Request
from domain.vocabulary import Sealed
from eventlog import reader, record
from eventlog.vault import DataKey, Vault
from eventlog.writer import Answer, Command, Outcome, Writer


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
                keys.append(self._vault.key_for(stream, is_new=version == 1))
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
    """Appends through the process's writer; reads through the pool."""

    def __init__(
        self, *, source: str, vault: Vault, writer: Writer, pool: ConnectionPool[Connection]
    ) -> None:
        self._source = source
        self._vault = vault
        self._writer = writer
        self._pool = pool

    def insert_events(
        self, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> Sequence[int] | None:
        """Append one command: the events with `request` and the `response` to remember.

        Raises:
            RecordConflictError: a stream has another version by now, or a key was destroyed.
            RepeatedCommandError: the request's key was seen; carries the first answer.
            KeyReusedError: it was seen with another command.
        """
        request: Request = kwargs["request"]
        if not stored_events and request.idempotency is None:
            return None
        command = self._command(stored_events, request, kwargs["response"])
        answer = self._taken(command, self._writer.append(command)[0])
        if answer.outcome is Outcome.REPEATED:
            raise RepeatedCommandError(answer.response or "")
        if answer.outcome is Outcome.KEY_REUSED:
            raise _key_reused(request.idempotency)
        if answer.outcome is not Outcome.ACCEPTED:
            raise IntegrityError(f"not appended: {answer.outcome}")
        if answer.first_position is None or answer.last_position is None:
            return None
        return range(answer.first_position, answer.last_position + 1)

    def insert_each(
        self, changes: Sequence[tuple[Sequence[StoredEvent], Request]]
    ) -> Sequence[bool]:
        """Append each change as a command of its own, all in one batch."""
        commands = [self._command(stored, request, "") for stored, request in changes]
        answers = map(self._taken, commands, self._writer.append(*commands))
        return [answer.outcome in (Outcome.ACCEPTED, Outcome.REPEATED) for answer in answers]

    def answer_to(self, idempotency: Idempotency) -> str | None:
        """Return the first answer to a key, or None; raise `KeyReusedError` for another command."""
        with self._pool.connection() as connection:
            row = connection.execute(
                "SELECT fingerprint, response FROM command WHERE client = %s AND key = %s",
                [idempotency.client, idempotency.key],
            ).fetchone()
        if row is None:
            return None
        if row[0] != idempotency.fingerprint:
            raise _key_reused(idempotency)
        response: str = row[1]
        return response

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Return the records of a stream by version."""
        with self._pool.connection() as connection:
            rows = connection.execute(
                reader.SELECT + "WHERE stream_id = %s AND version > %s"
                " AND version <= coalesce(%s, version) ORDER BY version * %s LIMIT %s",
                [originator_id, gt or 0, lte, -1 if desc else 1, limit],
                prepare=True,
                binary=True,
            ).fetchall()
        return [_stored(reader.StoredRecord(*row)) for row in rows]

    def select_streams(self, ids: Sequence[UUID]) -> Mapping[UUID, Sequence[StoredEvent]]:
        """Return the records of each stream that exists, by version, in one query."""
        streams: defaultdict[UUID, list[StoredEvent]] = defaultdict(list)
        with self._pool.connection() as connection:
            rows = connection.execute(
                reader.SELECT + "WHERE stream_id = ANY (%b) ORDER BY stream_id, version",
                [list(ids)],
                prepare=True,
                binary=True,
            )
            for row in rows:
                streams[row[1]].append(_stored(reader.StoredRecord(*row)))
        return streams

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Return records by position, of the types in `topics` if any."""
        first = (start or 0) + (not inclusive_of_start)
        with self._pool.connection() as connection:
            rows = connection.execute(
                reader.SELECT + "WHERE position >= %s AND position <= coalesce(%s, position)"
                " AND (%s OR type = ANY (%s)) ORDER BY position LIMIT %s",
                [first, stop, not topics, list(topics), limit],
            ).fetchall()
        return [_notification(reader.StoredRecord(*row)) for row in rows]

    def max_notification_id(self) -> int | None:
        """Return the position of the head, None for an empty log."""
        with self._pool.connection() as connection:
            return reader.head(connection) or None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> "LogSubscription":
        """Return an iterator over records as they are committed."""
        return LogSubscription(self, gt, topics, self._pool)

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


class LogSubscription(Subscription[ApplicationRecorder]):
    """Follows the log as the library's runners expect it."""

    def __init__(
        self,
        recorder: LogRecorder,
        gt: int | None,
        topics: Sequence[str],
        pool: ConnectionPool[Connection],
    ) -> None:
        super().__init__(recorder, gt, topics)
        self._stopped = Event()
        self._after = gt or 0
        self._pool = pool
        self._exits = ExitStack()
        self._records: Iterator[reader.StoredRecord] = iter(())

    def __enter__(self) -> Self:
        """Take a connection to follow the log on."""
        super().__enter__()
        connection = self._exits.enter_context(self._pool.connection())
        self._records = reader.follow(connection, after=self._after, stop=self._stopped.is_set)
        return self

    def __exit__(self, *args: object, **kwargs: Any) -> None:
        """Stop, and give the connection back."""
        super().__exit__(*args, **kwargs)
        self._exits.close()

    def stop(self) -> None:
        """End the iteration at the next look."""
        super().stop()
        self._stopped.set()

    def __next__(self) -> Notification:
        """Return the next record as a notification."""
        for stored in self._records:
            if not self._topics or stored.type in self._topics:
                return _notification(stored)
        raise StopIteration


def _stored(row: reader.StoredRecord) -> StoredEvent:
    return StoredEvent(row.stream, row.version, row.type, row.record)


def _notification(row: reader.StoredRecord) -> Notification:
    return Notification(row.stream, row.version, row.type, row.record, row.position)


def _key_reused(idempotency: Idempotency | None) -> KeyReusedError:
    key = idempotency.key if idempotency else ""
    return KeyReusedError(
        f"the key {key!r} was used for another command before: send a new key with a new command"
    )


__all__ = ["LogRecorder", "RecordConflictError", "RecordMapper"]

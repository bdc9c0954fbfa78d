"""The logs that the harness judges: ours, and the library's own with its database functions on."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresFactory
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict

from domain.inquiry import Inquiry
from domain.request import Idempotency, Request
from domain.vocabulary import Channel, Code, Plain
from eventlog import reader, record
from eventlog.database import Database
from eventlog.keys import Keys
from eventlog.log import Log, assembled
from eventlog.recorder import RecordMapper
from eventlog.settings import Settings
from eventlog.writer import APPEND, Answer, Command, Outcome, parameters
from tests.faults.harness import Seen

NINE = datetime(2012, 2, 29, 0, 0, tzinfo=UTC)
CLIENT = "harness"


def inquiry_of(inquiry_id: UUID, events: int) -> Inquiry:
    """An inquiry with this many facts, the first with a sealed text."""
    inquiry = Inquiry.receive(
        inquiry_id, at=NINE, channel=Channel.INTERNET, question=Plain("막차가 언제인가요?")
    )
    for number in range(1, events):
        inquiry.note(
            ref=Code(f"n{number}"),
            kind=Code("memo"),
            note=Plain(f"{number}"),
            at=NINE + timedelta(minutes=number),
        )
    return inquiry


def request_of(key: str, keys: Keys, *, body: bytes = b"the body") -> Request:
    """A request of the harness under a key; another body has another fingerprint."""
    return Request(
        actor="service:harness",
        cause=keys.cause("command", CLIENT, key),
        idempotency=Idempotency(CLIENT, key, body.ljust(32)),
    )


def command_of(log: Log, inquiry: Inquiry, request: Request, response: str = "") -> Command:
    """The command that saves the inquiry, as the recorder would make it."""
    mapper = RecordMapper(log.vault)
    encoded = [mapper.to_stored_event(fact) for fact in inquiry.collect_events()]
    return Command(
        records=[
            record.envelope(
                source=log.settings.source,
                request=request,
                stream=event.stream,
                version=event.originator_version,
                time=event.time,
                type_=event.topic,
                data=event.state,
            )
            for event in encoded
        ],
        keys=list({key.kid: key for event in encoded for key in event.keys}.values()),
        idempotency=request.idempotency,
        response=response,
    )


def append_on(connection: Connection, command: Command, keys: Keys) -> Answer:
    """Append a command past the writer, in whatever transaction the connection is in."""
    row = connection.execute(APPEND, parameters([command], keys.encryption_id)).fetchone()
    assert row is not None
    return Answer(Outcome(row[0]), *row[1:])


@dataclass(frozen=True)
class Dasan:
    """Our log: saves through the use case and the process's writer."""

    settings: Settings
    database: Database
    keys: Keys

    @contextmanager
    def opened(self) -> Iterator["DasanAppender"]:
        with (
            assembled(self.settings, self.database, self.keys) as log,
            self.database.connect() as connection,
        ):
            yield DasanAppender(log, connection)

    def follow(self, after: int, stop: threading.Event) -> Iterator[Seen]:
        with self.database.connect() as connection:
            for row in reader.follow(connection, after=after, stop=stop.is_set):
                yield Seen(row.position, row.stream, row.version)

    def committed(self, after: int) -> list[Seen]:
        with self.database.connect() as connection:
            rows = connection.execute(
                "SELECT position, stream_id, version FROM log"
                " WHERE position > %s ORDER BY position",
                [after],
            )
            return [Seen(*row) for row in rows]


class DasanAppender:
    def __init__(self, log: Log, connection: Connection) -> None:
        self._log = log
        self._connection = connection
        self._one_at_a_time = threading.Lock()

    def append(self, command: UUID, events: int) -> None:
        request = request_of(str(command), self._log.keys)
        self._log.inquiries.receive(inquiry_of(command, events), request)

    def append_and_roll_back(self, command: UUID, events: int) -> None:
        request = request_of(str(command), self._log.keys)
        lost = command_of(self._log, inquiry_of(command, events), request)
        with self._one_at_a_time, self._connection.transaction(force_rollback=True):
            append_on(self._connection, lost, self._log.keys)


@dataclass(frozen=True)
class Stock:
    """`eventsourcing` as it comes, with `POSTGRES_ENABLE_DB_FUNCTIONS=y`."""

    database: Database

    def make(self) -> None:
        """Make its tables, once."""
        with self._factory(create="y") as factory:
            factory.application_recorder()

    @contextmanager
    def opened(self) -> Iterator["StockAppender"]:
        with self._recorder() as recorder:
            yield StockAppender(recorder)

    def follow(self, after: int, stop: threading.Event) -> Iterator[Seen]:
        with self._recorder() as recorder, recorder.subscribe(gt=after) as subscription:

            def stop_subscription() -> None:
                stop.wait()
                subscription.stop()

            stopper = threading.Thread(target=stop_subscription)
            stopper.start()
            for event in subscription:
                yield Seen(event.id, cast("UUID", event.originator_id), event.originator_version)
            stopper.join()

    def committed(self, after: int) -> list[Seen]:
        with self._recorder() as recorder:
            return [
                Seen(event.id, cast("UUID", event.originator_id), event.originator_version)
                for event in recorder.select_notifications(after + 1, limit=1_000_000)
            ]

    @contextmanager
    def _recorder(self) -> Iterator[PostgresApplicationRecorder]:
        with self._factory(create="n") as factory:
            recorder = factory.application_recorder()
            assert isinstance(recorder, PostgresApplicationRecorder)
            recorder.datastore.register_type_adapters()
            yield recorder

    def _factory(self, *, create: str) -> PostgresFactory:
        parts = cast("dict[str, str]", conninfo_to_dict(self.database.admin_url))
        return PostgresFactory(
            {
                "POSTGRES_DBNAME": parts["dbname"],
                "POSTGRES_HOST": parts["host"],
                "POSTGRES_PORT": parts["port"],
                "POSTGRES_USER": parts["user"],
                "POSTGRES_PASSWORD": parts["password"],
                "POSTGRES_ENABLE_DB_FUNCTIONS": "y",
                "CREATE_TABLE": create,
            }
        )


class StockAppender:
    def __init__(self, recorder: PostgresApplicationRecorder) -> None:
        self._recorder = recorder

    def append(self, command: UUID, events: int) -> None:
        self._recorder.insert_events(_stored(command, events))

    def append_and_roll_back(self, command: UUID, events: int) -> None:
        rows: list[Any] = [
            self._recorder.construct_pg_stored_event(
                event.originator_id, event.originator_version, event.topic, event.state
            )
            for event in _stored(command, events)
        ]
        with self._recorder.datastore.transaction(commit=False) as cursor:
            cursor.execute(self._recorder.sql_invoke_pg_function_insert_events, (rows,))


def _stored(command: UUID, events: int) -> Sequence[StoredEvent]:
    return [StoredEvent(command, number, "noted", b"x" * 500) for number in range(1, events + 1)]

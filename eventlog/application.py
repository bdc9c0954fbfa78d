"""The log for code that blocks: the use cases without `await`, and the library's own tools."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from threading import Event
from typing import Any, Self
from uuid import UUID

from anyio.from_thread import BlockingPortal
from eventsourcing.application import Application
from eventsourcing.persistence import (
    ApplicationRecorder,
    Mapper,
    Notification,
    StoredEvent,
    Subscription,
)
from psycopg import Connection
from psycopg_pool import ConnectionPool

from domain.inquiries import Inquiries, Receipt
from domain.inquiry import Inquiry
from domain.request import Request
from eventlog import reader
from eventlog.recorder import LogRecorder


class BlockingInquiries(Application[UUID]):
    """`Inquiries` for threads: each call runs in the loop of the portal.

    It is the library's application, too: its notification log and subscriptions work on the log.
    """

    def __init__(
        self,
        inquiries: Inquiries,
        portal: BlockingPortal,
        mapper: Mapper[UUID],
        recorder: ApplicationRecorder,
    ) -> None:
        self._inquiries = inquiries
        self._portal = portal
        self._mapper = mapper
        self._recorder = recorder
        super().__init__()

    def construct_mapper(self) -> Mapper[UUID]:
        """Hand the library our mapper."""
        return self._mapper

    def construct_recorder(self) -> ApplicationRecorder:
        """Hand the library our recorder."""
        return self._recorder

    def get(self, inquiry_id: UUID) -> Inquiry:
        """See `Inquiries.get`."""
        return self._portal.call(self._inquiries.get, inquiry_id)

    def get_each(self, ids: Sequence[UUID]) -> dict[UUID, Inquiry]:
        """See `Inquiries.get_each`."""
        return self._portal.call(self._inquiries.get_each, ids)

    def receive(self, inquiry: Inquiry, request: Request) -> Receipt:
        """See `Inquiries.receive`."""
        return self._portal.call(self._inquiries.receive, inquiry, request)

    def change(
        self,
        inquiry_id: UUID,
        decide: Callable[[Inquiry], None],
        request: Request,
        *,
        expected_versions: Collection[int] | None = None,
    ) -> Receipt:
        """See `Inquiries.change`."""
        change = partial(self._inquiries.change, expected_versions=expected_versions)
        return self._portal.call(change, inquiry_id, decide, request)

    def relate(
        self,
        inquiry_id: UUID,
        other_id: UUID | None,
        decide: Callable[[Inquiry], None],
        request: Request,
    ) -> Receipt:
        """See `Inquiries.relate`."""
        return self._portal.call(self._inquiries.relate, inquiry_id, other_id, decide, request)

    def save_each(self, changes: Iterable[tuple[Inquiry, Request]]) -> Sequence[bool]:
        """See `Inquiries.save_each`."""
        return self._portal.call(self._inquiries.save_each, changes)


class LibraryRecorder(ApplicationRecorder):
    """The log as the library's tools know it."""

    def __init__(
        self, recorder: LogRecorder, portal: BlockingPortal, pool: ConnectionPool[Connection]
    ) -> None:
        self._recorder = recorder
        self._portal = portal
        self._pool = pool

    def insert_events(
        self, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> Sequence[int] | None:
        """Append one command: the events with its `request` and the `response` to remember.

        Raises what `LogRecorder.insert` raises.
        """
        change = (stored_events, kwargs["request"])
        return self._portal.call(self._recorder.insert, change, kwargs["response"])

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
            ).fetchall()
        return [StoredEvent(*row[1:]) for row in rows]

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


class LogSubscription(Subscription[ApplicationRecorder]):
    """Follows the log as the library's runners expect it."""

    def __init__(
        self,
        recorder: ApplicationRecorder,
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


def _notification(row: reader.StoredRecord) -> Notification:
    return Notification(row.stream, row.version, row.type, row.record, row.position)

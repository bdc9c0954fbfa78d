"""A replica: the records of the topic in the log of another database.

Members of a group write what they get, in whatever order the partitions come; the head of the log
is the longest prefix without a gap (`consumers/replica.sql`). From there on the usual runner and
the usual SQL work.
"""

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from importlib.resources import files
from uuid import UUID

import psycopg
from kafka.consumer.fetcher import ConsumerRecord
from psycopg import Connection

from consumers.consuming import Records
from consumers.ends import LOG_ID, ForeignRecordError, place
from consumers.remembering import Move
from consumers.topics import Known
from eventlog.binary import BIGINT, BYTEA, INTEGER, BinaryArray, array, bigint, integer
from eventlog.database import KEYLESS, Database
from eventlog.reader import head

MAX_RECORDS = 4_000
"""Records a statement: more save little and hold the head for longer."""

SWITCH_S = 0.0005
"""How long the thread that reads may keep the one that writes from going on: by default ten times
as long, at every piece of a statement that is sent."""

REPLICATE = "SELECT replicate(%b, %b, %b::int[], %b::bigint[], %b::bigint[], %b::bytea[])"


class ReplicaError(RuntimeError):
    """A database cannot be this replica; says why, and what to do."""


def prepare_replica(database: Database) -> UUID:
    """Make the log of a database a replica, if it is none, and return the replica's id.

    Raises:
        ReplicaError: it holds a log of its own.
    """
    with database.connect_as_owner() as connection, connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('dasan schema'))")
        row = connection.execute("SELECT to_regclass('replica') IS NULL").fetchone()
        if row is not None and row[0]:
            row = connection.execute("SELECT lookup_id FROM log_identity").fetchone()
            if head(connection) or row != (KEYLESS,):
                raise ReplicaError(
                    f"the database {database.name} holds a log of its own: a replica needs an "
                    "empty one. Name another with --database"
                )
            connection.execute(files("consumers").joinpath("replica.sql").read_bytes())
        row = connection.execute("SELECT id FROM replica").fetchone()
        if row is None:
            raise ReplicaError(f"the table replica of {database.name} is empty: restore a backup")
        replica_id: UUID = row[0]
        return replica_id


def require_origin(database: Database) -> None:
    """Make sure that a log is written here.

    Raises:
        ReplicaError: it is a replica.
    """
    with database.connect() as connection:
        row = connection.execute("SELECT to_regclass('replica') IS NULL").fetchone()
    if row != (True,):
        raise ReplicaError(
            f"the database {database.name} is a replica: run this where its log is written"
        )


def group(city: str, replica_id: UUID) -> str:
    """Return the name of the group whose members fill a replica."""
    return f"dasan.{city}.replica.{replica_id}"


class Replica:
    """Writes records to a log over one connection, while the next are being read."""

    keeps_all = True

    def __init__(self, connection: Connection, writer: Executor) -> None:
        self.connection = connection
        self._writer = writer
        self._writing: Future[None] | None = None

    @classmethod
    @contextmanager
    def opened(cls, database: Database) -> Iterator["Replica"]:
        """Yield a replica; what it is writing ends before it is left."""
        sys.setswitchinterval(SWITCH_S)
        with database.connect() as connection, ThreadPoolExecutor(1) as writer:
            yield cls(connection, writer)

    def handle(self, topic: Known, records: Sequence[Records], moves: Sequence[Move]) -> None:
        """Write records once the ones before are written.

        Raises:
            ForeignRecordError: a record is none of this log.
            ReplicaError: the log has another record at a position.
            psycopg.Error: those before could not be written.
        """
        parameters = [topic.id, *_parameters([r for part in records for r in part], moves)]
        self.finish()
        self._writing = self._writer.submit(self._write, parameters)

    def finish(self) -> None:
        """Wait until what was handed over is written; raise what prevented it."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def where(self) -> str:
        """Say where the head is, and what keeps it there."""
        row = self.connection.execute(
            "SELECT position, (SELECT min(log.position) FROM log WHERE log.position > h.position)"
            " FROM log_head h"
        ).fetchone()
        at, following = row or (0, None)
        waits = f", which waits for {at + 1:,}" if following else ""
        return f", head {at:,}{waits}"

    def _write(self, parameters: Sequence[UUID | BinaryArray]) -> None:
        try:
            self.connection.execute(REPLICATE, parameters, prepare=True)
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            raise ReplicaError(
                f"{' '.join(str(error).split())}. Compare topic and origin (dasan relay --verify), "
                "then begin again with an empty database"
            ) from error


def _parameters(
    records: Sequence[ConsumerRecord], moves: Sequence[Move]
) -> list[UUID | BinaryArray]:
    partitions, begins, ends = zip(*moves, strict=True)
    return [
        _log_id(records),
        array(INTEGER, [integer(number) for number in partitions]),
        array(BIGINT, [bigint(offset) for offset in begins]),
        array(BIGINT, [bigint(offset) for offset in ends]),
        array(BYTEA, [record.value for record in records]),
    ]


def _log_id(records: Sequence[ConsumerRecord]) -> UUID:
    """Return the id of the log that all records are of.

    Raises:
        ForeignRecordError: some are of another, or of none.
    """
    named: bytes = dict(records[0].headers).get(LOG_ID) or b""
    last = [(LOG_ID, named)]  # a look at the last takes half as long as at all by name
    for record in records:
        if record.headers[-1:] != last or record.value is None:
            raise ForeignRecordError(
                f"{place(record)} is no record of the log {named.decode(errors='replace')!r} as "
                f"{place(records[0])} is: see who sends there (dasan relay --verify)"
            )
    try:
        return UUID(named.decode())
    except ValueError as error:
        raise ForeignRecordError(
            f"{place(records[0])} is of no log: see who sends there"
        ) from error

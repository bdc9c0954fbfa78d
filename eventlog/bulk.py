"""Appending a simulated history in bulk, with the times at which it would have been recorded.

Rows are copied into a table of the session and appended from there by `append_staged`
(`bulk.sql`), a batch in a transaction. No answers to clients' keys are remembered: there is no
client.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from struct import Struct
from typing import LiteralString

from psycopg import Connection

from eventlog.database import Database, make_once
from eventlog.record import Record
from eventlog.vault import DataKey

STAGING = """
    SET temp_buffers = '64MB';
    CREATE TEMPORARY TABLE staged_event (
        ordinal bigint GENERATED ALWAYS AS IDENTITY,
        stream_id uuid NOT NULL, version integer NOT NULL, type text NOT NULL,
        record bytea NOT NULL, stamp_at integer NOT NULL, recordedtime timestamptz NOT NULL
    ) ON COMMIT DELETE ROWS;
    CREATE TEMPORARY TABLE staged_key (
        kid bytea NOT NULL, stream_id uuid NOT NULL,
        wrapped bytea,  -- null for a key that the vault has
        kek bytea NOT NULL
    ) ON COMMIT DELETE ROWS"""
EVENTS: LiteralString = """COPY staged_event
    (stream_id, version, type, record, stamp_at, recordedtime) FROM STDIN (FORMAT binary)"""
KEYS: LiteralString = """COPY staged_key
    (kid, stream_id, wrapped, kek) FROM STDIN (FORMAT binary)"""

# The binary form of COPY: a head, rows of fields that each have their length before them, an end.
_HEAD, _END = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
_length = Struct("!i").pack
_event_head = Struct("!hi16siii").pack
_event_end = Struct("!iiiq").pack
_key_head = Struct("!hi16si16s").pack
_EPOCH, _MICROSECOND = datetime(2000, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


class BulkError(RuntimeError):
    """The log takes no such history; says why, and what to do."""


def event_row(record: Record, recorded_at: datetime) -> bytes:
    """Return a record as a row to stage."""
    type_ = record.type.encode()
    return b"".join(
        (
            _event_head(6, 16, record.stream.bytes, 4, record.version, len(type_)),
            type_,
            _length(len(record.record)),
            record.record,
            _event_end(4, record.stamp_at, 8, (recorded_at - _EPOCH) // _MICROSECOND),
        )
    )


def key_row(key: DataKey, encryption_id: bytes) -> bytes:
    """Return a key that a staged record is sealed under as a row to stage."""
    wrapped = _length(-1) if key.durable else _length(len(key.wrapped)) + key.wrapped
    head = _key_head(4, 16, bytes.fromhex(key.kid), 16, key.stream.bytes)
    return b"".join((head, wrapped, _length(len(encryption_id)), encryption_id))


class Bulk:
    """A log that a history is appended to, batch after batch; `upto` says how far it has come."""

    def __init__(self, connection: Connection, upto: datetime) -> None:
        self._connection = connection
        self.upto = upto

    def append(self, events: Sequence[bytes], keys: Sequence[bytes], *, until: datetime) -> int:
        """Append rows of what happens from `upto` until before `until`; return how many events.

        Raises:
            psycopg.IntegrityError: a version is missing or there twice, or a time goes back;
                nothing was appended.
        """
        with self._connection.transaction():
            self._copy(KEYS, keys)
            self._copy(EVENTS, events)
            row = self._connection.execute(
                "SELECT append_staged(%s, %s)", [self.upto, until]
            ).fetchone()
        self.upto = until
        return row[0] if row else 0

    def _copy(self, statement: LiteralString, rows: Iterable[bytes]) -> None:
        with self._connection.cursor().copy(statement) as copy:
            copy.write(b"".join((_HEAD, *rows, _END)))


def begun(
    database: Database, connection: Connection, history: str, beginning: datetime, end: datetime
) -> Bulk:
    """Mark an empty log as simulated, or go on with the same history where it broke off.

    Raises:
        BulkError: the log holds something else.
    """
    make_once(database, "log_simulation", files("eventlog").joinpath("bulk.sql").read_bytes())
    with connection.transaction():
        head = connection.execute("SELECT position, recordedtime FROM log_head FOR UPDATE")
        position, recordedtime = head.fetchone() or (0, beginning)
        mark = connection.execute("SELECT history, upto FROM log_simulation").fetchone()
        if mark is None and position > 0:
            raise BulkError(
                f"the log of {database.name} holds {position:,} events that were not simulated in"
                " bulk: use an empty database (another DASAN_HOME) or leave out --bulk"
            )
        if mark is None:
            connection.execute(
                "INSERT INTO log_simulation (history, upto) VALUES (%s, %s)", [history, beginning]
            )
        known, upto = mark or (history, beginning)
    if known != history:
        raise BulkError(
            f"the log of {database.name} holds the simulated history {known}, not {history}: give"
            " its arguments to go on with it, or use an empty database (another DASAN_HOME)"
        )
    if upto <= recordedtime and upto < end:
        raise BulkError(
            f"the log of {database.name} has gone on since its history broke off at"
            f" {upto.isoformat()}: what is recorded last is of {recordedtime.isoformat()}, and"
            " times cannot go back. Use an empty database (another DASAN_HOME)"
        )
    connection.execute(STAGING)
    return Bulk(connection, upto)

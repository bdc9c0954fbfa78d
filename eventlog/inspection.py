"""Inspecting the log: whether every record is where it says that it is; the root of them all."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import orjson
from psycopg import Connection

from eventlog.reader import StoredRecord, identity, read
from eventlog.tree import root


class Fault(NamedTuple):
    """The first position at which the log is not what it claims, and what is wrong there."""

    position: int
    reason: str


class Inspection(NamedTuple):
    """The RFC 6962 root of the records; null where one is missing. No fault: the log is sound."""

    root: bytes | None
    fault: Fault | None


def inspect(
    connection: Connection, upto: int, progress: Callable[[int], None] | None = None
) -> Inspection:
    """Read the log up to a position and check it; takes memory for a thousand records.

    Positions are dense, each record names its own place, type and log, recorded times never
    decrease, and the versions of a stream come in their order without a gap.
    """
    inspector = _Inspector(identity(connection).source, upto)
    found = root(inspector.passed(records(connection, upto, progress)))
    faults = [fault for fault in (inspector.fault, _wrong_version(connection, upto)) if fault]
    first = min(faults, key=lambda fault: fault.position, default=None)
    return Inspection(None if inspector.is_missing else found, first)


def records(
    connection: Connection, upto: int, progress: Callable[[int], None] | None = None
) -> Iterator[StoredRecord]:
    """Yield the records up to a position, in order."""
    after = 0
    while page := read(connection, after=after, upto=upto):
        yield from page
        after = page[-1].position
        if progress:
            progress(after)


class _Inspector:
    """Looks at the records that pass, and keeps the first fault."""

    def __init__(self, source: str, upto: int) -> None:
        self.fault: Fault | None = None
        self.is_missing = False
        self._source = source
        self._upto = upto
        self._recordedtime = ""

    def passed(self, stored: Iterable[StoredRecord]) -> Iterator[bytes]:
        """Yield the bytes of the records."""
        due = 1
        for one in stored:
            self._require_present(due, one.position - 1)
            if self.fault is None and (reason := self._wrong(one)):
                self.fault = Fault(one.position, reason)
            due = one.position + 1
            yield one.record
        self._require_present(due, self._upto)

    def _require_present(self, first: int, last: int) -> None:
        if first <= last:
            self.is_missing = True
            more = "" if first == last else f", and all up to {last:,}"
            self.fault = self.fault or Fault(first, f"its record is missing{more}")

    def _wrong(self, stored: StoredRecord) -> str | None:
        """Return what a record says otherwise than its row, or than the record before it."""
        try:
            envelope = orjson.loads(stored.record)
        except orjson.JSONDecodeError:
            envelope = None
        if not isinstance(envelope, dict):
            return "its record is no JSON object"
        for name, value in self._due(stored).items():
            if envelope.get(name) != value:
                return f"its record has the {name} {envelope.get(name)!r:.80}, not {value!r}"
        return self._early(envelope.get("recordedtime"))

    def _due(self, stored: StoredRecord) -> dict[str, str]:
        return {
            "sequence": f"{stored.position:020}",
            "subject": str(stored.stream),
            "id": f"{stored.stream}/{stored.version}",
            "type": stored.type,
            "source": self._source,
        }

    def _early(self, recordedtime: Any) -> str | None:
        # Of one fixed width, so that their text is in their order.
        if not isinstance(recordedtime, str) or recordedtime < self._recordedtime:
            return (
                f"its record has the recordedtime {recordedtime!r:.80},"
                f" and the record before it {self._recordedtime!r}"
            )
        self._recordedtime = recordedtime
        return None


def _wrong_version(connection: Connection, upto: int) -> Fault | None:
    """Return the first position whose version or kind is not what its stream is due."""
    row = connection.execute(
        "SELECT position, stream_id, version, due, type, kind FROM ("
        "    SELECT position, stream_id, version, type,"
        "        row_number() OVER stream AS due,"
        "        first_value(split_part(type, '.', 1)) OVER stream AS kind"
        "    FROM log WHERE position > 0 AND position <= %s"
        "    WINDOW stream AS (PARTITION BY stream_id ORDER BY position)) AS placed"
        " WHERE version <> due OR split_part(type, '.', 1) <> kind ORDER BY position LIMIT 1",
        [upto],
    ).fetchone()
    if row is None:
        return None
    position, stream, version, due, type_, kind = row
    if version != due:
        return Fault(position, f"it has version {version} of {stream}, and version {due} is due")
    return Fault(position, f"it is of the type {type_}, and {stream} is the stream of an {kind}")

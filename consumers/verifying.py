"""Reconciling the events topic with the log: every position, every byte, the order of each key."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from kafka.consumer.fetcher import ConsumerRecord
from psycopg import Connection

from consumers.broker import Broker
from consumers.ends import (
    CONTENT_TYPE,
    STRUCTURED,
    ForeignRecordError,
    all_records,
    place,
    position_of,
)
from consumers.sending import partition_of
from consumers.topics import Known
from eventlog.reader import head, identity

MAX_RECORDS = 5_000
"""Records compared at once."""

MAX_NAMED = 20
"""Faults that are named; all are counted."""


@dataclass(slots=True)
class Reconciled:
    """What a topic holds beside the log up to `position`.

    `missing` positions were acknowledged and are not in the topic; `different` records are not what
    the log has; `duplicates` are copies of a record that came before. The first `MAX_NAMED` faults
    are `named`.
    """

    topic: str
    position: int
    records: int = 0
    duplicates: int = 0
    missing: int = 0
    different: int = 0
    named: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether the topic is what the log says."""
        return not (self.duplicates or self.missing or self.different)

    def differ(self, what: str) -> None:
        """Count a difference; name it while there is room."""
        self.different += 1
        self.name(what)

    def name(self, what: str) -> None:
        """Name what is wrong while there is room."""
        if len(self.named) < MAX_NAMED:
            self.named.append(what)


def reconcile(
    broker: Broker,
    topic: Known,
    connection: Connection,
    progress: Callable[[int], None] | None = None,
) -> Reconciled:
    """Compare every committed record of the topic with the log.

    What the relay was acknowledged when this begins has to be there; what it sends meanwhile may.

    Raises:
        kafka.errors.KafkaError: the broker does not answer, or refuses.
    """
    row = connection.execute("SELECT position FROM relay WHERE topic = %s", [topic.name]).fetchone()
    comparison = _Comparison(
        Reconciled(topic.name, row[0] if row else 0),
        topic,
        connection,
        identity(connection).log_id,
        bytearray(head(connection) + 1),
    )
    for records in all_records(broker, topic, max_records=MAX_RECORDS):
        comparison.compare(records)
        if progress:
            progress(comparison.result.records)
    comparison.count_missing()
    return comparison.result


@dataclass(slots=True)
class _Comparison:
    result: Reconciled
    topic: Known
    connection: Connection
    log_id: UUID
    seen: bytearray
    """A byte a position: whether it came."""
    last: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    """The highest position of each partition: keys are in order if their partition is."""

    def compare(self, records: Sequence[ConsumerRecord]) -> None:
        """Compare some records of one partition."""
        self.result.records += len(records)
        placed = [(self._position(record), record) for record in records]
        rows = self.connection.execute(
            "SELECT position, stream_id, record FROM log WHERE position = ANY (%s)",
            [[position for position, _ in placed]],
            binary=True,
        )
        log = {position: (str(stream).encode(), record) for position, stream, record in rows}
        for position, record in placed:
            if position is not None:
                self._compare(position, record, log.get(position))

    def count_missing(self) -> None:
        """Count the positions that were acknowledged and did not come."""
        result = self.result
        end = result.position + 1
        result.missing = self.seen.count(0, 1, end)
        if result.missing:
            first = self.seen.find(0, 1, end)
            result.name(f"position {first} is missing, the first of {result.missing:,}")

    def _position(self, record: ConsumerRecord) -> int | None:
        try:
            return position_of(record, self.log_id)
        except ForeignRecordError as error:
            self.result.differ(str(error))
            return None

    def _compare(
        self, position: int, record: ConsumerRecord, row: tuple[bytes, bytes] | None
    ) -> None:
        fault = self._fault(record, row)
        if fault:
            self.result.differ(f"{place(record)}, position {position}, {fault}")
        if row is None:
            return
        self.seen.extend(bytes(max(0, position + 1 - len(self.seen))))
        if self.seen[position]:
            self.result.duplicates += 1
            self.result.name(f"{place(record)} is a copy of position {position}")
        elif position < self.last[record.partition]:
            self.result.differ(
                f"{place(record)}, position {position}, comes after {self.last[record.partition]}"
            )
        self.seen[position] = 1
        self.last[record.partition] = max(position, self.last[record.partition])

    def _fault(self, record: ConsumerRecord, row: tuple[bytes, bytes] | None) -> str | None:
        if row is None:
            return "is not in the log"
        key, value = row
        if record.value != value:
            return "has other bytes than the log"
        if record.key != key:
            return f"has another key than its stream {key.decode()}"
        if record.partition != partition_of(key, self.topic.partitions):
            return "is in another partition than its key belongs to"
        if dict(record.headers).get(CONTENT_TYPE) != STRUCTURED:
            return "has another content type than CloudEvents' structured JSON"
        return None

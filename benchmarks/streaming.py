"""Kafka: relay, replica and contacts beside a bare producer and consumer of the same bytes.

One broker for the run, a fresh topic and database each time. What is timed is the whole way: from
joining the group or beginning the session until the last record is where it belongs.
"""

import itertools
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from threading import Event
from uuid import uuid4

from kafka import KafkaConsumer, KafkaProducer

from benchmarks import day
from benchmarks.callers import Run
from benchmarks.figures import Ratio
from benchmarks.server import Bench, Case, Place
from consumers import contacts, topics
from consumers.broker import Broker
from consumers.consuming import FETCH_BYTES, Consumer
from consumers.ends import headers
from consumers.relay import Events, Relay
from consumers.remembering import prepare_remembered
from consumers.replica import MAX_RECORDS, Replica, group, prepare_replica
from consumers.sending import BATCH_BYTES
from consumers.topics import PARTITIONS, Topic
from eventlog.database import Database, prepare
from eventlog.log import assembled
from eventlog.reader import head, identity, read
from projections import runner
from tests.consumers.gateways import send, steps
from tests.topic_making import create_topics

PRODUCER, RELAY = "bare producer, records of the log", "dasan relay"
CONSUMER, REPLICA = "bare consumer, records of the log", "dasan consume replica, 1 member"
MESSAGES, CONTACTS = "bare consumer, contacts", "dasan consume contacts, 1 member"

RATIOS = (
    Ratio("relay / bare producer", RELAY, PRODUCER, aim=0.7),
    Ratio("replica / bare consumer", REPLICA, CONSUMER, aim=0.7),
    Ratio("contacts / bare consumer", CONTACTS, MESSAGES),
)

POLL_MS = 500
LOOK_EVERY_S = 0.01
WORTH = 20_000
"""Of that many events of the log contacts are made: each is decided on, which takes longer."""

Sent = tuple[bytes, bytes, list[tuple[str, bytes]]]
"""Key, value and headers."""


@dataclass(slots=True)
class Streaming:
    """A log, the broker, and fresh names for what each run fills."""

    bench: Bench
    place: Place
    broker: Broker
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def cases(self, events: int) -> list[Case]:
        """Return the cases; the readers of the log's records read what was sent before them."""
        place = self.place
        prepare_remembered(place.database)
        with assembled(place.settings, place.database, place.keys) as log:
            day.load(log, events)
        with self.place.database.connect() as connection:
            records = read(connection, after=0, limit=head(connection))
            log_id = identity(connection).log_id
        sent = [
            (str(row.stream).encode(), row.record, headers(row.position, log_id)) for row in records
        ]
        relayed, told = self._topic(topics.events), self._topic(topics.contacts)
        self._relay(relayed)
        messages = list(steps((row.record for row in records[:WORTH]), "pbx"))
        send(self.broker, told.name, messages)
        return [
            Case(PRODUCER, "events/s", partial(self._produce, sent)),
            Case(RELAY, "events/s", lambda: self._relay(self._topic(topics.events))),
            Case(CONSUMER, "events/s", partial(self._consume, relayed, len(records))),
            Case(REPLICA, "events/s", partial(self._replicate, relayed)),
            Case(MESSAGES, "messages/s", partial(self._consume, told, len(messages))),
            Case(CONTACTS, "messages/s", partial(self._take, told, len(messages))),
        ]

    def _produce(self, sent: Sequence[Sent]) -> Run:
        topic = self._topic(topics.events)
        begin = time.perf_counter()
        producer = KafkaProducer(linger_ms=5, batch_size=BATCH_BYTES, **self.broker.client)
        for key, value, told in sent:
            producer.send(topic.name, key=key, value=value, headers=told)
        producer.flush()
        seconds = time.perf_counter() - begin
        producer.close()
        return Run(len(sent), seconds)

    def _relay(self, topic: Topic) -> Run:
        database = self.place.database
        relay = Relay(self.broker, database, Events(topic), "events")
        with database.connect() as connection:
            goal = head(connection)

            def is_done() -> bool:
                row = connection.execute(
                    "SELECT position FROM relay WHERE topic = %s", [topic.name]
                ).fetchone()
                return row is not None and row[0] == goal

            return Run(goal, _timed(relay.run, is_done))

    def _consume(self, topic: Topic, count: int) -> Run:
        begin = time.perf_counter()
        consumer = KafkaConsumer(
            topic.name,
            group_id=f"bare-{next(self._numbers)}",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_partition_fetch_bytes=FETCH_BYTES,
            max_poll_records=MAX_RECORDS,
            **self.broker.client,
        )
        consumed = 0
        while consumed < count:
            consumed += sum(map(len, consumer.poll(POLL_MS).values()))
        seconds = time.perf_counter() - begin
        consumer.close()
        return Run(consumed, seconds)

    def _replicate(self, topic: Topic) -> Run:
        with self.place.database.connect() as connection:
            goal = head(connection)
        database = self.bench.database(f"replica_{next(self._numbers)}")
        prepare(database, self.place.settings, keys=None)
        prepare_remembered(database)
        name = group(self.place.settings.city, prepare_replica(database))
        opened = partial(Replica.opened, database)
        member = Consumer(self.broker, topic, name, opened, max_records=MAX_RECORDS)
        with database.connect() as connection:
            return Run(goal, _timed(member.run, lambda: head(connection) == goal))

    def _take(self, topic: Topic, count: int) -> Run:
        database = self._database()
        place = self.place
        with assembled(place.settings, database, place.keys) as log:
            opened = partial(contacts.ContactMessages.opened, log)
            member = Consumer(
                self.broker,
                topic,
                f"contacts-{next(self._numbers)}",
                opened,
                max_records=contacts.MAX_RECORDS,
            )
            with database.connect() as connection:

                def is_done() -> bool:
                    row = connection.execute("SELECT sum(next) FROM consumed").fetchone()
                    return row is not None and row[0] == count

                return Run(count, _timed(member.run, is_done))

    def _topic(self, named: Callable[[str], Topic]) -> Topic:
        topic = named(f"bench-{uuid4().hex}")
        create_topics(self.broker, [topic], partitions=PARTITIONS)
        return topic

    def _database(self) -> Database:
        place = self.bench.log(f"streamed_{next(self._numbers)}")
        runner.prepare(place.database, place.settings.timezone)
        prepare_remembered(place.database)
        return place.database


def _timed(work: Callable[[Event], None], is_done: Callable[[], bool]) -> float:
    """Return how long a program works until it has done all."""
    stopped = Event()
    begin = time.perf_counter()
    with ThreadPoolExecutor(1) as threads:
        working = threads.submit(work, stopped)
        while not is_done():
            assert not working.done(), working.result()
            time.sleep(LOOK_EVERY_S)
        seconds = time.perf_counter() - begin
        stopped.set()
        working.result()
    return seconds

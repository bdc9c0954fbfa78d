"""A log, and the topics of a city of its own at a broker."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from uuid import UUID

import orjson
from kafka import KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from consumers import topics
from consumers.broker import Broker
from consumers.relay import Events, Relay
from consumers.remembering import prepare_remembered
from consumers.sending import Session
from consumers.topics import Known, Topic, require
from consumers.verifying import Reconciled, reconcile
from eventlog.database import Database
from eventlog.log import Log
from eventlog.reader import head, identity
from importers.contact_pending import prepare_pending
from tests.consumers.gateways import Message
from tests.faults.harness import await_condition
from tests.faults.subjects import inquiry_of, request_of
from tests.topic_making import create_topics


@dataclass(frozen=True)
class Connected:
    """A log whose events go to a topic of its own."""

    log: Log
    broker: Broker
    city: str

    @property
    def events(self) -> Topic:
        return topics.events(self.city)

    @property
    def checkpoints(self) -> Topic:
        return topics.checkpoints(self.city)

    @property
    def contacts(self) -> Topic:
        return topics.contacts(self.city)

    @property
    def rejected(self) -> Topic:
        return topics.rejected(self.city)

    def prepare(self) -> None:
        """Make the topics, and the tables that remember what is done with them."""
        create_topics(self.broker, [self.events, self.checkpoints, self.contacts, self.rejected])
        prepare_remembered(self.database)
        prepare_pending(self.database)

    @property
    def known(self) -> Known:
        return require(self.broker, self.events)

    def remake(self, topic: Topic) -> None:
        """Delete a topic and make it again."""
        with self._admin() as admin:
            admin.delete_topics([topic.name])
        await_condition(lambda: self._is_made(topic))

    def send_to(
        self, topic: Topic, partition: int, messages: Iterable[Message | bytes | None]
    ) -> None:
        """Send messages to one partition, in order."""
        producer = KafkaProducer(**self.broker.client)
        for message in messages:
            value = orjson.dumps(message) if isinstance(message, dict) else message
            producer.send(topic.name, value, key=b"any", partition=partition)
        producer.flush()
        producer.close()

    def expire(self, topic: Topic, partition: int, *, before: int) -> None:
        """Let the messages before an offset expire."""
        with self._admin() as admin:
            admin.delete_records({TopicPartition(topic.name, partition): before})

    @contextmanager
    def _admin(self) -> Iterator[KafkaAdminClient]:
        admin = KafkaAdminClient(**self.broker.client)
        try:
            yield admin
        finally:
            admin.close()

    def _is_made(self, topic: Topic) -> bool:
        try:
            create_topics(self.broker, [topic])
        except KafkaError:  # the old one is still being deleted
            return False
        return True

    @property
    def database(self) -> Database:
        return self.log.database

    def happen(self, inquiries: int, *, seed: int = 1, events: int | None = None) -> None:
        """Let inquiries come, with so many events each, or one to seven."""
        chance = Random(seed)
        for _ in range(inquiries):
            name = f"{chance.getrandbits(128):032x}"
            inquiry = inquiry_of(UUID(name), events or chance.randint(1, 7))
            self.log.inquiries.receive(inquiry, request_of(name, self.log.keys))

    def position(self) -> int:
        with self.database.connect() as connection:
            return head(connection)

    def relayed(self, topic: Topic | None = None) -> int:
        """Return the position that was acknowledged and stored, of events if not said otherwise."""
        with self.database.connect() as connection:
            row = connection.execute(
                "SELECT position FROM relay WHERE topic = %s", [(topic or self.events).name]
            ).fetchone()
        return row[0] if row else 0

    def relay(self) -> None:
        """Relay what there is, and stop."""
        goal = self.position()
        with self.relaying() as relaying:
            await_condition(lambda: self.relayed() == goal or not relaying())

    @contextmanager
    def relaying(self) -> Iterator[Callable[[], bool]]:
        """Relay while the block runs; yields what tells whether it still does."""
        relay = Relay(self.broker, self.database, Events(self.events), "events")
        with running(relay.run) as is_running:
            yield is_running

    def session(self) -> Session:
        with self.database.connect() as connection:
            return Session(self.broker, self.known, identity(connection).log_id)

    def reconciled(self) -> Reconciled:
        with self.database.connect() as connection:
            return reconcile(self.broker, self.known, connection)


@contextmanager
def running(*works: Callable[[threading.Event], None]) -> Iterator[Callable[[], bool]]:
    """Run programs in threads while the block runs; whatever ends one of them is raised.

    Yields what tells whether all still run.
    """
    stopped = threading.Event()
    with ThreadPoolExecutor(len(works)) as threads:
        done = [threads.submit(work, stopped) for work in works]
        try:
            yield lambda: not any(work.done() for work in done)
        finally:
            stopped.set()
            for work in done:
                work.result()

"""A gateway that sends until it is told to stop: calls, every tenth message twice, some nonsense.

`python -m tests.faults.gateway BROKER TOPIC SOURCE SEED REPORT`: what was sent is reported when it
stops, with everything acknowledged.
"""

import json
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from kafka import KafkaProducer

from consumers.broker import Broker

NINE = datetime(2012, 2, 29, 0, 0, tzinfo=UTC)
ABANDONED, RATED, TWICE, NONSENSE = 0.2, 0.3, 0.1, 0.02
MESSAGES_A_SECOND = 250
SHUFFLED = 50

Message = dict[str, Any]


class Gateway:
    """Sends until it is told to stop; knows what it sent, by type, and how much nonsense."""

    def __init__(self, broker: Broker, topic: str, source: str, seed: int) -> None:
        self.sent: Counter[str] = Counter()
        self.nonsense = 0
        self._broker = broker
        self._topic = topic
        self._source = source
        self._chance = random.Random(seed)

    def run(self, stopped: threading.Event) -> None:
        """Send whole calls at a steady rate; return when all is acknowledged."""
        producer = KafkaProducer(linger_ms=5, delivery_timeout_ms=300_000, **self._broker.client)
        begin, written = time.monotonic(), 0
        calls = self._calls()
        while not stopped.wait(max(0.0, begin + written / MESSAGES_A_SECOND - time.monotonic())):
            messages = [message for _ in range(SHUFFLED // 5) for message in next(calls)]
            for message in messages:
                self.sent[message["type"].split(".")[1]] += 1
            values = [orjson.dumps(message) for message in messages]
            values += [value for value in values if self._chance.random() < TWICE]
            for _ in range(sum(self._chance.random() < NONSENSE for _ in messages)):
                self.nonsense += 1
                values.append(b"nonsense %d" % self.nonsense)
            self._chance.shuffle(values)
            for value in values:
                producer.send(self._topic, value, partition=self._partition(producer))
            written += len(values)
        producer.flush()
        producer.close()

    def _partition(self, producer: KafkaProducer) -> int:
        return self._chance.choice(sorted(producer.partitions_for(self._topic)))

    def _calls(self) -> Iterator[list[Message]]:
        """Yield the messages of one call after the other."""
        number = 0
        while True:
            number += 1
            at = NINE + timedelta(seconds=number)
            steps: list[tuple[str, int, Message]] = [
                ("received", 0, {"channel": "phone"}),
                ("queued", 0, {"queue": "general"}),
            ]
            if self._chance.random() < ABANDONED:
                steps.append(("abandoned", 20, {"queue": "general", "waited_ms": 20_000}))
            else:
                steps += [
                    ("answered", 5, {"queue": "general", "agent": "a1", "waited_ms": 5_000}),
                    ("ended", 65, {"queue": "general", "ended_by": "citizen", "talk_ms": 60_000}),
                    ("resolved", 66, {"outcome": "answered", "agent": "a1"}),
                ]
                if self._chance.random() < RATED:
                    steps.append(("rated", 90, {"score": 5}))
            yield [
                {
                    "specversion": "1.0",
                    "source": self._source,
                    "id": f"{number}-{kind}",
                    "type": f"contact.{kind}.v1",
                    "subject": f"call-{number}",
                    "time": (at + timedelta(seconds=second)).isoformat(),
                    "data": data,
                }
                for kind, second, data in steps
            ]


def main() -> None:
    bootstrap, topic, source, seed, report = sys.argv[1:]
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    gateway = Gateway(Broker((bootstrap,)), topic, source, int(seed))
    gateway.run(stopped)
    told = {"sent": gateway.sent, "nonsense": gateway.nonsense}
    Path(report).write_text(json.dumps(told))


if __name__ == "__main__":
    main()

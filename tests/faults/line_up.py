"""All programs around Kafka, two of each, killed at random while gateways send."""

import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import LiteralString
from zoneinfo import ZoneInfo

from consumers.topics import require
from eventlog.database import Database
from eventlog.reader import head, read
from projections.answer import answer, held
from projections.question import Question
from projections.runner import Runner
from tests.broker import KafkaServer
from tests.consumers.connected import Connected
from tests.consumers.reading import read_topic, written
from tests.faults.harness import await_condition
from tests.program import DASAN, Program

OF_EACH = 2
GATEWAYS = 2
CARELESS = (sys.executable, "-m", "tests.faults.careless")


@dataclass
class LineUp:
    """The programs of a city and what they work on."""

    connected: Connected
    replica: Database
    server: KafkaServer
    programs: dict[str, list[Program]]
    folder: Path
    chance: random.Random
    sent: Counter[str] = field(default_factory=Counter)
    nonsense: int = 0

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Let gateways send while the block runs; what they sent is acknowledged when it ends."""
        with ExitStack() as stack:
            reports = [self.folder / f"gateway-{number}.json" for number in range(GATEWAYS)]
            gateways = [self._gateway(report) for report in reports]
            for gateway in gateways:
                stack.callback(gateway.end)
            yield
            for gateway, report in zip(gateways, reports, strict=True):
                gateway.stop()
                told = json.loads(report.read_text())
                self.sent.update(told["sent"])
                self.nonsense += told["nonsense"]

    def _gateway(self, report: Path) -> Program:
        topic = self.connected.contacts.name
        seed = str(self.chance.getrandbits(32))
        arguments = [self.server.bootstrap, topic, report.stem, seed, str(report)]
        command = (sys.executable, "-m", "tests.faults.gateway")
        return Program(arguments, {}, report.with_suffix(".txt"), command)

    def kill_one_of_each(self) -> None:
        """Kill a program of each kind once all kinds have got on, and start it again."""
        self._await_progress()
        for programs in self.programs.values():
            _killed_and_started(self.chance.choice(programs))

    def kill_all(self, kind: str) -> None:
        """Kill every program of a kind in the middle of its work, and start them again."""
        self._await_progress()
        for program in self.programs[kind]:
            _killed_and_started(program)

    def restart_broker(self) -> None:
        """Stop the broker and start it; whoever was just starting and found none starts again."""
        self.server.stop()
        self.server.start()

    def _await(self, condition: Callable[[], bool]) -> None:
        """Wait, and start programs again as a supervisor would: one may find out late."""

        def holds() -> bool:
            for program in (p for programs in self.programs.values() for p in programs):
                if program.process.poll() is not None:
                    _start_again(program)
            return condition()

        await_condition(holds)

    def _await_progress(self) -> None:
        before = self.progress()
        self._await(
            lambda: all(now > then for now, then in zip(self.progress(), before, strict=True)),
        )

    def progress(self) -> tuple[int, int, int]:
        """Return how far contacts, relay and replica are."""
        return (
            self.connected.position(),
            self.connected.relayed(),
            _moved(self.replica),
        )

    def await_rest(self) -> None:
        """Wait until everything that was sent has gone its way."""
        contacts = require(self.connected.broker, self.connected.contacts)
        sent = written(self.connected.broker, contacts.name)
        self._await(lambda: _moved(self.connected.database) >= sent)
        self._await(lambda: self.connected.relayed() == self.connected.position())
        self._await(self._is_rejected)

    def await_replica(self) -> None:
        self._await(lambda: _head(self.replica) == self.connected.position())

    def stop(self) -> None:
        """Stop all programs, which end well."""
        for programs in self.programs.values():
            for program in programs:
                program.stop()

    def faults(self) -> dict[str, int]:
        """Return how often which promise was broken; nothing when all were kept."""
        topic = self.connected.reconciled()
        expected, nonsense = self.sent.total(), self.nonsense
        origin, copy = _records(self.connected.database), _records(self.replica)
        rejected = len(read_topic(self.connected.broker, self.connected.rejected.name))
        found = {
            "contacts lost": max(0, expected - len(origin)),
            "contacts still waiting": _count(self.connected.database, "vault.pending"),
            "contacts taken twice": max(0, len(origin) - expected),
            "rejections lost": max(0, nonsense - rejected),
            "rejections sent twice": max(0, rejected - nonsense),
            "events missing in the topic": topic.missing,
            "events twice in the topic": topic.duplicates,
            "events different in the topic": topic.different,
            "replica differs": origin != copy,
        }
        return {promise: int(count) for promise, count in found.items() if count}

    def has_gaps(self) -> bool:
        """Whether the replica has read the whole topic, and lacks positions all the same."""
        sent = written(self.connected.broker, self.connected.events.name)
        await_condition(lambda: sent - _moved(self.replica) <= 2 * self.connected.known.partitions)
        return _head(self.replica) < self.connected.position()

    def sent_counts(self) -> dict[str, int]:
        """Return the KPI sums as the gateways know them."""
        sent = self.sent
        return {
            "received": sent["received"],
            "offered": sent["queued"],
            "answered": sent["answered"],
            "abandoned": sent["abandoned"],
            "ended": sent["ended"],
            "resolutions": sent["resolved"],
            "rated": sent["rated"],
        }

    def kpi_counts(self) -> dict[str, int]:
        """Return the same sums by the views of the replica."""
        with self.replica.connect() as connection:
            Runner(connection).catch_up()
            city = ZoneInfo("Asia/Seoul")
            question = Question(*held(connection, city), city)
            [row] = answer(connection, question).rows
        return {name: row.sums[name] or 0 for name in self.sent_counts()}

    def _is_rejected(self) -> bool:
        return not _count(self.connected.database, "vault.rejected WHERE message IS NOT NULL")


def _killed_and_started(program: Program) -> None:
    if program.process.poll() is None:
        program.kill()
        program.start()
    else:
        _start_again(program)


def _start_again(program: Program) -> None:
    """Start a program that found no broker as it began, as whoever supervises it would."""
    assert "no Kafka broker answers" in program.said, program.said
    program.start()


@contextmanager
def lined_up(
    connected: Connected,
    replica: Database,
    server: KafkaServer,
    home: Path,
    folder: Path,
    chance: random.Random,
    *,
    careless: Sequence[str] = (),
) -> Iterator[LineUp]:
    """Start two of each program; those that are named do without a protection."""
    environment = {
        "DASAN_HOME": str(home),
        "DASAN_DATABASE_URL": connected.database.admin_url,
        "DASAN_CITY": connected.city,
        "KAFKA_BOOTSTRAP_SERVERS": server.bootstrap,
    }
    arguments = {
        "relay": ["relay"],
        "contacts": ["consume", "contacts"],
        "replica": ["consume", "replica", "--database", replica.admin_url],
    }

    def started(kind: str, number: int) -> Program:
        command = (*CARELESS, kind) if kind in careless else DASAN
        return Program(arguments[kind], environment, folder / f"{kind}-{number}.txt", command)

    with ExitStack() as stack:
        programs: dict[str, list[Program]] = {kind: [] for kind in arguments}
        for kind, number in ((kind, n) for kind in arguments for n in range(OF_EACH)):
            program = started(kind, number)
            stack.callback(program.end)
            programs[kind].append(program)
        yield LineUp(connected, replica, server, programs, folder, chance)


def _moved(database: Database) -> int:
    with database.connect() as connection:
        row = connection.execute("SELECT coalesce(sum(next), 0) FROM consumed").fetchone()
    return int(row[0]) if row else 0


def _head(database: Database) -> int:
    with database.connect() as connection:
        return head(connection)


def _records(database: Database) -> list[bytes]:
    with database.connect() as connection:
        return [row.record for row in read(connection, after=0, limit=1_000_000)]


def _count(database: Database, rows: LiteralString) -> int:
    with database.connect() as connection:
        found = connection.execute(f"SELECT count(*) FROM {rows}").fetchone()  # noqa: S608 - ours
    return int(found[0]) if found else 0

"""A Kafka broker of one node, in a process that can be killed and started again where it was.

What it acknowledged outlives a SIGKILL although nothing is flushed for it: the bytes are in the
kernel's page cache, which is lost with the machine and not with a process.
"""

import os
import random
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import NoReturn, Self
from uuid import uuid4

from consumers.administering import administering
from consumers.broker import AbsentBrokerError, Broker, read_broker
from tests.broker_jars import class_path
from tests.broker_security import Security, make_security
from tests.faults.harness import await_condition

HOST = "127.0.0.1"
# Below the ports that Linux gives to outgoing connections: a client that keeps asking a killed
# broker's port would one day be given that very port, meet itself, and keep the broker out.
PORTS = range(20_000, 32_000)
STOPPED_WITHIN_S = 60.0

# Compiling less starts sooner and leaves more of two cores to what is tested.
JAVA = ("java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
SAY = "-Dorg.slf4j.simpleLogger."
LOGGING = (f"{SAY}defaultLogLevel=warn", f"{SAY}showDateTime=true", f"{SAY}dateTimeFormat=HH:mm:ss")

COMMANDS = {
    "kafka-acls.sh": "org.apache.kafka.tools.AclCommand",
    "kafka-configs.sh": "kafka.admin.ConfigCommand",
    "kafka-topics.sh": "org.apache.kafka.tools.TopicCommand",
}

SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "INTERNAL",
    "listener.security.protocol.map": "CLIENTS:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    # A killed broker is let in again when the session of its last life has run out: 9 s by default.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "400",
    # One node, and topics of its own that are quickly made.
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "log.cleaner.dedupe.buffer.size": "8388608",  # 128 MB of the heap by default
}


class KafkaServer:
    """A broker under one folder, at one port through all its lives."""

    def __init__(self, folder: Path, *, security: Security | None = None) -> None:
        self._data = folder / "data"
        self._properties = folder / "server.properties"
        self._said = folder / "broker.log"
        self._security = security
        self._process: subprocess.Popen[bytes] | None = None
        self._port, internal, controller = _free_ports(3)
        self.bootstrap = f"{HOST}:{self._port}"
        listeners = f"CLIENTS://{self.bootstrap},INTERNAL://{HOST}:{internal}"
        settings = SETTINGS | {
            "listeners": f"{listeners},CONTROLLER://{HOST}:{controller}",
            "advertised.listeners": listeners,
            "controller.quorum.voters": f"1@{HOST}:{controller}",
            "log.dirs": str(self._data),
        }
        if security:
            settings |= security.settings
        lines = (f"{name}={value}\n" for name, value in settings.items())
        self._properties.write_text("".join(lines))

    @property
    def broker(self) -> Broker:
        """Return how its administrator reaches it; without security everybody is one."""
        if self._security:
            return self._security.admin(self.bootstrap)
        return Broker((self.bootstrap,))

    @property
    def process(self) -> int:
        """Return the number of its process, another one in each life."""
        assert self._process is not None
        return self._process.pid

    @property
    def said(self) -> str:
        """Return the log of all its lives."""
        return self._said.read_text()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:  # no __exit__ comes
            self.kill()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start it with what it had, and return once it answers."""
        if not self._data.is_dir():
            self._format()
        with self._said.open("ab") as said:
            self._process = subprocess.Popen(
                _java("kafka.Kafka", str(self._properties)), stdout=said, stderr=said
            )
        self._await_ready(self._process)

    def kill(self) -> None:
        """End it with SIGKILL, in the middle of whatever it does; quiet when it has ended."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it with SIGTERM, so that it closes what it has; quiet when it has ended."""
        self._end(signal.SIGTERM)

    def _format(self) -> None:
        where = ["--cluster-id", uuid4().hex[:22], "--config", str(self._properties)]
        users = self._security.first_users if self._security else ()
        _output(_java("kafka.tools.StorageTool", "format", *where, *users))

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        await_condition(
            lambda: process.poll() is not None or (self._listens() and self._answers()), self._fail
        )
        if process.poll() is not None:
            self._fail()

    def _answers(self) -> bool:
        try:
            with administering(self.broker):
                return True
        except AbsentBrokerError:
            return False

    def _listens(self) -> bool:
        try:
            socket.create_connection((HOST, self._port)).close()
        except ConnectionRefusedError:
            return False
        return True

    def _fail(self) -> NoReturn:
        raise AssertionError(f"the broker does not run:\n{self.said}")

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(STOPPED_WITHIN_S)
            self._process = None


@contextmanager
def started(*, is_secured: bool = False) -> Iterator[KafkaServer]:
    """Run a broker while the block runs.

    Raises:
        NoKafkaError: this machine cannot; says what to install.
    """
    with TemporaryDirectory(prefix="dasan-kafka-") as name:
        folder = Path(name)
        security = make_security(folder) if is_secured else None
        with KafkaServer(folder, security=security) as server:
            yield server


@contextmanager
def given_or_started() -> Iterator[Broker]:
    """Yield the broker of KAFKA_BOOTSTRAP_SERVERS, or one that runs while the block does.

    Raises:
        BrokerError: another KAFKA_* cannot be used.
        NoKafkaError: none is given and this machine cannot run one; says what to install.
    """
    if os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        yield read_broker(os.environ)
    else:
        with started() as server:
            yield server.broker


def run(command: str) -> str:
    """Run one of Kafka's own commands, as documents and messages quote them.

    Raises:
        NoKafkaError: this machine cannot; says what to install.
    """
    program, *arguments = shlex.split(command)
    return _output(_java(COMMANDS[program], *arguments))


def _java(program: str, *arguments: str) -> list[str]:
    return [*JAVA, *LOGGING, "-cp", class_path(), program, *arguments]


def _output(command: list[str]) -> str:
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, f"{' '.join(command)}:\n{told.stdout}{told.stderr}"
    return told.stdout


def _free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on; held until all are found, so that they differ."""
    with ExitStack() as held:
        ports: list[int] = []
        while len(ports) < count:
            port = random.choice(PORTS)
            with suppress(OSError):
                held.enter_context(socket.create_server((HOST, port)))
                ports.append(port)
        return ports

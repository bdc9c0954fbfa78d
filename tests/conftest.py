"""One embedded server for the whole run; for each test a fresh database with a log and views."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import NoReturn

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from consumers.broker import Broker
from domain.times import FactTimes
from eventlog.continuing import published_at
from eventlog.database import Database, prepare
from eventlog.embedded import running
from eventlog.keys import Keys, load_keys
from eventlog.log import Log, assembled
from eventlog.settings import Settings
from eventlog.writer import Answer, Command
from projections import runner
from tests.broker import KafkaServer, given_or_started, started
from tests.broker_jars import NoKafkaError

MEMORY = Path("/dev/shm")  # noqa: S108 - where Linux has files in memory
ROOM_BYTES = 8 << 30
"""What the servers of a run may come to: they are kept in memory only where there is that much."""

SHARED_DATA = Path(__file__).parent.parent.parent / "shared" / "data"


def skip_or_fail(reason: str) -> NoReturn:
    """Skip a test that needs more than this machine has; CI has everything and fails it."""
    if os.environ.get("REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass(frozen=True)
class Servers:
    """A running server, and the making of databases on it."""

    settings: Settings
    keys: Keys
    template: Database

    @property
    def timeless(self) -> Settings:
        """The settings of a log whose facts may be of any time, as they were before the rule."""
        always = FactTimes(datetime(1900, 1, 1, tzinfo=UTC), timedelta(days=100_000))
        return replace(self.settings, times=always)

    def named(self, name: str) -> Database:
        return Database(
            make_conninfo(self.template.url, dbname=name),
            make_conninfo(self.template.admin_url, dbname=name),
        )

    @contextmanager
    def database(self, name: str, *, empty: bool = False) -> Iterator[Database]:
        """Yield a database of this name: with an empty log, or with nothing at all."""
        template = (
            "template0" if empty else psycopg.conninfo.conninfo_to_dict(self.template.url)["dbname"]
        )
        with psycopg.connect(self.named("postgres").admin_url, autocommit=True) as admin:
            admin.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY {}").format(
                    sql.Identifier(name),
                    sql.Identifier(str(template)),
                    sql.Identifier("file_copy" if _is_in_memory() else "wal_log"),
                )
            )
            try:
                yield self.named(name)
            finally:
                admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@cache
def _is_in_memory() -> bool:
    return (
        MEMORY.is_dir()
        and os.access(MEMORY, os.W_OK)
        and shutil.disk_usage(MEMORY).free > ROOM_BYTES
    )


@contextmanager
def fresh_home() -> Iterator[Path]:
    """A home that the server's user can reach, unlike pytest's own folders; gone afterwards.

    In memory if there is room: hundreds of databases are made, and a disk takes most of the time.
    """
    home = Path(tempfile.mkdtemp(prefix="dasan-test-", dir=MEMORY if _is_in_memory() else None))
    home.chmod(0o711)
    try:
        yield home
    finally:
        shutil.rmtree(home)


@pytest.fixture
def home() -> Iterator[Path]:
    """A new DASAN_HOME."""
    with fresh_home() as home:
        yield home


@pytest.fixture(scope="session")
def session_home() -> Iterator[Path]:
    with fresh_home() as home:
        yield home


@pytest.fixture(autouse=True)
def _unpublished(session_home: Path) -> None:
    """Logs of other tests were published from the same home: theirs need not be continued."""
    published_at(session_home).unlink(missing_ok=True)


@pytest.fixture(scope="session")
def servers(session_home: Path) -> Iterator[Servers]:
    home = session_home
    settings = Settings(database_url=None, home=home, city="seoul", timezone="Asia/Seoul")
    keys = load_keys(home, {})
    with running(home) as server:
        template = Database(server.url, server.admin_url)
        prepare(template, settings, keys)
        runner.prepare(template, settings.timezone)
        yield Servers(settings, keys, template)


_numbers = count(1)


@pytest.fixture
def database(servers: Servers) -> Iterator[Database]:
    """A database with an empty log and its views."""
    with servers.database(f"test_{next(_numbers)}") as database:
        yield database


@pytest.fixture
def log(servers: Servers, database: Database) -> Iterator[Log]:
    """An empty log, opened."""
    with assembled(servers.settings, database, servers.keys) as log:
        yield log


def append(log: Log, *commands: Command) -> Sequence[Answer]:
    """Append commands as they are, in one batch."""
    return log.portal.call(log.writer.append, *commands)


@contextmanager
def _where_kafka_runs() -> Iterator[None]:
    try:
        yield
    except NoKafkaError as error:
        skip_or_fail(str(error))


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """A broker for the whole run: that of KAFKA_BOOTSTRAP_SERVERS, or one of our own."""
    with _where_kafka_runs(), given_or_started() as broker:
        yield broker


@pytest.fixture
def own_broker() -> Iterator[KafkaServer]:
    """A broker of the test's own, that it may kill and start again."""
    with _where_kafka_runs(), started() as server:
        yield server


@pytest.fixture(scope="session")
def secured_broker() -> Iterator[KafkaServer]:
    """A broker that asks everybody who they are, over TLS, and lets nobody do what is not granted.

    Its `broker` is the administrator's; `tests.broker_security.add_user` makes others.
    """
    with _where_kafka_runs(), started(is_secured=True) as server:
        yield server


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real input beside the project; required where everything is."""
    if not SHARED_DATA.is_dir():
        skip_or_fail("the real calls are not beside this checkout (../shared/data)")
    return SHARED_DATA

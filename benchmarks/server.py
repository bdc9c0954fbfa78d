"""One embedded server for the whole run, a fresh database for each system that is measured."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from benchmarks.callers import Measured, Run
from eventlog.database import Database, prepare
from eventlog.embedded import Server, running
from eventlog.keys import Keys, load_keys
from eventlog.settings import Settings

TIMEZONE = "Asia/Seoul"


@dataclass(frozen=True, slots=True)
class Place:
    """A log's database with what it takes to open it; it may cross to other processes."""

    settings: Settings
    database: Database
    keys: Keys


@dataclass(frozen=True, slots=True)
class Case:
    """Something to measure, again in each round."""

    name: str
    unit: str
    run: Callable[[], Run | Measured]


@dataclass(frozen=True)
class Bench:
    server: Server
    settings: Settings
    keys: Keys

    def database(self, name: str) -> Database:
        """Make an empty database."""
        with psycopg.connect(self.server.admin_url, autocommit=True) as admin:
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return Database(
            make_conninfo(self.server.url, dbname=name),
            make_conninfo(self.server.admin_url, dbname=name),
        )

    def log(self, name: str) -> Place:
        """Make a database with an empty log."""
        place = Place(self.settings, self.database(name), self.keys)
        prepare(place.database, place.settings, place.keys)
        return place

    def ask(self, question: str) -> str:
        with psycopg.connect(self.server.admin_url, autocommit=True) as admin:
            row = admin.execute(question.encode()).fetchone()
        return str(row[0]) if row else ""

    @property
    def programs(self) -> Path:
        """The folder of the programs that the server was started from; pgbench is beside it."""
        return Path(self.ask("SELECT setting FROM pg_config WHERE name = 'BINDIR'"))

    def settle(self) -> None:
        """Write out what earlier cases left behind, so that no case pays for another."""
        with psycopg.connect(self.server.admin_url, autocommit=True) as admin:
            admin.execute("CHECKPOINT")


@contextmanager
def bench() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="dasan-bench-") as folder:
        home = Path(folder)
        home.chmod(0o755)  # root's server runs as another user, who has to get in
        settings = Settings(database_url=None, home=home, city="seoul", timezone=TIMEZONE)
        with running(home) as server:
            yield Bench(server, settings, load_keys(home, {}))


def rows(database: Database, table: str) -> int:
    with database.connect_as_owner() as owner:
        counted = owner.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))
        return int((counted.fetchone() or (0,))[0])

"""One embedded server for the whole run, a fresh database with a log and its views for each test."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
import pytest
from eventlog.database import Database, prepare
from eventlog.embedded import running
from eventlog.keys import Keys, load_keys
from eventlog.log import Log, assembled
from eventlog.settings import Settings
from projections import runner
from psycopg import sql
from psycopg.conninfo import make_conninfo

SHARED_DATA = Path(__file__).parent.parent.parent / "shared" / "data"


@dataclass(frozen=True)
class Servers:
    """A running server, and the making of databases on it."""

    settings: Settings
    keys: Keys
    template: Database

    def named(self, name: str) -> Database:
        return Database(
            make_conninfo(self.template.url, dbname=name),
            make_conninfo(self.template.admin_url, dbname=name),
        )

    @contextmanager
    def database(self, name: str, *, empty: bool = False) -> Iterator[Database]:
        """Yield a database of this name: with an empty log, or with nothing at all."""
        template = "template0" if empty else psycopg.conninfo.conninfo_to_dict(
            self.template.url)["dbname"]
        with psycopg.connect(self.named("postgres").admin_url, autocommit=True) as admin:
            admin.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(str(template))
                )
            )
            try:
                yield self.named(name)
            finally:
                admin.execute(
                    sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
                )


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    home = tmp_path_factory.mktemp("home")
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


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real input beside the project; required where everything is."""
    if not SHARED_DATA.is_dir():
        reason = "the real calls are not beside this checkout (../shared/data)"
        if os.environ.get("REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return SHARED_DATA

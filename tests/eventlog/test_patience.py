"""How long reading may take: bounded where requests wait for it, unbounded for imports."""

import asyncio

import pytest
from psycopg.conninfo import make_conninfo

from eventlog.database import Database
from eventlog.log import UNHURRIED, Patience, in_loop, reading_pool
from tests.conftest import Servers

SETTINGS = "SELECT current_setting('statement_timeout'), current_setting('work_mem')"
BOUNDED = Patience(connection_s=5.0, statement_ms=1_234)


def with_options(database: Database, options: str) -> Database:
    return Database(make_conninfo(database.url, options=options), database.admin_url)


@pytest.mark.parametrize(
    ("patience", "statement_timeout"), [(BOUNDED, "1234ms"), (UNHURRIED, "1min")]
)
def test_a_limit_stands_beside_the_options_of_the_url_for_every_reader(
    database: Database, servers: Servers, patience: Patience, statement_timeout: str
) -> None:
    database = with_options(database, "-c work_mem=7MB -c statement_timeout=60000")

    async def in_a_loop() -> object:
        async with (
            in_loop(servers.settings, database, servers.keys, pool, patience) as log,
            log.pool.connection() as connection,
        ):
            return await (await connection.execute(SETTINGS)).fetchone()

    with reading_pool(database, patience) as pool:
        with pool.connection() as connection:
            in_threads = connection.execute(SETTINGS).fetchone()

        assert in_threads == asyncio.run(in_a_loop()) == (statement_timeout, "7MB")

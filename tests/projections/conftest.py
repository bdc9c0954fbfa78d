from collections.abc import Iterator

import pytest

from eventlog.log import Log, assembled
from tests.conftest import Servers
from tests.projections.city import City


@pytest.fixture
def city(log: Log) -> Iterator[City]:
    """A city of its own, in which nothing has happened yet."""
    with log.database.connect() as connection:
        yield City(log, connection)


@pytest.fixture(scope="module")
def old_city(servers: Servers, request: pytest.FixtureRequest) -> Iterator[City]:
    """A city that the examples of a property share: each begins after what the others left."""
    name = request.module.__name__.rpartition(".")[2]
    with (
        servers.database(name) as database,
        assembled(servers.settings, database, servers.keys) as log,
        log.database.connect() as connection,
    ):
        yield City(log, connection)

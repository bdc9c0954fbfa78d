from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count

import pytest

from eventlog.archive import Archive
from eventlog.database import Database
from eventlog.log import Log, assembled
from projections.asking_history import Past
from tests.conftest import Servers
from tests.projections.calls import MIDNIGHT
from tests.projections.city import City


@pytest.fixture
def city(log: Log) -> Iterator[City]:
    """A city of its own, in which nothing has happened yet."""
    with log.database.connect() as connection:
        yield City(log, connection)


@pytest.fixture
def log(servers: Servers, database: Database) -> Iterator[Log]:
    """An empty log, opened, whose facts may be of any time."""
    with assembled(servers.timeless, database, servers.keys) as log:
        yield log


@pytest.fixture(scope="module")
def old_city(servers: Servers, request: pytest.FixtureRequest) -> Iterator[City]:
    """A city that the examples of a property share: each begins after what the others left."""
    name = request.module.__name__.rpartition(".")[2]
    with (
        servers.database(name) as database,
        assembled(servers.timeless, database, servers.keys) as log,
        log.database.connect() as connection,
    ):
        yield City(log, connection)


@pytest.fixture(scope="module")
def past(old_city: City, tmp_path_factory: pytest.TempPathFactory) -> Past:
    """The whole history of the city that a module's tests share; nothing is sealed."""
    archive = Archive(str(tmp_path_factory.mktemp("archive")))
    return Past(old_city.connection, archive, old_city.log.settings.timezone)


@pytest.fixture(scope="module")
def numbers() -> Iterator[int]:
    return count(1)


@pytest.fixture
def noon(numbers: Iterator[int]) -> datetime:
    """A noon long before those of the tests that came before, of which so nothing is there yet."""
    return MIDNIGHT + timedelta(hours=12) - next(numbers) * timedelta(days=100)

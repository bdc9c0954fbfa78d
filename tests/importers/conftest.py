import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from eventlog.log import Log, opened
from eventlog.settings import Settings
from projections.runner import prepare
from tests.importers.imported import City
from tests.importers.reported import Gateway


@pytest.fixture(scope="package")
def log() -> Iterator[Log]:
    # pytest's own folders are closed to the user that the server runs as for root.
    with tempfile.TemporaryDirectory(prefix="dasan-test-") as folder:
        Path(folder).chmod(0o755)
        with opened(Settings(None, Path(folder) / "home", "seoul", "Asia/Seoul")) as log:
            prepare(log.database, log.settings.timezone)
            yield log


@pytest.fixture(scope="package")
def sources() -> Iterator[str]:
    return (f"pbx{number}" for number in count(1))


@pytest.fixture
def city(log: Log, sources: Iterator[str], tmp_path: Path) -> City:
    """Return a telephone system of its own, whose calls nobody else knows."""
    return City(log, next(sources), tmp_path / "queue_log")


@pytest.fixture
def gateway(log: Log, sources: Iterator[str], tmp_path: Path) -> Gateway:
    """Return a gateway of its own, whose contacts nobody else knows."""
    return Gateway(log, next(sources), tmp_path / "contacts.ndjson")

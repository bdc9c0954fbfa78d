"""An export of a small log, and the folder of a copy that a test may tamper with."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from eventlog.archive import Archive
from eventlog.checkpoint import Signer
from eventlog.log import Log, assembled
from projections.exporting import export
from projections.sealing import seal
from tests.conftest import Servers
from tests.projections.calls import MIDNIGHT, answered
from tests.projections.histories import REQUEST

SIGNER = Signer("/dasan/seoul", bytes(range(32)))
SEGMENT = 256
"""One segment, so that the rest stands in bundles."""


@dataclass(frozen=True)
class Exported:
    """An export, the key of which the auditor has a copy, and the checkpoint of the year before."""

    folder: Path
    key: Path
    earlier: Path


@pytest.fixture(scope="session")
def made(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exported]:
    """Make it once; what the auditor keeps lies elsewhere."""
    folder = tmp_path_factory.mktemp("auditor")
    archive = Archive(str(folder / "archive"))
    with (
        servers.database("transparency") as database,
        assembled(servers.settings, database, servers.keys) as log,
    ):
        _tell(log, 50)
        seal(database, archive, events=SEGMENT)  # none yet, whose size those after would have
        export(database, archive, SIGNER, folder / "earlier")
        _tell(log, 60)
        seal(database, archive, events=SEGMENT)
        export(database, archive, SIGNER, folder / "export")
        (folder / "key").write_text(f"{SIGNER.verifier}\n")
        yield Exported(folder / "export", folder / "key", folder / "earlier" / "checkpoint")


def _tell(log: Log, calls: int) -> None:
    assert all(log.inquiries.save_each((answered(MIDNIGHT), REQUEST) for _ in range(calls)))


@pytest.fixture
def exported(made: Exported, tmp_path: Path) -> Exported:
    """A copy of the export."""
    folder = tmp_path / "export"
    shutil.copytree(made.folder, folder)
    return Exported(folder, made.key, made.earlier)

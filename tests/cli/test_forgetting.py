"""`dasan forget`, `hold`, `release` and `keys rotate`, as their user runs them."""

import json
import shutil
from pathlib import Path
from uuid import uuid4

import pytest

from eventlog.database import Database
from eventlog.keys import load_keys
from eventlog.log import assembled
from tests.cli.commanded import Run, commanded
from tests.conftest import Servers
from tests.eventlog.forgotten import QUESTION, asked, question


@pytest.fixture
def home(servers: Servers, tmp_path: Path) -> Path:
    """A home with the keys of the log, which may be changed here."""
    shutil.copytree(servers.settings.home / "keys", tmp_path / "keys")
    return tmp_path


@pytest.fixture
def dasan(database: Database, home: Path) -> Run:
    """Runs `dasan` on the test's own log and home."""
    environment = {"DASAN_HOME": str(home), "DASAN_DATABASE_URL": database.admin_url}
    return lambda *arguments: commanded([*map(str, arguments)], environment)


def test_who_is_held_is_not_forgotten_and_who_is_forgotten_has_a_certificate(
    dasan: Run, servers: Servers, database: Database, home: Path
) -> None:
    citizen = uuid4()
    with assembled(servers.settings, database, load_keys(home, {})) as log:
        inquiry = asked(log, citizen)
        other = asked(log)

    held = dasan("hold", citizen, "--basis", "court-7")
    refused = dasan("forget", citizen, "--basis", "pipa-36")
    released = dasan("release", citizen, "--basis", "court-7", "--json")
    forgotten = dasan("forget", citizen, "--basis", "pipa-36", "--json")
    rotated = dasan("keys", "rotate")
    again = dasan("forget", citizen, "--basis", "pipa-36")

    assert held.stdout == f"citizen {citizen} is held on the basis court-7\n"
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "until each hold is released" in refused.stderr
    assert json.loads(released.stdout) == {"citizen": str(citizen), "holds": []}
    certificate = json.loads(forgotten.stdout)
    assert (certificate["inquiries"], certificate["backups_until"]) == ([str(inquiry)], None)
    assert rotated.stdout.startswith("1 keys of personal data were wrapped under ")
    assert "in backups  unreadable since" in again.stdout
    with assembled(servers.settings, database, load_keys(home, {})) as log:
        assert question(log, other) == QUESTION


def test_one_of_citizen_and_inquiry_is_forgotten(dasan: Run) -> None:
    told = dasan("forget", "--basis", "pipa-36")

    assert told.returncode == 2
    assert "--inquiry" in told.stderr


def test_an_unknown_citizen_is_named(dasan: Run) -> None:
    citizen = uuid4()

    told = dasan("forget", citizen, "--basis", "pipa-36")

    assert told.returncode == 1
    assert told.stderr == f"dasan: no inquiry and no look-up names a citizen {citizen}\n"

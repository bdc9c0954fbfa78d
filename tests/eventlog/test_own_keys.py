"""Secrets that a log has worked with are never made anew, nor taken for others."""

import os
import shutil
from pathlib import Path

import pytest

from eventlog.checkpoint import Signer, signer_of
from eventlog.growing import caught_up
from eventlog.keys import KeyFileError, load_keys
from eventlog.log import Log
from eventlog.own_keys import require_kept, require_own
from tests.conftest import Servers
from tests.eventlog.test_vault import asked


@pytest.fixture
def used(log: Log, servers: Servers) -> Log:
    """A log with a sealed text, that was signed."""
    asked(log)
    with log.database.connect() as connection:
        caught_up(connection, signer_of(servers.settings.source, servers.settings.home))
    return log


@pytest.fixture
def home(servers: Servers, tmp_path: Path) -> Path:
    """A home with the secrets of the log."""
    shutil.copytree(servers.settings.home / "keys", tmp_path / "keys")
    return tmp_path


@pytest.mark.parametrize("name", ["encryption", "lookup", "signing"])
def test_a_missing_secret_is_named_and_not_made(used: Log, home: Path, name: str) -> None:
    (home / "keys" / name).unlink()

    with pytest.raises(KeyFileError, match=f"keys/{name} is missing, .* restore it"):
        require_kept(used.database, home, {})

    assert not (home / "keys" / name).exists()


def test_a_secret_may_be_kept_in_the_environment(used: Log, home: Path) -> None:
    (home / "keys" / "signing").unlink()

    require_kept(used.database, home, {"DASAN_SIGNING_KEY": "elsewhere"})


def test_a_log_that_has_worked_with_none_gets_its_secrets(log: Log, tmp_path: Path) -> None:
    with log.database.connect_as_owner() as owner:
        owner.execute("UPDATE log_identity SET lookup_id = ''")

    require_kept(log.database, tmp_path, {})


def test_another_key_encryption_key_is_refused(used: Log, home: Path, servers: Servers) -> None:
    (home / "keys" / "encryption").unlink()
    signer = signer_of(servers.settings.source, home)
    others = load_keys(home, {})

    with (
        used.database.connect() as connection,
        pytest.raises(KeyFileError, match="the key-encryption key is not the one"),
    ):
        require_own(connection, others, signer)


def test_another_signing_key_is_refused(used: Log, servers: Servers) -> None:
    other = Signer(servers.settings.source, os.urandom(32))

    with (
        used.database.connect() as connection,
        pytest.raises(KeyFileError, match="has signed none of this log's checkpoints"),
    ):
        require_own(connection, used.keys, other)

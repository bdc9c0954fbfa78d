"""The first start in a home that is not there yet."""

import json
from pathlib import Path

import pytest

from eventlog import embedded
from tests.cli.commanded import commanded


def of(home: Path) -> dict[str, str]:
    return {"DASAN_HOME": str(home), "DASAN_DATABASE_URL": ""}


def test_where_a_new_home_was_made_is_said_once_and_on_stderr(home: Path) -> None:
    new = home / "new"

    first, second = (commanded(["kpi", "--json"], of(new)) for _ in range(2))

    assert first.returncode == second.returncode == 0
    assert first.stderr.startswith(f"dasan: made the home {new}, ")
    assert first.stderr.count("\n") == 1
    assert second.stderr == ""
    assert json.loads(first.stdout).keys() == json.loads(second.stdout).keys()


@pytest.mark.parametrize("command", [["audit", "key"], ["token", "--scope", "kpi:read"]])
def test_a_home_that_is_made_for_its_secrets_is_named_as_well(
    tmp_path: Path, command: list[str]
) -> None:
    first, second = (commanded(command, of(tmp_path / "new")) for _ in range(2))

    assert (first.returncode, second.returncode) == (0, 0)
    assert first.stderr.startswith(f"dasan: made the home {tmp_path / 'new'}, ")
    assert second.stderr == ""


def test_what_makes_no_home_names_none(tmp_path: Path) -> None:
    told = commanded(["archive", "verify"], of(tmp_path / "new"))

    assert told.stderr.startswith("dasan: there is no archive")
    assert not (tmp_path / "new").exists()


def test_where_nothing_is_said_the_users_own_folder_is_the_home(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of root is closed to the server's user, and stays so."""
    user, here, elsewhere = home / "user", home / "here", home / "elsewhere"
    for folder in (user, here, elsewhere):
        folder.mkdir(mode=0o700)
    elsewhere.chmod(0o711)
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(user))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr(embedded, "ELSEWHERE", elsewhere)

    told = commanded(["kpi", "--json"], {"DASAN_HOME": "", "DASAN_DATABASE_URL": ""})

    assert told.returncode == 0, told.stderr
    assert "dasan: made the home " in told.stderr
    assert [*here.iterdir()] == []
    assert [*user.iterdir()] != []
    assert user.stat().st_mode & 0o777 == 0o700


def test_a_home_that_cannot_be_made_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    told = commanded(["kpi"], of(tmp_path / "file" / "home"))

    assert (told.returncode, told.stdout) == (2, "")
    assert "Set DASAN_HOME to a folder" in told.stderr
    assert told.stderr.count("\n") == 1

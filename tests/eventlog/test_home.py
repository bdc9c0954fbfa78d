"""Where the embedded database and the secrets are."""

import os
from pathlib import Path

import platformdirs
import pytest

from eventlog.settings import read_settings

HERE = Path("var")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, and another one for the user's data."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    return tmp_path / "here"


def home() -> Path:
    return read_settings({}).home


def test_a_home_that_is_named_is_taken(folder: Path) -> None:
    (folder / "var").mkdir()

    assert read_settings({"DASAN_HOME": "/srv/dasan"}).home == Path("/srv/dasan")


def test_no_folder_becomes_a_city_by_accident(folder: Path, tmp_path: Path) -> None:
    (folder / "pyproject.toml").write_text('[project]\nname = "other"\n')

    assert home() == platformdirs.user_data_path("dasan")
    assert home().is_relative_to(tmp_path / "user")
    assert [path.name for path in folder.iterdir()] == ["pyproject.toml"]


def test_a_var_that_is_there_is_gone_on_with(folder: Path) -> None:
    (folder / "var").mkdir()

    assert home() == HERE


def test_a_checkout_has_its_own(folder: Path) -> None:
    (folder / "pyproject.toml").write_text('[project]\nname = "dasan"\n')

    assert home() == HERE


@pytest.mark.parametrize(
    "octets", [b"[project", b"\xff", b"project = 1", b"", b"[project]\nversion = '1'"]
)
def test_a_project_file_that_says_nothing_is_no_checkout(folder: Path, octets: bytes) -> None:
    (folder / "pyproject.toml").write_bytes(octets)

    assert home() != HERE


def test_the_systems_var_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")

    assert Path("var").is_dir()
    assert home() != HERE


def test_a_folder_that_is_gone_is_no_home(folder: Path) -> None:
    folder.rmdir()

    assert home() == platformdirs.user_data_path("dasan")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_folder_that_cannot_be_looked_into_is_no_home(folder: Path) -> None:
    folder.chmod(0o700)
    os.seteuid(65534)
    try:
        assert home() != HERE
    finally:
        os.seteuid(0)

"""Lock files cannot be held by others."""

import os
from pathlib import Path

import pytest

from eventlog.locks import open_lock


def test_a_lock_file_is_its_owners_alone(tmp_path: Path) -> None:
    open_lock(tmp_path / "lock").close()

    assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600


def test_a_lock_file_of_before_is_closed_to_others(tmp_path: Path) -> None:
    (tmp_path / "lock").touch(mode=0o644)

    open_lock(tmp_path / "lock").close()

    assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600


def test_a_link_is_not_taken_for_a_lock_file(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(OSError, match="lock"):
        open_lock(tmp_path / "lock")

    assert not os.path.lexists(tmp_path / "elsewhere")

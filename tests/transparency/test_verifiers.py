"""An export, checked by programs that are not ours: each passes it, and each sees what we see."""

from pathlib import Path

import pytest

from eventlog.checkpoint import CheckpointError
from projections.export_checking import Checked, verify
from projections.exported import Export
from tests.projections.forging import listed_again
from tests.transparency import verifiers
from tests.transparency.conftest import SEGMENT, SIGNER, Exported
from tests.transparency.reading import archived, records, root_of, size_of
from tests.transparency.tampering import (
    Change,
    add,
    drop,
    flip_a_bit,
    rewrite_and_sign,
    sign_by_another,
    swap,
    tamper,
)
from tests.transparency.verifiers import RefusedError

IN_ARCHIVE, IN_BUNDLE = 100, 300
"""Positions of records, in the segment and behind it."""

CHANGES = pytest.mark.parametrize("change", [flip_a_bit, drop, add, swap])
PLACES = pytest.mark.parametrize("position", [IN_ARCHIVE, IN_BUNDLE])


@pytest.fixture(scope="session")
def in_go(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The verifier in Go, built once."""
    return verifiers.built_in_go(tmp_path_factory.mktemp("go") / "verifier")


def ours(exported: Exported, *, earlier: bool = False) -> Checked:
    return verify(
        Export(exported.folder),
        SIGNER.verifier,
        exported.earlier.read_text() if earlier else None,
    )


# The export as it is


def test_part_of_the_export_is_in_the_archive_and_part_behind_it(exported: Exported) -> None:
    assert len(archived(exported.folder)) == SEGMENT
    assert SEGMENT + 1 < len(records(exported.folder)) == size_of(exported.folder)


def test_ours_finds_nothing_wrong(exported: Exported) -> None:
    assert ours(exported, earlier=True).fault is None


def test_gos_library_finds_nothing_wrong(exported: Exported, in_go: Path) -> None:
    verifiers.by_go(in_go, exported.folder, exported.key, exported.earlier)


def test_openssl_verifies_the_signature_as_the_readme_says(exported: Exported) -> None:
    verifiers.by_openssl(exported.folder, exported.key)


def test_the_readmes_program_prints_the_root_that_was_signed(exported: Exported) -> None:
    verifiers.by_readme(exported.folder)


def test_pymerkle_makes_the_root_that_was_signed(exported: Exported) -> None:
    verifiers.by_pymerkle(exported.folder)


def test_pymerkle_makes_the_earlier_root_of_the_first_records(exported: Exported) -> None:
    earlier = exported.earlier.parent

    first = records(exported.folder)[: size_of(earlier)]

    assert verifiers.root_by_pymerkle(first) == root_of(earlier)


# A record that is changed, dropped, added or swapped


@CHANGES
@PLACES
def test_ours_names_the_first_position_that_is_wrong(
    exported: Exported, change: Change, position: int
) -> None:
    tamper(exported.folder, position, change)
    listed_again(exported.folder, SIGNER)

    fault = ours(exported).fault

    assert fault is not None
    assert fault.position == position


@CHANGES
@PLACES
def test_gos_library_names_it_too(
    exported: Exported, in_go: Path, change: Change, position: int
) -> None:
    tamper(exported.folder, position, change)

    with pytest.raises(RefusedError, match=rf"^position {position}: "):
        verifiers.by_go(in_go, exported.folder, exported.key)


@CHANGES
@PLACES
def test_the_readmes_program_prints_another_root(
    exported: Exported, change: Change, position: int
) -> None:
    tamper(exported.folder, position, change)

    with pytest.raises(RefusedError, match="have the root"):
        verifiers.by_readme(exported.folder)


@CHANGES
@PLACES
def test_pymerkle_makes_another_root(exported: Exported, change: Change, position: int) -> None:
    tamper(exported.folder, position, change)

    with pytest.raises(RefusedError, match="have the root"):
        verifiers.by_pymerkle(exported.folder)


# The end of the log


def cut_off_the_last(records: list[bytes], _: int) -> None:
    records.pop()


def test_a_record_that_is_missing_at_the_end_is_missed(exported: Exported, in_go: Path) -> None:
    size = size_of(exported.folder)
    tamper(exported.folder, size, cut_off_the_last)

    fault = ours(exported).fault

    assert fault is not None
    assert fault.position == size
    with pytest.raises(RefusedError, match=f"{size} records were signed, and {size - 1} are there"):
        verifiers.by_go(in_go, exported.folder, exported.key)


# A checkpoint that is signed again


def test_a_checkpoint_that_another_key_signed_is_refused_by_all(
    exported: Exported, in_go: Path
) -> None:
    sign_by_another(exported.folder)

    with pytest.raises(CheckpointError, match="no signature by"):
        ours(exported)
    with pytest.raises(RefusedError, match="no verifiable signatures"):
        verifiers.by_go(in_go, exported.folder, exported.key)
    with pytest.raises(RefusedError, match=r"(?i)verif\w+ failure"):
        verifiers.by_openssl(exported.folder, exported.key)


def test_whoever_has_the_key_can_rewrite_and_only_an_earlier_checkpoint_tells(
    exported: Exported, in_go: Path
) -> None:
    rewrite_and_sign(exported.folder, SIGNER, IN_ARCHIVE)
    listed_again(exported.folder, SIGNER)

    verifiers.by_openssl(exported.folder, exported.key)
    verifiers.by_readme(exported.folder)
    verifiers.by_go(in_go, exported.folder, exported.key)
    fault = ours(exported, earlier=True).fault
    assert fault is not None
    assert "not those that were signed before" in fault.reason
    with pytest.raises(RefusedError, match="proof"):
        verifiers.by_go(in_go, exported.folder, exported.key, exported.earlier)


def test_a_tile_that_is_changed_is_seen(exported: Exported, in_go: Path) -> None:
    tile = exported.folder / "tile/0/000"
    octets = bytearray(tile.read_bytes())
    octets[(IN_ARCHIVE - 1) * 32] ^= 1
    tile.write_bytes(octets)

    fault = ours(exported).fault

    assert fault is not None
    assert fault.position == IN_ARCHIVE
    with pytest.raises(RefusedError):
        verifiers.by_go(in_go, exported.folder, exported.key)

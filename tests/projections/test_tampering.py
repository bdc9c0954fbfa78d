"""An export that somebody changed who wants to deceive: each kind is found, and where it begins.

Whoever changes files makes manifests fit. Whoever holds the key as well signs again: that is found
by nobody but who kept an earlier checkpoint.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import duckdb
import pytest

from eventlog.checkpoint import Checkpoint, CheckpointError, Signer
from eventlog.tiles import Place, bundle, grown
from eventlog.tree import HASH_BYTES, leaf_hash, root
from projections.export_checking import verify
from projections.exported import Export, ExportError
from tests.conftest import Servers
from tests.projections.forging import SIGNER, exported, forged, listed_again
from tests.projections.sealed import SIZE, Sealed

IN_SEGMENT, IN_REST = 10, 3 * SIZE + 2
BUNDLE = "tile/entries/000.p/27"
TILE = "tile/0/000.p/27"


@pytest.fixture(scope="module")
def kept(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An export that every test has a copy of."""
    with exported(servers, "tampering", tmp_path_factory.mktemp("kept")) as folder:
        yield folder


@pytest.fixture
def taken(kept: Path, tmp_path: Path) -> Path:
    shutil.copytree(kept, tmp_path / "export")
    return tmp_path / "export"


def fault(folder: Path, earlier: str | None = None) -> str | None:
    """Return what the auditor is told, who has the key and maybe an earlier checkpoint."""
    found = verify(Export(folder), SIGNER.verifier, earlier).fault
    return None if found is None else str(found)


def records(folder: Path) -> list[bytes]:
    """Return all records of an export."""

    found = Export(folder)
    paths = [str(folder / "archive" / one.records.name) for one in found.segments]
    rows = duckdb.execute(
        "SELECT record FROM read_parquet(?) ORDER BY position", [paths]
    ).fetchall()
    return [*(record.encode() for (record,) in rows), *found.rest(27)]


def write_rest(folder: Path, told: Sequence[bytes]) -> None:
    (folder / BUNDLE).write_bytes(bundle(told))


def note(folder: Path) -> str:
    return (folder / "checkpoint").read_text("utf-8")


def test_a_sound_export_has_no_fault(taken: Path) -> None:
    assert fault(taken) is None
    assert fault(taken, earlier=note(taken)) is None


@pytest.mark.long
def test_a_sound_export_continues_every_earlier_checkpoint(taken: Path) -> None:
    told = records(taken)

    for size in (0, 1, SIZE, IN_REST, len(told)):
        earlier = SIGNER.signed(Checkpoint("/dasan/seoul", size, root(told[:size])))
        assert fault(taken, earlier) is None


def test_a_changed_record_is_named(taken: Path) -> None:
    changed = "replace(record, 'sms', 'sns') AS record"
    Sealed(taken / "archive").edit(1, "records", changed, f"position = {IN_SEGMENT - 1}")

    assert fault(listed_again(taken)) == (
        f"{TILE}: position {IN_SEGMENT - 1}: the record has not the hash that the tree has there"
    )


def test_a_dropped_record_is_named(taken: Path) -> None:
    Sealed(taken / "archive").rewrite(
        1,
        "records",
        f"SELECT * FROM kept WHERE position <> {IN_SEGMENT}",  # noqa: S608
    )

    assert f"position {IN_SEGMENT}:" in (fault(listed_again(taken)) or "")


def test_an_added_record_is_named(taken: Path) -> None:
    again = f"SELECT * FROM kept WHERE position = {IN_SEGMENT}"  # noqa: S608
    Sealed(taken / "archive").rewrite(
        1,
        "records",
        f"SELECT * FROM kept UNION ALL {again} ORDER BY position",  # noqa: S608
    )

    assert f"position {IN_SEGMENT + 1}:" in (fault(listed_again(taken)) or "")


def test_swapped_records_are_named(taken: Path) -> None:
    a, b = IN_SEGMENT, IN_SEGMENT + 1
    Sealed(taken / "archive").rewrite(
        1,
        "records",
        f"SELECT CASE position WHEN {a} THEN {b} WHEN {b} THEN {a} ELSE position END AS position,"  # noqa: S608
        " record FROM kept ORDER BY position",
    )

    assert f"position {a}:" in (fault(listed_again(taken)) or "")


def test_a_renumbered_record_is_named(taken: Path) -> None:
    told = records(taken)
    old = f'"sequence":"{IN_REST:020}"'.encode()
    changed = told[IN_REST - 1].replace(old, f'"sequence":"{IN_REST + 1:020}"'.encode())
    write_rest(taken, [*told[: IN_REST - 1], changed, *told[IN_REST:]])

    assert f"position {IN_REST}:" in (fault(taken) or "")


@pytest.mark.parametrize(
    ("change", "first"),
    [
        (lambda told: told[:-1], 27),
        (lambda told: [*told[:-3], told[-2], told[-1]], 25),
        (lambda told: [*told, told[-1]], None),
        (lambda told: [*told[:-2], told[-1], told[-2]], 26),
    ],
    ids=["cut", "dropped", "added", "swapped"],
)
def test_newest_records_that_were_changed_are_named(
    taken: Path, change: Callable[[list[bytes]], list[bytes]], first: int | None
) -> None:
    write_rest(taken, change(records(taken)))

    found = fault(taken) or ""

    assert (f"position {first}:" if first else "28 are there") in found


def test_a_bundle_that_is_missing_or_cut_is_named(taken: Path) -> None:
    (taken / BUNDLE).write_bytes((taken / BUNDLE).read_bytes()[:-1])
    assert f"{BUNDLE}: the bundle ends within a record" in (fault(taken) or "")

    (taken / BUNDLE).unlink()
    assert f"{BUNDLE}: it is missing" in (fault(taken) or "")


def test_a_changed_file_is_named(taken: Path) -> None:
    archive = Sealed(taken / "archive")
    name = archive.segments[1].records.name
    archive.flip(name, 0.5)

    assert (fault(taken) or "").startswith(f"{name}: its SHA-256 is")


def test_a_changed_manifest_is_named(taken: Path) -> None:
    archive = Sealed(taken / "archive")
    name = archive.segments[1].name
    archive.change(1, root=archive.segments[0].model_dump(mode="json")["root"])

    assert name in (fault(taken) or "")


def test_a_typed_value_that_no_record_has_is_named(taken: Path) -> None:
    Sealed(taken / "archive").edit(1, "events", "5 AS score", f"position = {IN_SEGMENT}")

    assert f"position {IN_SEGMENT}: score is 5" in (fault(listed_again(taken)) or "")


def test_a_changed_tile_is_named(taken: Path) -> None:
    hashes = bytearray((taken / TILE).read_bytes())
    hashes[HASH_BYTES * (IN_REST - 1)] ^= 1
    (taken / TILE).write_bytes(hashes)

    assert f"{TILE}: position {IN_REST}:" in (fault(taken) or "")


def test_a_changed_tile_above_those_of_leaves_is_named(taken: Path) -> None:
    forged(taken, records(taken) * 20)
    path = taken / "tile/1/000.p/2"
    path.write_bytes(path.read_bytes()[::-1])

    assert "tile/1/000.p/2: its hashes are not those of the tiles below it" in (fault(taken) or "")


def test_records_that_were_changed_with_their_tiles_have_another_root(taken: Path) -> None:
    told = records(taken)
    told[IN_REST - 1] += b" "
    write_rest(taken, told)
    leaves = grown(lambda _: b"", 0, [*map(leaf_hash, told)])
    (taken / TILE).write_bytes(leaves[Place(0, 0)])

    assert "have not the root that was signed" in (fault(taken) or "")


@pytest.mark.parametrize("what", ["size", "root", "origin", "signature"])
def test_a_changed_checkpoint_is_not_signed(taken: Path, what: str) -> None:
    lines = note(taken).split("\n")
    at = {"origin": 0, "size": 1, "root": 2, "signature": 4}[what]
    lines[at] = {
        "origin": "/dasan/busan",
        "size": "26",
        "root": "A" * 43 + "=",
        "signature": lines[4][:-6] + "AAAAA=",
    }[what]
    (taken / "checkpoint").write_text("\n".join(lines))

    with pytest.raises(CheckpointError):
        fault(taken)


def test_a_fork_that_is_signed_by_another_key_is_refused(taken: Path) -> None:
    forged(taken, records(taken), Signer("/dasan/seoul", bytes(32)))

    with pytest.raises(CheckpointError, match="no signature by"):
        fault(taken)


def test_a_fork_that_the_operator_signed_does_not_continue_what_was_kept(
    taken: Path,
) -> None:
    kept, told = note(taken), records(taken)
    told[IN_SEGMENT - 1] = told[IN_SEGMENT - 1].replace(b"phone", b"video")
    forged(taken, [*told, told[-1].replace(b"%020d" % 27, b"%020d" % 28)])

    assert "the first 27 records are not those that were signed before" in (
        fault(taken, kept) or ""
    )


def test_two_roots_for_one_size_are_found(taken: Path) -> None:
    kept, told = note(taken), records(taken)
    told[0] += b" "
    forged(taken, told)

    assert "the first 27 records are not those" in (fault(taken, kept) or "")


def test_an_older_backup_that_the_operator_signed_has_fewer_records(taken: Path) -> None:
    kept, told = note(taken), records(taken)
    forged(taken, told[:20])

    assert fault(taken) is None, "by itself it is sound: who kept nothing cannot see it"
    assert "27 records were signed before, and the export has fewer" in (fault(taken, kept) or "")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda event: event | {"sequence": f"{7:020}"}, "has the sequence"),
        (lambda event: event | {"source": "/dasan/busan"}, "has the source"),
        (lambda event: event | {"recordedtime": "2000-01-01T00:00:00.000000Z"}, "recordedtime"),
        (lambda event: event | {"id": event["subject"] + "/9"}, "has version 9"),
    ],
    ids=["sequence", "source", "time", "version"],
)
def test_what_the_operator_signed_out_of_order_is_named(
    taken: Path, change: Callable[[dict[str, str]], dict[str, str]], reason: str
) -> None:
    told = records(taken)
    told[IN_REST - 1] = json.dumps(change(json.loads(told[IN_REST - 1]))).encode()
    forged(taken, told)

    found = fault(taken) or ""

    assert f"position {IN_REST}:" in found
    assert reason in found


@pytest.mark.parametrize("name", ["checkpoint", "key"])
def test_a_folder_without_checkpoint_or_key_is_no_export(taken: Path, name: str) -> None:
    (taken / name).unlink()

    with pytest.raises(ExportError, match=f"it has no {name}"):
        verify(Export(taken), Export(taken).verifier)

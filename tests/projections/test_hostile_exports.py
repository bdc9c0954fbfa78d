"""An export that an enemy has had in hands: what is not signed, or reads otherwise, is refused."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventlog.checkpoint import Checkpoint, Signer
from eventlog.tiles import grown, path_of
from eventlog.tree import HASH_BYTES, leaf_hash, root
from projections import archive_checking
from projections.archive_parts import said_wrongly
from projections.archive_rows import EVENTS, relate_events
from projections.duck import TemporaryFolderError, opened
from projections.export_checking import Checked, verify
from projections.exported import Export
from projections.replaying import replay
from tests.conftest import Servers
from tests.projections.forging import SIGNER, exported, listed_again
from tests.projections.sealed import SIZE, Sealed

STRANGER = Signer(SIGNER.name, bytes(32))


@pytest.fixture(scope="module")
def kept(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An export that every test has a copy of."""
    with exported(servers, "hostile", tmp_path_factory.mktemp("kept")) as folder:
        yield folder


@pytest.fixture
def taken(kept: Path, tmp_path: Path) -> Path:
    return copied(kept, tmp_path / "export")


def copied(kept: Path, folder: Path) -> Path:
    shutil.copytree(kept, folder)
    return folder


def checked(folder: Path) -> Checked:
    return verify(Export(folder), SIGNER.verifier)


def fault(folder: Path) -> str:
    """Return what is wrong with an export, and that it is not replayed either."""
    found = checked(folder).fault
    assert replay(Export(folder), SIGNER.verifier)[0].fault == found
    return str(found)


# What nobody signed


def test_a_segment_beyond_the_checkpoint_is_refused(taken: Path) -> None:
    size = 2 * SIZE
    paths = [taken / "archive" / one.records.name for one in Export(taken).segments[:2]]
    rows = [duckdb.read_parquet(str(path)).order("position").fetchall() for path in paths]
    signed = [record.encode() for part in rows for _, record in part]
    shutil.rmtree(taken / "tile")
    for place, hashes in grown(lambda _: b"", 0, [*map(leaf_hash, signed)]).items():
        path = taken / path_of(place, len(hashes) // HASH_BYTES)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(hashes)
    note = SIGNER.signed(Checkpoint(SIGNER.name, size, root(signed)))
    (taken / "checkpoint").write_text(note)
    (taken / "files").unlink()

    assert "it reaches beyond the 16 records that were signed" in fault(taken)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("definitions/kpi.sql", "its SHA-256 is"),
        ("README.md", "its SHA-256 is"),
        ("key", "its SHA-256 is"),
    ],
)
def test_a_file_that_was_changed_is_named(taken: Path, name: str, reason: str) -> None:
    octets = bytearray((taken / name).read_bytes())
    octets[-2] ^= 1
    (taken / name).write_bytes(octets)

    assert fault(taken).startswith(f"{name}: {reason}")


@pytest.mark.parametrize("name", ["definitions/kpi.sql", "README.md"])
def test_a_file_that_is_missing_is_named(taken: Path, name: str) -> None:
    (taken / name).unlink()

    assert fault(taken) == f"{name}: it is missing, and in the signed list files"


@pytest.mark.parametrize(
    "name",
    [
        "extra",
        "archive/0000000009-0000000016.events-2.parquet",
        "archive/.hidden",
        "definitions/more.sql",
        "tile/0/001",
        "tile/entries/000.p/26",
        "tile/0/x000/000",
        "tile/7/000",
    ],
)
def test_a_file_that_is_not_due_is_named(taken: Path, name: str) -> None:
    (taken / name).parent.mkdir(parents=True, exist_ok=True)
    (taken / name).write_bytes(b"x")

    assert fault(taken).startswith(f"{name}: ")


def test_a_link_is_named_and_not_followed(taken: Path, tmp_path: Path) -> None:
    (taken / "README.md").rename(tmp_path / "README.md")
    (taken / "README.md").symlink_to(tmp_path / "README.md")

    assert "'README.md': it is a link" in fault(taken)


def test_folders_within_folders_without_end_are_named(taken: Path) -> None:
    (taken / "/".join(["d"] * 20)).mkdir(parents=True)

    assert "d/d/d/d/d/d/d/d/d/d/d/d/d': it is too deep" in fault(taken)


def test_a_folder_in_the_place_of_a_file_is_named(taken: Path) -> None:
    (taken / "files").unlink()
    (taken / "files").mkdir()

    assert "files: it is not a regular file" in fault(taken)


def test_a_folder_that_is_a_link_is_not_followed(taken: Path, tmp_path: Path) -> None:
    (taken / "archive").rename(tmp_path / "elsewhere")
    (taken / "archive").symlink_to(tmp_path / "elsewhere")

    assert checked(taken).fault


@pytest.mark.parametrize("name", ["tile/0/000.p/27", "README.md", "tile/entries/000.p/27"])
def test_a_pipe_is_named_and_not_waited_for(taken: Path, name: str) -> None:
    (taken / name).unlink()
    os.mkfifo(taken / name)

    assert "it is neither a file nor a folder" in fault(taken)


def test_a_list_that_another_key_signed_is_refused(taken: Path) -> None:
    note = (taken / "files").read_text()
    text = note.rpartition("\n\n")[0] + "\n"
    (taken / "files").write_text(STRANGER.signed_text(text))

    assert "no signature by /dasan/seoul" in fault(taken)


@pytest.mark.parametrize("end", ["", "\nx", "\n\u2014 witness QUJD\n"])
def test_a_list_has_one_signature_and_nothing_else(taken: Path, end: str) -> None:
    (taken / "files").write_text((taken / "files").read_text().removesuffix("\n") + end)

    assert checked(taken).fault


def test_a_list_of_another_checkpoint_is_refused(taken: Path) -> None:
    text = (taken / "files").read_text().rpartition("\n\n")[0] + "\n"
    (taken / "files").write_text(SIGNER.signed_text(text.replace("\n27\n", "\n26\n", 1)))

    assert "is of another export than the checkpoint" in fault(taken)


def test_an_export_without_its_list_holds_and_is_not_proved(taken: Path) -> None:
    (taken / "files").unlink()

    found = checked(taken)

    assert found.fault is None
    assert "no signed list" in (found.doubt or "")


def test_a_checkpoint_is_not_taken_for_a_list(taken: Path) -> None:
    shutil.copyfile(taken / "checkpoint", taken / "files")

    assert "is of another export than the checkpoint" in fault(taken)


# What reads otherwise than it is


def say_otherwise(path: Path, said: bytes, otherwise: bytes) -> None:
    """Let a Parquet file's footer say something else of its parts; its rows stay as they are."""
    octets = path.read_bytes()
    begin = len(octets) - 8 - int.from_bytes(octets[-8:-4], "little")
    assert said in octets[begin:]
    path.write_bytes(octets[:begin] + octets[begin:].replace(said, otherwise))


@pytest.fixture
def misleading(taken: Path) -> Path:
    """An export whose first typed file says that its last type comes before `inquiry.answered`."""
    archive = Sealed(taken / "archive")
    path = archive.path(archive.segments[0].events.name)
    kinds = {row[0] for row in duckdb.read_parquet(str(path)).project("type").fetchall()}
    last = max(kinds)
    say_otherwise(path, last.encode(), b"a" * len(last))
    archive.vouch(0, "events")
    asked = duckdb.read_parquet(str(path)).filter(duckdb.ColumnExpression("type") == last)
    assert not asked.fetchall(), "whoever asks for it finds nothing"
    return taken


@pytest.mark.parametrize("listed", [listed_again, lambda folder: (folder / "files").unlink()])
def test_statistics_that_the_rows_do_not_bear_out_are_named(
    misleading: Path, listed: Callable[[Path], object]
) -> None:
    listed(misleading)

    assert "it says of type what the rows do not bear out" in fault(misleading)


def test_false_statistics_of_records_are_named(taken: Path) -> None:
    archive = Sealed(taken / "archive")
    path = archive.path(archive.segments[1].records.name)
    say_otherwise(path, (16).to_bytes(8, "little"), (9).to_bytes(8, "little"))
    archive.vouch(1, "records")
    listed_again(taken)

    assert "it says of position what the rows do not bear out" in fault(taken)


def test_false_statistics_of_what_is_in_lists_are_named(taken: Path) -> None:
    archive = Sealed(taken / "archive")
    archive.rewrite(0, "events", "SELECT * REPLACE (['question'] AS sealed) FROM kept")
    path = archive.path(archive.segments[0].events.name)
    with opened() as duck:
        relate_events(duck, path, archive.segments[0].events)
        again = Path(shutil.copy(path, taken.parent / "again.parquet"))
        assert said_wrongly(duck, path, EVENTS, again) is None

        say_otherwise(path, b"question", b"aaaaaaaa")

        found = said_wrongly(duck, path, EVENTS, again)
    assert "it says of sealed, list, element what" in str(found)


def test_statistics_that_are_no_values_are_named(taken: Path) -> None:
    archive = Sealed(taken / "archive")
    archive.rewrite(0, "events", "SELECT * REPLACE ('x' AS score) FROM kept")
    path = archive.path(archive.segments[0].events.name)

    with opened() as duck:
        relate_events(duck, path, archive.segments[0].events)
        duck.execute(f"ALTER TABLE {EVENTS} ALTER score TYPE integer USING 5")

        assert "cannot be read: Conversion Error" in str(said_wrongly(duck, path, EVENTS))


def test_typed_rows_written_by_another_program_hold_if_they_are_true(taken: Path) -> None:
    Sealed(taken / "archive").rewrite(1, "events", "FROM kept")  # with other compression
    listed_again(taken)

    assert checked(taken).fault is None


@pytest.mark.parametrize(
    ("which", "bomb"),
    [
        ("records", "SELECT position, repeat('x', 50000000) AS record FROM kept"),
        ("events", "SELECT * REPLACE (repeat('x', 50000000) AS stream_id) FROM kept"),
        ("events", "SELECT * REPLACE (repeat('x', 50000000) AS actor) FROM kept"),
    ],
    ids=["record", "stream", "actor"],
)
def test_a_value_that_would_take_all_memory_is_refused(taken: Path, which: str, bomb: str) -> None:
    archive = Sealed(taken / "archive")
    archive.rewrite(1, which, bomb)
    listed_again(taken)
    path = archive.path(getattr(archive.segments[1], which).name)

    assert path.stat().st_size < 1_000_000
    assert checked(taken).fault


# Names that an engine could take for more than names


@pytest.mark.parametrize("name", ["a[b]c", "it's; DROP", "year=2012", "a*", "{a,b}", "a?"])
def test_a_folder_may_have_any_name(kept: Path, tmp_path: Path, name: str) -> None:
    folder = copied(kept, tmp_path / name / "export")

    assert checked(folder) == checked(kept)
    assert replay(Export(folder), SIGNER.verifier)[0].fault is None


def test_a_temporary_folder_that_is_a_pattern_is_named(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a[b]").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "a[b]"))

    with pytest.raises(TemporaryFolderError, match="set TMPDIR to another"):
        archive_checking.verify(Export(kept).archive)


def test_a_folder_that_a_pattern_would_find_is_not_read(kept: Path, tmp_path: Path) -> None:
    folder = copied(kept, tmp_path / "a[b]c")
    other = Sealed(copied(kept, tmp_path / "abc") / "archive")
    other.edit(1, "events", "5 AS score", "true")

    assert checked(folder).fault is None


# Whatever somebody does to it

Change = Callable[[Path, st.DataObject], None]


def a_file(folder: Path, data: st.DataObject) -> Path:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return data.draw(st.sampled_from(files))


def alter(folder: Path, data: st.DataObject) -> None:
    path = a_file(folder, data)
    octets = bytearray(path.read_bytes())
    octets[data.draw(st.integers(0, len(octets) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(octets)


def cut(folder: Path, data: st.DataObject) -> None:
    path = a_file(folder, data)
    path.write_bytes(path.read_bytes()[: -data.draw(st.integers(1, 9))])


def append(folder: Path, data: st.DataObject) -> None:
    path = a_file(folder, data)
    path.write_bytes(path.read_bytes() + data.draw(st.binary(min_size=1, max_size=9)))


def drop(folder: Path, data: st.DataObject) -> None:
    a_file(folder, data).unlink()


def add(folder: Path, data: st.DataObject) -> None:
    beside = a_file(folder, data)
    name = data.draw(st.sampled_from(["x", "000", "001.p", "z.sql", "1.parquet", ".x"]))
    (beside.parent / name).write_bytes(b"x")


def link(folder: Path, data: st.DataObject) -> None:
    path = a_file(folder, data)
    aside = folder.with_name("aside")
    path.rename(aside)
    path.symlink_to(aside)


def exchange(folder: Path, data: st.DataObject) -> None:
    one, other = a_file(folder, data), a_file(folder, data)
    octets = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(octets)


def repack(folder: Path, data: st.DataObject) -> None:
    archive = Sealed(folder / "archive")
    which = data.draw(st.sampled_from(["records", "events"]))
    archive.rewrite(data.draw(st.integers(0, 2)), which, "FROM kept LIMIT 7")


def sign_again(folder: Path, _: st.DataObject) -> None:
    note = (folder / "files").read_text()
    (folder / "files").write_text(STRANGER.signed_text(note.rpartition("\n\n")[0] + "\n"))
    (folder / "key").write_text(f"{STRANGER.verifier}\n")


@pytest.mark.long
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    change=st.sampled_from([alter, cut, append, drop, add, link, exchange, repack, sign_again]),
    data=st.data(),
)
def test_no_altered_export_is_proved(
    kept: Path, tmp_path_factory: pytest.TempPathFactory, change: Change, data: st.DataObject
) -> None:
    folder = copied(kept, tmp_path_factory.mktemp("forged") / "export")
    before = contents(folder)

    change(folder, data)

    if contents(folder) != before:
        assert not is_proved(folder)


def contents(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): None if path.is_symlink() else path.read_bytes()
        for path in folder.rglob("*")
        if not path.is_dir()
    }


def is_proved(folder: Path) -> bool:
    """Return whether an auditor is told that all of it is proved."""
    try:
        found, _ = replay(Export(folder), SIGNER.verifier)
    except (RuntimeError, ValueError):  # no export, or not signed: named errors of ours
        return False
    return found.fault is None and found.doubt is None

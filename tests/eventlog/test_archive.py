"""The archive's files: what a manifest must say, and what can be read once it is published."""

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import fsspec  # type: ignore[import-untyped]  # it has no types
import pytest

from eventlog.archive import Archive, ArchiveError, DamagedArchiveError
from eventlog.manifest import (
    Manifest,
    ManifestError,
    entry_of,
    events_name,
    parsed,
    records_name,
    written,
)
from eventlog.tree import Peaks

LOG = UUID(int=120)
SIZE = 4


def segment(folder: Path, number: int, **changed: Any) -> Manifest:
    """Return a segment whose files, no Parquet at all, are in `folder`."""
    first, last = number * SIZE + 1, (number + 1) * SIZE
    tree = Peaks()
    tree.extend([b"a record"] * last)
    records, events = folder / records_name(first, last), folder / events_name(first, last, 1)
    records.write_bytes(b"records %d" % number)
    events.write_bytes(b"events %d" % number)
    fields: dict[str, Any] = {
        "source": "/dasan/seoul",
        "log_id": LOG,
        "first": first,
        "last": last,
        "root": tree.root(),
        "peaks": tree.hashes,
        "generation": 1,
        "records": entry_of(records, rows=SIZE),
        "events": entry_of(events, rows=SIZE + 1),
    }
    return Manifest(**fields | changed)


def fetched(folder: Path) -> Path:
    """Return a new folder for what is fetched."""
    made = folder / "fetched"
    made.mkdir()
    return made


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return segment(tmp_path, 0)


@pytest.fixture
def memory() -> Iterator[str]:
    """The URL of an object store that is nothing but memory."""
    yield "memory://dasan/archive"
    fsspec.filesystem("memory").store.clear()


@pytest.fixture(params=["folder", "file", "memory"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Archive:
    if request.param == "memory":
        return Archive(request.getfixturevalue("memory"))
    return Archive(("file://" if request.param == "file" else "") + str(tmp_path / "archive"))


def test_a_place_where_nothing_was_sealed_has_no_segments(archive: Archive) -> None:
    assert archive.segments() == []


def test_what_is_published_is_a_segment(archive: Archive, tmp_path: Path) -> None:
    segments = [segment(tmp_path, number) for number in range(3)]
    for one in segments:
        archive.publish(one, tmp_path)

    assert archive.segments() == segments
    assert archive.newest() == (9, 12)
    names = [(one.records.name, one.events.name, one.name) for one in segments]
    assert archive.names() == sorted(sum(names, ()))


def test_a_published_file_can_be_fetched(archive: Archive, tmp_path: Path) -> None:
    one = segment(tmp_path, 0)
    archive.publish(one, tmp_path)

    assert archive.fetch_whole(one.events, fetched(tmp_path)).read_bytes() == b"events 0"


def test_a_file_that_is_not_there_is_named(archive: Archive, tmp_path: Path) -> None:
    one = segment(tmp_path, 0)

    with pytest.raises(DamagedArchiveError, match=r"events-1\.parquet: it is missing: restore it"):
        archive.fetch_whole(one.events, fetched(tmp_path))


def test_a_segment_without_manifest_is_none(archive: Archive, tmp_path: Path) -> None:
    one = segment(tmp_path, 0)
    (tmp_path / one.records.name).write_bytes(b"other than the manifest says")

    with pytest.raises(ArchiveError, match="does not keep what it is given"):
        archive.publish(one, tmp_path)

    assert archive.segments() == []


def test_leftovers_are_written_over(archive: Archive, tmp_path: Path) -> None:
    one = segment(tmp_path, 0)
    place = archive.path(one.records.name).removeprefix("file://")
    with fsspec.open(place, "wb", auto_mkdir=True) as file:
        file.write(b"what a dead run left behind")

    archive.publish(one, tmp_path)

    assert archive.segments() == [one]
    assert archive.fetch_whole(one.records, fetched(tmp_path)).read_bytes() == b"records 0"


def test_a_file_that_was_changed_is_named(archive: Archive, tmp_path: Path) -> None:
    one = segment(tmp_path, 0)
    archive.publish(one, tmp_path)
    with fsspec.open(archive.path(one.events.name).removeprefix("file://"), "wb") as file:
        file.write(b"events 1")

    with pytest.raises(DamagedArchiveError, match=r"events-1\.parquet: its SHA-256 is .* restore"):
        archive.fetch_whole(one.events, fetched(tmp_path))


@pytest.mark.parametrize(
    ("left_out", "missing"),
    [(0, "0000000001-0000000004.json"), (1, "0000000005-0000000008.json")],
)
def test_a_gap_is_named(tmp_path: Path, left_out: int, missing: str) -> None:
    archive = Archive(str(tmp_path / "archive"))
    for number in {0, 1, 2} - {left_out}:
        archive.publish(segment(tmp_path, number), tmp_path)

    with pytest.raises(DamagedArchiveError, match=f"{missing}: it is missing: restore it"):
        archive.segments()


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"log_id": uuid4()}, "it is of the log /dasan/seoul .*, and the archive is of"),
        ({"source": "/dasan/busan"}, "it is of the log /dasan/busan"),
    ],
)
def test_a_segment_of_another_log_is_named(
    tmp_path: Path, changed: dict[str, Any], reason: str
) -> None:
    archive = Archive(str(tmp_path / "archive"))
    archive.publish(segment(tmp_path, 0), tmp_path)
    archive.publish(segment(tmp_path, 1, **changed), tmp_path)

    with pytest.raises(DamagedArchiveError, match=reason):
        archive.segments()


def test_a_segment_of_another_size_is_named(tmp_path: Path) -> None:
    archive = Archive(str(tmp_path / "archive"))
    archive.publish(segment(tmp_path, 0), tmp_path)
    first, last = 5, 6
    tree = Peaks()
    tree.extend([b"a record"] * last)
    entries = {
        which: {"name": name, "rows": 2, "bytes": 1, "sha256": "0" * 64}
        for which, name in (
            ("records", records_name(first, last)),
            ("events", events_name(first, last, 1)),
        )
    }
    small = segment(
        tmp_path, 1, first=first, last=last, root=tree.root(), peaks=tree.hashes, **entries
    )
    (tmp_path / "archive" / small.name).write_bytes(written(small))

    with pytest.raises(DamagedArchiveError, match="it has 2 positions, and the segments before"):
        archive.segments()


def test_a_manifest_under_another_name_is_refused(tmp_path: Path) -> None:
    archive = Archive(str(tmp_path / "archive"))
    one = segment(tmp_path, 0)
    archive.publish(one, tmp_path)
    path = tmp_path / "archive" / one.name
    path.rename(path.with_name("0000000005-0000000008.json"))

    with pytest.raises(DamagedArchiveError, match="it says that it is 0000000001-0000000004"):
        archive.segments()


def test_a_manifest_is_read_as_it_was_written(manifest: Manifest) -> None:
    assert parsed(written(manifest)) == manifest


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"format": 2}, "format: Input should be 1"),
        ({"more": 1}, "more: Extra inputs are not permitted"),
        ({"first": "1"}, "first: Input should be a valid integer"),
        ({"first": 5, "last": 4}, "it begins at 5 and ends at 4"),
        ({"last": 0}, "last: Input should be greater than or equal to 1"),
        ({"log_id": "seoul"}, "log_id: Input should be a valid UUID"),
        ({"root": "?"}, "root: it is no base64"),
        ({"root": "AAAA"}, "root: Data should have at least 32 bytes"),
        ({"root": b64encode(bytes(32)).decode()}, "its root is not that of its peaks"),
        ({"peaks": []}, "a tree of 4 has 1 peaks, not 0"),
        ({"records": {"name": "x"}}, "records.rows: Field required"),
    ],
)
def test_what_is_no_manifest_is_refused_with_the_reason(
    manifest: Manifest, changed: dict[str, Any], reason: str
) -> None:
    document = json.loads(written(manifest)) | changed

    with pytest.raises(ManifestError) as refused:
        parsed(json.dumps(document).encode())

    assert str(refused.value).startswith(reason)


@pytest.mark.parametrize("name", ["../../secrets", "0000000005-0000000008.records.parquet"])
def test_a_manifest_names_no_file_but_its_own(manifest: Manifest, name: str) -> None:
    document = json.loads(written(manifest))
    document["records"]["name"] = name

    with pytest.raises(ManifestError, match=r"and 0000000001-0000000004\.records\.parquet is due"):
        parsed(json.dumps(document).encode())


@pytest.mark.parametrize("text", [b"", b"rows: 8", b"[]", b"\xff"])
def test_what_is_no_json_object_is_no_manifest(text: bytes) -> None:
    with pytest.raises(ManifestError):
        parsed(text)


@pytest.mark.parametrize("url", ["nothing://there", "gs://no-such-package/archive"])
def test_a_url_that_nothing_reaches_is_refused(url: str) -> None:
    with pytest.raises(ArchiveError, match=url):
        Archive(url)


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "archive").write_text("a file")

    with pytest.raises(ArchiveError, match=r"cannot be used: .* Mend DASAN_ARCHIVE"):
        Archive(str(tmp_path / "archive")).publish(segment(tmp_path, 0), tmp_path)

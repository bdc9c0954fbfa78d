"""An archive in an object store: an S3 server of its own, reached as its environment says."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import fsspec  # type: ignore[import-untyped]  # it has no types
import pytest
from moto.server import ThreadedMotoServer

from eventlog.archive import Archive, ArchiveError
from eventlog.log import Log
from projections.archive_checking import verify
from projections.duck import opened, parquet
from projections.sealing import Sealed, seal
from tests.conftest import Servers
from tests.projections.sealed import SIZE, told_days

BUCKET = "dasan-test"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield "http://{}:{}".format(*server.get_host_and_port())
    finally:
        server.stop()


@pytest.fixture
def url(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An archive's URL in a bucket that is empty."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "dasan")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    filesystem = fsspec.filesystem("s3", skip_instance_cache=True)
    filesystem.mkdir(BUCKET)
    yield f"s3://{BUCKET}/archive"
    filesystem.rm(BUCKET, recursive=True)


@pytest.fixture(scope="module")
def busy(servers: Servers) -> Iterator[Log]:
    with told_days(servers, "archive_s3") as log:
        yield log


def sealed_at(log: Log, url: str) -> Sealed:
    return seal(log.database, Archive(url), events=SIZE)


def test_an_archive_on_s3_is_sealed_verified_and_gone_on_with(busy: Log, url: str) -> None:
    made = seal(busy.database, Archive(url), events=SIZE, upto=SIZE)

    more = sealed_at(busy, url)

    assert [segment.first for segment in more.made] == [9, 17]
    assert Archive(url).segments() == [*made.made, *more.made]
    assert verify(Archive(url)).fault is None


def test_duckdb_reads_an_archive_on_s3(busy: Log, url: str, tmp_path: Path) -> None:
    sealed_at(busy, url)
    archive = Archive(url)

    with opened() as duck:
        files = [archive.fetch_whole(one.events, tmp_path) for one in archive.segments()]
        rows = duck.execute(f"FROM {parquet(*files)}").fetchall()

    assert len({position for position, *_ in rows}) == 3 * SIZE


def test_an_object_that_was_changed_is_named(busy: Log, url: str) -> None:
    made = sealed_at(busy, url)
    name = made.made[1].records.name
    with fsspec.open(f"{url}/{name}", "wb") as file:
        file.write(b"something else")

    fault = verify(Archive(url)).fault

    assert fault is not None
    assert fault.file == name


def test_objects_without_a_manifest_are_no_segment_and_are_sealed_again(
    busy: Log, url: str
) -> None:
    made = sealed_at(busy, url)
    filesystem, root = fsspec.core.url_to_fs(url)
    filesystem.rm(f"{root}/{made.made[-1].name}")

    assert Archive(url).segments() == [*made.made[:2]]
    assert sealed_at(busy, url).made[0].last == made.made[-1].last
    assert verify(Archive(url)).fault is None


def test_what_s3_refuses_is_said(busy: Log, url: str) -> None:
    refused = url.replace(BUCKET, "no bucket")

    with pytest.raises(
        ArchiveError, match=r"no bucket/archive cannot be used: .*Mend DASAN_ARCHIVE"
    ):
        sealed_at(busy, refused)


def test_duckdb_needs_nothing_from_the_internet_for_it() -> None:
    with opened() as duck, pytest.raises(duckdb.Error, match="httpfs"):
        duck.execute("FROM read_parquet('s3://bucket/file')")

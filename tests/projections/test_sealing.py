"""Sealing: which segments there are, what they hold, and that no death of a sealer spoils any."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection

from eventlog.archive import Archive, ArchiveError
from eventlog.log import Log, assembled
from eventlog.reader import head, identity, read
from eventlog.tree import root
from projections.archive_checking import verify
from projections.decoding import DecodingError
from projections.runner import UnknownTypeError, fill, make_relation
from projections.sealing import Sealed, seal
from tests.conftest import Servers
from tests.projections.city import City
from tests.projections.histories import History, histories, record
from tests.projections.sealed import SIZE, sealed, tell_days, told_days

PATIENCE_S = 60.0
FILES_OF_A_SEGMENT = 3

# An analyst's programs know these; others are a new generation, in files of another name.
TYPED_COLUMNS = [
    ("position", "BIGINT"), ("sign", "INTEGER"), ("restated", "BOOLEAN"),
    ("stream_id", "VARCHAR"), ("version", "INTEGER"), ("type", "VARCHAR"),
    ("time", "TIMESTAMP WITH TIME ZONE"), ("recordedtime", "TIMESTAMP WITH TIME ZONE"),
    ("actor", "VARCHAR"), ("channel", "VARCHAR"), ("language", "VARCHAR"),
    ("category", "VARCHAR"), ("district", "VARCHAR"), ("citizen", "VARCHAR"),
    ("due_at", "TIMESTAMP WITH TIME ZONE"), ("queue", "VARCHAR"), ("visit", "INTEGER"),
    ("enqueued_at", "TIMESTAMP WITH TIME ZONE"), ("agent", "VARCHAR"), ("waited_ms", "BIGINT"),
    ("reason", "VARCHAR"), ("talk_ms", "BIGINT"), ("hold_ms", "BIGINT"),
    ("wrapup_ms", "BIGINT"), ("ended_by", "VARCHAR"), ("from_agent", "VARCHAR"),
    ("kind", "VARCHAR"), ("target", "VARCHAR"), ("hop", "INTEGER"), ("holds", "BOOLEAN"),
    ("of", "INTEGER"), ("agency", "VARCHAR"), ("outcome", "VARCHAR"), ("took_ms", "BIGINT"),
    ("reply_ms", "BIGINT"), ("by_first_agent", "BOOLEAN"),
    ("first_answered_at", "TIMESTAMP WITH TIME ZONE"), ("ordinal", "INTEGER"),
    ("medium", "VARCHAR"), ("purpose", "VARCHAR"), ("score", "INTEGER"),
    ("moderator", "VARCHAR"), ("other", "VARCHAR"), ("title", "VARCHAR"), ("story", "VARCHAR"),
    ("author", "VARCHAR"), ("of_time", "TIMESTAMP WITH TIME ZONE"), ("of_agent", "VARCHAR"),
    ("first_entered_at", "TIMESTAMP WITH TIME ZONE"), ("sealed", "VARCHAR[]"),
]  # fmt: skip


@pytest.fixture(scope="module")
def busy(servers: Servers) -> Iterator[Log]:
    """A log of three segments, and three events more."""
    with told_days(servers, "sealing") as log:
        yield log


@pytest.fixture
def own(log: Log) -> Log:
    """The same, to be changed."""
    tell_days(log)
    return log


def sealed_now(log: Log, folder: Path) -> Sealed:
    return seal(log.database, Archive(str(folder)), events=SIZE)


def records(log: Log) -> list[bytes]:
    with log.database.connect() as connection:
        return [stored.record for stored in read(connection, after=0)]


def kept(folder: Path, which: str) -> list[tuple[Any, ...]]:
    """Return all rows of an archive, in the order of its files and theirs."""
    return duckdb.execute(
        f"FROM read_parquet({sorted(map(str, folder.glob(f'*.{which}.parquet')))})"
    ).fetchall()


def test_every_whole_segment_is_sealed_and_the_rest_waits(busy: Log, tmp_path: Path) -> None:
    made = sealed_now(busy, tmp_path)

    assert [(segment.first, segment.last) for segment in made.made] == [(1, 8), (9, 16), (17, 24)]
    assert (made.position, made.waiting) == (24, 3)
    assert Archive(str(tmp_path)).segments() == [*made.made]


def test_sealing_again_makes_nothing(busy: Log, tmp_path: Path) -> None:
    sealed_now(busy, tmp_path)

    assert sealed_now(busy, tmp_path) == Sealed((), 24, 3)


def test_sealing_goes_on_behind_what_is_there(own: Log, tmp_path: Path) -> None:
    sealed_now(own, tmp_path)
    tell_days(own)

    more = sealed_now(own, tmp_path)

    assert [segment.first for segment in more.made] == [25, 33, 41]
    assert verify(Archive(str(tmp_path))).fault is None


def test_a_segment_is_as_large_as_those_that_are_there(busy: Log, tmp_path: Path) -> None:
    seal(busy.database, Archive(str(tmp_path)), events=10)

    again = seal(busy.database, Archive(str(tmp_path)), events=5)

    assert again == Sealed((), 20, 7)


def test_records_are_kept_byte_for_byte_at_their_positions(busy: Log, tmp_path: Path) -> None:
    sealed_now(busy, tmp_path)

    found = kept(tmp_path, "records")

    assert [(at, text.encode()) for at, text in found] == [*enumerate(records(busy)[:24], 1)]


def test_a_manifest_has_the_root_of_the_log_up_to_its_end(busy: Log, tmp_path: Path) -> None:
    made = sealed_now(busy, tmp_path)

    log = records(busy)
    assert [segment.root for segment in made.made] == [root(log[:n]) for n in (8, 16, 24)]


def test_the_archive_says_whose_log_it_is(busy: Log, tmp_path: Path) -> None:
    made = sealed_now(busy, tmp_path)

    with busy.database.connect() as connection:
        assert {segment.identity for segment in made.made} == {identity(connection)}


def test_the_typed_columns_of_generation_1_stay_as_they_are(busy: Log, tmp_path: Path) -> None:
    sealed_now(busy, tmp_path)

    described = duckdb.execute(
        f"DESCRIBE FROM read_parquet('{tmp_path}/*.events-1.parquet')"
    ).fetchall()
    assert [(name, type_) for name, type_, *_ in described] == TYPED_COLUMNS


@pytest.mark.parametrize("which", ["records", "events-1"])
def test_sealing_the_same_log_elsewhere_gives_the_same(
    busy: Log, tmp_path: Path, which: str
) -> None:
    sealed_now(busy, tmp_path / "one")
    sealed_now(busy, tmp_path / "other")

    assert kept(tmp_path / "one", which) == kept(tmp_path / "other", which)


def test_typed_rows_stand_in_the_order_of_the_log(busy: Log, tmp_path: Path) -> None:
    sealed_now(busy, tmp_path)

    positions = [row[0] for row in kept(tmp_path, "events-1")]
    assert positions == sorted(positions)


def test_how_far_it_has_come_is_told(busy: Log, tmp_path: Path) -> None:
    told: list[int] = []

    seal(busy.database, Archive(str(tmp_path)), events=SIZE, progress=told.append)

    assert told == [8, 16, 24]


@pytest.mark.long
@settings(deadline=None, max_examples=6, suppress_health_check=[HealthCheck.too_slow])
@given(history=histories(), size=st.integers(5, 25))
def test_any_history_in_any_segments_is_what_postgresql_makes_of_it(
    servers: Servers,
    tmp_path_factory: pytest.TempPathFactory,
    history: History,
    size: int,
) -> None:
    folder = tmp_path_factory.mktemp("sealed") / "archive"
    with (
        servers.database("sealing_history") as database,
        assembled(servers.timeless, database, servers.keys) as log,
        database.connect() as connection,
    ):
        for _ in record(log, history):
            pass
        archive = sealed(log, folder, events=size)
        upto = head(connection) // size * size

        if upto:
            assert archive.verified().fault is None
            assert sums_kept(folder) == sums_filled(connection, upto)
        for begin in range(0, upto, size):
            segment = archive.segments[begin // size]
            assert typed_kept(archive.path(segment.events.name)) == typed_filled(
                connection, begin, segment.last
            )


LABELS = "type, channel, language, category, district, queue, agent"
SUMS = f"""
    SELECT {LABELS}, sum(sign) AS counted, sum(sign * waited_ms), sum(sign * talk_ms)
    FROM events GROUP BY {LABELS} HAVING sum(sign) <> 0
"""  # noqa: S608 - ours


def sums_kept(folder: Path) -> set[tuple[Any, ...]]:
    with duckdb.connect() as duck:
        duck.execute(f"CREATE VIEW events AS FROM read_parquet('{folder}/*.events-1.parquet')")
        return {*duck.execute(SUMS).fetchall()}


def sums_filled(connection: Connection, upto: int) -> set[tuple[Any, ...]]:
    make_relation(connection)
    with connection.transaction():
        fill(connection, 0, upto)
        return {*connection.execute(SUMS.encode()).fetchall()}


def typed_kept(path: Path) -> list[tuple[Any, ...]]:
    rows = duckdb.execute(f"FROM read_parquet('{path}')").fetchall()
    return sorted(rows, key=repr)


def typed_filled(connection: Connection, begin: int, end: int) -> list[tuple[Any, ...]]:
    """Return PostgreSQL's relation of a range, ids and sealed texts as text."""
    texts = {"stream_id", "citizen", "other", "title", "story", "author"}
    columns = [f"{name}::text" if name in texts else f'"{name}"' for name, _ in TYPED_COLUMNS]
    with connection.transaction():
        fill(connection, begin, end)
        return sorted(
            connection.execute(f"SELECT {', '.join(columns)} FROM events".encode()),  # noqa: S608 - ours
            key=repr,
        )


class Died(BaseException):
    """The process is gone: nothing catches it."""


@pytest.mark.parametrize("step", [0, 1, 2, 4])
def test_a_sealer_that_dies_at_any_step_leaves_whole_segments(
    busy: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    renamings: list[Path] = []
    rename = Path.rename

    def die(path: Path, target: Path) -> Path:
        renamings.append(path)
        if len(renamings) > step:
            raise Died
        return rename(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", die)
        with pytest.raises(Died):
            sealed_now(busy, tmp_path)

    whole = step // FILES_OF_A_SEGMENT
    archive = Archive(str(tmp_path))
    assert len(archive.segments()) == whole
    assert not whole or verify(archive).fault is None

    assert len(sealed_now(busy, tmp_path).made) == 3 - whole
    assert len(archive.names()) == 3 * FILES_OF_A_SEGMENT
    assert verify(archive).fault is None


def test_a_sealer_that_is_killed_spoils_nothing(busy: Log, tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from eventlog.archive import Archive\n"
        "from eventlog.database import Database\n"
        "from projections.sealing import seal\n"
        f"seal(Database(*sys.argv[1:3]), Archive(sys.argv[3]), events={SIZE})\n"
    )
    folder = tmp_path / "archive"
    folder.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", program, busy.database.url, busy.database.admin_url, str(folder)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as process:
        while process.poll() is None and not any(folder.iterdir()):
            pass
        process.send_signal(signal.SIGKILL)

    archive = Archive(str(folder))
    whole = len(archive.segments())

    assert len(sealed_now(busy, folder).made) == 3 - whole
    assert verify(archive).fault is None


def test_any_folder_will_do(busy: Log, tmp_path: Path) -> None:
    folder = tmp_path / "o'clock [1] *?"

    sealed_now(busy, folder)

    assert verify(Archive(str(folder))).fault is None
    assert seal(busy.database, Archive(str(folder))).made == ()


def test_two_that_seal_at_once_seal_each_segment_once(busy: Log, tmp_path: Path) -> None:
    begin = threading.Barrier(2)

    def one() -> Sealed:
        begin.wait()
        return sealed_now(busy, tmp_path)

    with ThreadPoolExecutor() as pool:
        made = [future.result() for future in [pool.submit(one), pool.submit(one)]]

    assert sorted(len(each.made) for each in made) == [0, 3]
    assert verify(Archive(str(tmp_path))).fault is None


def test_what_a_dead_sealer_left_half_written_is_taken_over(busy: Log, tmp_path: Path) -> None:
    (tmp_path / ".0000000001-0000000008.json.part").write_bytes(b"{")
    (tmp_path / "notes.txt").write_bytes(b"an analyst's own")

    sealed_now(busy, tmp_path)

    names = Archive(str(tmp_path)).names()
    assert len(names) == 3 * FILES_OF_A_SEGMENT + 1
    assert "notes.txt" in names


def test_an_archive_of_another_log_is_refused(busy: Log, servers: Servers, tmp_path: Path) -> None:
    sealed_now(busy, tmp_path)

    with servers.database("another_log") as database:
        with database.connect_as_owner() as owner:
            owner.execute("UPDATE log_identity SET log_id = gen_random_uuid()")

        with pytest.raises(ArchiveError, match="set DASAN_ARCHIVE to a place of its own"):
            seal(database, Archive(str(tmp_path)), events=SIZE)


def test_a_log_that_has_less_than_its_archive_is_refused(own: Log, tmp_path: Path) -> None:
    sealed_now(own, tmp_path)
    with own.database.connect_as_owner() as owner:
        owner.execute("UPDATE log_head SET position = 20")

    with pytest.raises(ArchiveError, match="was restored from an older backup"):
        sealed_now(own, tmp_path)


def test_a_log_that_went_on_otherwise_than_its_archive_is_refused(own: Log, tmp_path: Path) -> None:
    sealed_now(own, tmp_path)
    with own.database.connect_as_owner() as owner:
        owner.execute("ALTER TABLE log DISABLE TRIGGER log_is_append_only")
        owner.execute("UPDATE log SET record = record || ' '::bytea WHERE position = 24")

    with pytest.raises(ArchiveError, match="was restored from an older backup"):
        sealed_now(own, tmp_path)


def test_a_log_with_a_gap_is_not_sealed(own: Log, tmp_path: Path) -> None:
    with own.database.connect_as_owner() as owner:
        owner.execute("ALTER TABLE log DISABLE TRIGGER log_is_append_only")
        owner.execute("DELETE FROM log WHERE position = 12")

    with pytest.raises(
        ArchiveError, match="7 records at the 8 positions from 9 on: see what dasan"
    ):
        sealed_now(own, tmp_path)

    assert len(Archive(str(tmp_path)).segments()) == 1


@pytest.mark.parametrize(
    ("type_", "data", "error"),
    [
        ("inquiry.rated.v1", b'{"channel":"phone","score":"five"}', DecodingError),
        ("inquiry.rated.v9", b'{"channel":"phone","score":5}', UnknownTypeError),
    ],
)
def test_sealing_stops_before_what_cannot_be_typed(
    city: City, tmp_path: Path, type_: str, data: bytes, error: type[Exception]
) -> None:
    tell_days(city.log)
    for _ in range(9):
        position = head(city.connection) + 1
        city.insert_record(
            type_,
            b'{"actor":"agent:a","data":%b,"id":"s/1","recordedtime":"2012-02-29T00:00:00.000000Z",'
            b'"sequence":"%020d","subject":"s","time":"2012-02-29T00:00:00.000000Z","type":"%b"}'
            % (data, position, type_.encode()),
        )

    with pytest.raises(error):
        seal(city.log.database, Archive(str(tmp_path)), events=9)

    assert len(Archive(str(tmp_path)).segments()) == 3


@pytest.fixture
def nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary files go, of which none may be left."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield folder
    assert not any(folder.iterdir())


def test_sealing_and_verifying_leave_no_temporary_files(
    busy: Log, tmp_path: Path, nothing_left: Path
) -> None:
    at_once: list[int] = []
    archive = Archive(str(tmp_path / "archive"))

    def look(_: float) -> None:
        at_once.append(len([*nothing_left.glob("dasan-sealing-*/*")]))

    seal(busy.database, archive, events=SIZE, progress=look)
    verify(archive, look)

    assert max(at_once) <= 1  # that of the next segment, as the last is done

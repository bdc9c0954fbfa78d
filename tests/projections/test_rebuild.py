"""Rebuilding a view: the same figures from the whole history, and nobody who reads it disturbed."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import duckdb
import psycopg
import pytest

from domain.vocabulary import AnnulReason, Code
from eventlog.archive import Archive, ArchiveError
from projections import folding, shadow
from projections.reading import standing_still
from projections.rebuild import Engine, RebuildError, Rebuilt, rebuild, roll_back
from projections.runner import (
    Runner,
    UnknownTypeError,
    ViewStoppedError,
    make_relation,
    prepare,
)
from projections.sealing import seal
from projections.shadow import RollbackError
from projections.views import view
from tests.domain.building import NINE
from tests.faults.harness import await_condition
from tests.projections.calls import abandoned, answered, call
from tests.projections.city import VIEWS, City
from tests.projections.histories import REQUEST

ENGINES = [Engine.POSTGRES, Engine.DUCKDB]
PATIENCE_S = 30


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(str(tmp_path))


@pytest.fixture
def busy(city: City) -> City:
    """A city with some calls in its log and views, two of them moved or taken back later."""
    calls = [answered(NINE + n * timedelta(minutes=25)) for n in range(6)]
    calls += [abandoned(NINE), call(NINE)]
    city.tell(*calls)
    calls[0].classify(category=Code("water"), district=Code("jongno"), at=NINE + timedelta(hours=4))
    calls[-1].annul(reason=AnnulReason.TEST, at=NINE + timedelta(hours=5))
    city.tell(*calls)
    return city


def rebuilt(
    city: City,
    archive: Archive,
    name: str = "kpi",
    engine: Engine = Engine.DUCKDB,
    *,
    keep: bool = False,
    explain: Callable[[str], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Rebuilt:
    return rebuild(
        city.log.database, archive, "Asia/Seoul", view(name),
        engine=engine, keep=keep, explain=explain, progress=progress,
    )  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", VIEWS)
def test_a_rebuilt_view_is_what_it_was(
    busy: City, archive: Archive, name: str, engine: Engine
) -> None:
    before = busy.contents()

    made = rebuilt(busy, archive, name, engine)

    assert made.is_equal
    assert (made.folded, made.position, made.archived) == (busy.position, busy.position, 0)
    assert busy.contents() == before


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_is_rebuilt_from_the_archive_and_the_rest_of_the_log(
    busy: City, archive: Archive, name: str
) -> None:
    seal(busy.log.database, archive, events=7)

    made = rebuilt(busy, archive, name)

    assert made.is_equal
    assert made.archived == busy.position // 7 * 7 > 0


@pytest.mark.parametrize("name", ["inquiries", "praise"])
def test_a_history_is_folded_some_inquiries_after_the_other(
    busy: City, archive: Archive, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "PART_EVENTS", 5)

    assert rebuilt(busy, archive, name).is_equal


def test_a_rebuilt_view_is_advanced_as_before(busy: City, archive: Archive) -> None:
    rebuilt(busy, archive)

    busy.tell(answered(NINE))

    assert busy.contents() == busy.refolded()


def test_what_is_appended_meanwhile_is_in_the_new_tables(busy: City, archive: Archive) -> None:
    later = iter([answered(NINE), abandoned(NINE)])

    def append_once(_: int) -> None:
        for inquiry in later:
            busy.tell(inquiry)

    made = rebuilt(busy, archive, engine=Engine.POSTGRES, progress=append_once)

    assert made.folded < made.position == busy.position
    assert busy.contents() == busy.refolded()


def test_a_view_that_nobody_has_advanced_is_rebuilt_to_the_head(
    busy: City, archive: Archive
) -> None:
    whole = busy.contents()
    busy.forget("kpi")

    made = rebuilt(busy, archive)

    assert (made.is_equal, made.position) == (None, busy.position)
    assert busy.contents() == whole


@pytest.mark.parametrize("change", ["5 AS score", "'x' AS type"])
def test_a_segment_that_somebody_changed_is_not_rebuilt_from(
    busy: City, archive: Archive, tmp_path: Path, change: str
) -> None:
    seal(busy.log.database, archive, events=8)
    name = archive.segments()[0].events.name
    edited = duckdb.read_parquet(archive.path(name)).project(f"* REPLACE ({change})")
    edited.write_parquet(str(tmp_path / name))
    (tmp_path / name).rename(archive.path(name))

    with pytest.raises(ArchiveError, match=f"{name}: it(s SHA-256 is| has .* bytes)"):
        rebuilt(busy, archive)


def test_an_empty_log_has_empty_views(city: City, archive: Archive) -> None:
    made = rebuilt(city, archive)

    assert (made.folded, made.position, city.kpi()) == (0, 0, {})


# Another definition


def change_definition(city: City) -> None:
    """Let the live tables be of a definition that another version had."""
    with city.log.database.connect_as_owner() as owner:
        owner.execute("UPDATE projection SET definition = 'another' WHERE view = 'kpi'")
        owner.execute("ALTER TABLE kpi.hourly ADD COLUMN phoned bigint NOT NULL DEFAULT 0")


def test_tables_of_another_definition_stay_as_they_are_until_they_are_rebuilt(busy: City) -> None:
    counted = busy.kpi()
    change_definition(busy)

    prepare(busy.log.database, "Asia/Seoul")
    with pytest.raises(ViewStoppedError, match="run dasan rebuild kpi"):
        busy.tell(answered(NINE))

    assert busy.kpi() == counted
    assert busy.positions()["audit"] == busy.position


def test_a_rebuild_gives_a_view_the_definition_of_this_program(
    busy: City, archive: Archive
) -> None:
    change_definition(busy)

    made = rebuilt(busy, archive)

    assert (made.is_equal, made.found_wrong, made.live_definition) == (None, False, "another")
    busy.tell(answered(NINE))
    assert busy.contents() == busy.refolded()


def test_what_another_definition_counts_otherwise_is_told(busy: City, archive: Archive) -> None:
    change_definition(busy)
    with busy.log.database.connect_as_owner() as owner:
        owner.execute("UPDATE kpi.hourly SET received = received + 1 WHERE received = 2")
    told: list[str] = []

    rebuilt(busy, archive, explain=told.append)

    assert all(line.startswith("hourly: hour 2012-02-29 ") for line in told)
    assert all("received 3 -> 2" in line for line in told)
    assert told


# A live view that is wrong


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("UPDATE kpi.waits SET answered = 9", "answered 9 -> "),
        ("DELETE FROM kpi.waits", "it was not there before"),
        (
            "INSERT INTO kpi.waits VALUES ('2012-02-29 01:00Z', 'phone', '', 'nowhere', 1, 1, 0)",
            "waits: hour 2012-02-29 01:00:00+00, channel phone, language , queue nowhere,"
            " seconds 1: it is there no more",
        ),
    ],
)
def test_a_row_that_differs_is_named_and_mended(
    busy: City, archive: Archive, change: str, line: str
) -> None:
    whole = busy.contents()
    with busy.log.database.connect_as_owner() as owner:
        owner.execute(change.encode())
    told: list[str] = []

    made = rebuilt(busy, archive, explain=told.append)

    assert (made.is_equal, made.found_wrong) == (False, True)
    assert any(line in one for one in told), told
    assert all(one.startswith("waits: ") for one in told)
    assert busy.contents() == whole


def test_nothing_is_told_of_tables_that_are_equal(busy: City, archive: Archive) -> None:
    told: list[str] = []

    rebuilt(busy, archive, explain=told.append)

    assert told == []


# Going back


def test_kept_tables_come_back_with_what_was_appended_since(busy: City, archive: Archive) -> None:
    rebuilt(busy, archive, keep=True)
    busy.tell(answered(NINE))

    assert roll_back(busy.log.database, view("kpi")) == busy.position

    assert busy.contents() == busy.refolded()


def test_what_was_rolled_back_is_kept_in_its_turn(busy: City, archive: Archive) -> None:
    rebuilt(busy, archive, keep=True)
    with busy.log.database.connect_as_owner() as owner:
        owner.execute("UPDATE kpi_before.hourly SET received = 7")
    counted = busy.kpi()

    roll_back(busy.log.database, view("kpi"))
    other = busy.kpi()
    roll_back(busy.log.database, view("kpi"))

    assert other != counted
    assert busy.kpi() == counted


def test_there_is_nothing_to_go_back_to_unless_it_was_kept(busy: City, archive: Archive) -> None:
    rebuilt(busy, archive)

    with pytest.raises(RollbackError, match="no tables of kpi are kept"):
        roll_back(busy.log.database, view("kpi"))


def test_tables_of_another_version_are_rolled_back_by_that_version(
    busy: City, archive: Archive
) -> None:
    change_definition(busy)
    rebuilt(busy, archive, keep=True)

    with pytest.raises(RollbackError, match="roll back with the version that made them"):
        roll_back(busy.log.database, view("kpi"))


# Others at work


def schemas(city: City) -> set[str]:
    rows = city.connection.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'kpi%'")
    return {name for (name,) in rows}


def test_what_a_dead_rebuild_left_is_no_hindrance(busy: City, archive: Archive) -> None:
    with busy.log.database.connect_as_owner() as owner:
        shadow.make_shadow(owner, view("kpi"))
        owner.execute("INSERT INTO kpi_next.waits VALUES (now(), 'phone', '', '', 1, 1, 1)")

    assert rebuilt(busy, archive).is_equal

    assert schemas(busy) == {"kpi"}


def test_a_rebuild_that_fails_leaves_the_live_view_as_it_is(busy: City, archive: Archive) -> None:
    busy.insert("inquiry.teleported.v1", channel="phone")
    busy.forget("kpi")  # so that the whole log is to be folded

    with pytest.raises(UnknownTypeError, match=r"teleported.*install the version that wrote it"):
        rebuilt(busy, archive)

    assert (busy.kpi(), busy.positions()["kpi"]) == ({}, 0)


def test_a_view_is_rebuilt_once_at_a_time(busy: City, archive: Archive) -> None:
    with (
        busy.log.database.connect_as_owner() as other,
        other.transaction(),
    ):
        other.execute("SELECT pg_advisory_lock(hashtext('dasan rebuild'), hashtext('kpi'))")

        with pytest.raises(RebuildError, match="by another process"):
            rebuilt(busy, archive)
        assert rebuilt(busy, archive, "audit").is_equal


@contextmanager
def reading(city: City) -> Iterator[psycopg.Connection]:
    with city.log.database.connect() as reader, standing_still(reader, "kpi"):
        yield reader


def received(reader: psycopg.Connection) -> object:
    return reader.execute("SELECT sum(received) FROM kpi.hourly").fetchone()


def test_an_exchange_waits_for_whoever_reads(busy: City, archive: Archive) -> None:
    with ThreadPoolExecutor() as pool:
        with reading(busy) as reader:
            before = received(reader)
            rebuilding = pool.submit(rebuilt, busy, archive)
            with busy.log.database.connect_as_owner() as owner:
                await_condition(lambda: _waits_for_tables(owner))
            assert received(reader) == before
            assert not rebuilding.done()
        assert rebuilding.result(PATIENCE_S).is_equal


def _waits_for_tables(owner: psycopg.Connection) -> bool:
    return bool(
        owner.execute(
            "SELECT FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND NOT granted"
        ).rowcount
    )


@contextmanager
def in_the_middle_of_an_exchange(city: City) -> Iterator[psycopg.Connection]:
    """Put an empty shadow in the place of the KPI, which merges the whole log for it, and halt."""
    with city.log.database.connect_as_owner() as owner:
        made = shadow.make_shadow(owner, view("kpi"))
        make_relation(owner)
        with owner.transaction():
            shadow.put_in_place(owner, made, 0, keep=False)
            yield owner


def await_somebody_waiting(city: City) -> None:
    with city.log.database.connect_as_owner() as owner:
        await_condition(
            lambda: bool(owner.execute("SELECT FROM pg_locks WHERE NOT granted").rowcount)
        )


def test_a_reader_who_comes_during_an_exchange_sees_all_of_the_new_tables(busy: City) -> None:
    def read() -> tuple[object, object]:
        with reading(busy) as reader:
            at = reader.execute("SELECT position FROM projection WHERE view = 'kpi'").fetchone()
            return at, received(reader)

    with ThreadPoolExecutor() as pool:
        with in_the_middle_of_an_exchange(busy):
            coming = pool.submit(read)
            await_somebody_waiting(busy)
        assert coming.result(PATIENCE_S) == ((busy.position,), received(busy.connection))


def test_a_runner_that_waits_at_an_exchange_counts_nothing_twice(busy: City) -> None:
    with ThreadPoolExecutor() as pool, busy.log.database.connect() as connection:
        runner = Runner(connection)
        with in_the_middle_of_an_exchange(busy):
            told = busy.log.inquiries.save_each([(answered(NINE), REQUEST)])
            running = pool.submit(runner.catch_up)
            await_somebody_waiting(busy)
        running.result(PATIENCE_S)

    assert all(told)
    assert busy.contents() == busy.refolded()

"""The runner: what counts once, what stops a view, and what becomes of a runner that is killed."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Event
from typing import Any, LiteralString

import psycopg
import pytest

from domain.events import CATALOGUE, Noted
from projections.runner import Runner, ViewStoppedError, prepare
from tests.domain.building import NINE
from tests.projections.calls import abandoned, answered, call
from tests.projections.city import VIEWS, City

PATIENCE_S = 30
POLL_S = 0.01
PRAISED = "inquiry.praised.v1"
SEALED: dict[str, Any] = {"c": "dGhlIHN0b3J5", "k": "00", "n": "", "v": 1}


@pytest.fixture
def busy(city: City) -> City:
    """A city with some calls in its log, of which its views know nothing yet."""
    calls = [answered(NINE + n * timedelta(minutes=25)) for n in range(12)]
    calls += [abandoned(NINE), call(NINE)]
    city.tell(*calls)
    city.begin_again()
    return city


def poison(city: City) -> int:
    """Let the log hold a praise without title, which only the board needs; return its position."""
    return city.insert(PRAISED, channel="phone", title=None, story=SEALED, author=SEALED)


def stopped(city: City) -> dict[str, str]:
    """Return why views have stopped."""
    return {s.view: s.error for s in Runner(city.connection).progress() if s.error}


@contextmanager
def held_up(city: City, table: LiteralString) -> Iterator[tuple[int, Future[int]]]:
    """Yield the backend of a runner that waits in the middle of its batch, and its outcome."""
    with (
        city.log.database.connect() as connection,
        city.log.database.connect_as_owner() as owner,
        ThreadPoolExecutor() as pool,
        owner.transaction(),
    ):
        owner.execute("LOCK TABLE " + table)
        running = pool.submit(Runner(connection).catch_up)
        await_lock(owner, connection.info.backend_pid)
        yield connection.info.backend_pid, running


def await_lock(owner: psycopg.Connection, pid: int) -> None:
    for _ in range(int(PATIENCE_S / POLL_S)):
        if ask(owner, "SELECT cardinality(pg_blocking_pids(%s))", pid):
            return
        Event().wait(POLL_S)
    pytest.fail("the runner did not come to the table")


def ask(connection: psycopg.Connection, query: LiteralString, *arguments: object) -> Any:
    row = connection.execute(query, arguments).fetchone()
    assert row is not None
    return row[0]


# What counts once


@pytest.mark.parametrize("batch", [1, 2, 7, 1_000])
def test_the_size_of_a_batch_changes_nothing(busy: City, batch: int) -> None:
    whole = busy.refolded()
    busy.begin_again()

    busy.catch_up(batch=batch)

    assert busy.contents() == whole


def test_two_runners_at_once_count_nothing_twice(busy: City) -> None:
    whole = busy.refolded()
    busy.begin_again()

    def run() -> None:
        with busy.log.database.connect() as connection:
            Runner(connection, batch=3).catch_up()

    with ThreadPoolExecutor() as pool:
        for running in [pool.submit(run), pool.submit(run)]:
            running.result()

    assert busy.contents() == whole


def test_nobody_sees_half_a_batch(busy: City) -> None:
    with held_up(busy, "praise.story") as (_, running):
        assert busy.rows("audit.entry") == []
        assert set(busy.positions().values()) == {0}

    assert running.result(PATIENCE_S) == busy.position
    assert len(busy.rows("audit.entry")) == busy.position
    assert set(busy.positions().values()) == {busy.position}


def test_a_runner_that_is_killed_in_the_middle_of_a_batch_loses_and_doubles_nothing(
    busy: City,
) -> None:
    with held_up(busy, "praise.story") as (pid, running):
        with busy.log.database.connect_as_owner() as owner:
            owner.execute("SELECT pg_terminate_backend(%s)", [pid])
        with pytest.raises(psycopg.OperationalError):
            running.result(PATIENCE_S)
    assert set(busy.positions().values()) == {0}

    busy.catch_up()

    kept = busy.contents()
    assert kept == busy.refolded()


def test_a_view_that_lags_catches_up_and_the_others_wait_for_nothing(busy: City) -> None:
    whole = busy.refolded()
    busy.forget("praise", "kpi")

    busy.catch_up(batch=5)

    assert busy.contents() == whole
    assert set(busy.positions().values()) == {busy.position}


def test_a_goal_ahead_of_the_log_is_the_head(busy: City) -> None:
    assert Runner(busy.connection).catch_up(busy.position + 1) == busy.position


# What stops a view


def test_an_event_that_one_view_cannot_merge_stops_that_view_only(busy: City) -> None:
    position = poison(busy)
    with pytest.raises(ViewStoppedError, match=f"praise: the event at position {position} "):
        busy.catch_up()

    assert busy.positions() == {
        "audit": position,
        "inquiries": position,
        "kpi": position,
        "praise": position - 1,
    }
    assert 'null value in column "title"' in stopped(busy)["praise"]


def test_the_other_views_go_on_past_an_event_that_stopped_one(busy: City) -> None:
    position = poison(busy)
    with pytest.raises(ViewStoppedError):
        busy.catch_up()
    before = len(busy.rows("audit.entry"))

    with pytest.raises(ViewStoppedError):
        busy.tell(call(NINE))

    assert len(busy.rows("audit.entry")) == before + 2
    assert busy.positions()["praise"] == position - 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"{", "json"),
        (b'{"title":"\xff"}', "UTF8"),
        (b"7", "null value"),
        (b'{"title":' + b"[" * 60_000, "stack depth"),
    ],
)
def test_data_that_cannot_be_read_stops_all_views_and_its_position_is_named(
    busy: City, data: bytes, reason: str
) -> None:
    position = busy.insert(PRAISED, data)

    with pytest.raises(ViewStoppedError, match=f"position {position} "):
        busy.catch_up()

    assert busy.positions() == dict.fromkeys(VIEWS, position - 1)
    assert all(reason in error for error in stopped(busy).values())


@pytest.mark.parametrize("record", [b"{", b'{"time":"2012-02-29T00:00:00.000000Z"}', b"[" * 60_000])
def test_a_record_that_is_no_event_stops_all_views(busy: City, record: bytes) -> None:
    position = busy.insert_record(PRAISED, record)

    with pytest.raises(ViewStoppedError, match=f"position {position} .*null value"):
        busy.catch_up()

    assert busy.positions() == dict.fromkeys(VIEWS, position - 1)


def test_a_field_of_another_type_stops_all_views(busy: City) -> None:
    position = busy.insert("inquiry.ended.v1", channel="phone", talk_ms="long")

    with pytest.raises(ViewStoppedError, match=f"position {position} .*bigint"):
        busy.catch_up()

    assert set(stopped(busy)) == set(VIEWS)


def test_an_unknown_type_stops_all_views_and_says_what_to_do(busy: City) -> None:
    position = busy.insert("inquiry.teleported.v1", channel="phone")

    with pytest.raises(ViewStoppedError, match=r"inquiry\.teleported\.v1.*install the version"):
        busy.catch_up()

    assert busy.positions() == dict.fromkeys(VIEWS, position - 1)


def test_what_stood_before_a_poison_event_is_merged(busy: City) -> None:
    whole = busy.refolded()
    busy.begin_again()
    busy.insert_record(PRAISED, b"{")

    with pytest.raises(ViewStoppedError):
        busy.catch_up()

    assert busy.contents() == whole


def test_a_reason_tells_nothing_of_the_story_itself(busy: City) -> None:
    poison(busy)

    with pytest.raises(ViewStoppedError):
        busy.catch_up()

    assert SEALED["c"] not in stopped(busy)["praise"]


# Making the views


def test_preparing_again_changes_nothing(busy: City) -> None:
    busy.catch_up()
    before = busy.contents(), busy.rows("projection")

    prepare(busy.log.database, "Asia/Seoul")

    assert (busy.contents(), busy.rows("projection")) == before


def test_views_that_stopped_at_an_unknown_type_go_on_with_the_version_that_knows_it(
    busy: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    position = busy.insert("inquiry.teleported.v1", channel="phone")
    with pytest.raises(ViewStoppedError):
        busy.catch_up()
    monkeypatch.setitem(CATALOGUE, "inquiry.teleported.v1", Noted)

    prepare(busy.log.database, "Asia/Seoul")
    busy.catch_up()

    assert busy.positions() == dict.fromkeys(VIEWS, position)


def test_a_view_that_stopped_at_a_known_type_stays_where_it_stopped(busy: City) -> None:
    position = poison(busy)
    with pytest.raises(ViewStoppedError):
        busy.catch_up()

    prepare(busy.log.database, "Asia/Seoul")

    assert (busy.positions()["praise"], set(stopped(busy))) == (position - 1, {"praise"})

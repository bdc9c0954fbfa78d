"""The three engines say the same, to the unit: of real calls, of every event, of every zone."""

import re
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from duckdb import DuckDBPyConnection
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events import CATALOGUE
from eventlog.archive import Archive
from eventlog.log import assembled
from importers.queue_log import import_queue_log
from projections.clocks import HOUR, hour_of
from projections.dialects import for_spark
from projections.digest import copied
from projections.duck import EPOCH, name_bins, name_buckets, opened
from projections.rebuild import Engine, rebuild
from projections.runner import prepare
from projections.sealing import seal
from projections.spark_session import EngineError, started
from projections.views import view
from tests.conftest import SHARED_DATA, Servers, skip_or_fail
from tests.projections.chronicle import (
    CLOCK_CHANGES,
    PRECISE,
    moments,
    tell_beginning,
    tell_clock_changes,
    tell_end,
)
from tests.projections.city import VIEWS, City
from tests.projections.engines import typed
from tests.projections.histories import History, histories
from tests.projections.test_clocks import INSTANTS, ZONES
from tests.projections.test_digest import digests, refolded
from tests.projections.test_split import BRISK, THOROUGH, recorded

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CUTS = st.lists(st.integers(1, 100), max_size=3)
"""Where a history is cut into the ranges that are typed by themselves, from its beginning on."""

YEAR_US = 366 * 24 * HOUR // PRECISE
TIMES = st.lists(INSTANTS | st.sampled_from([EPOCH - PRECISE, EPOCH, EPOCH + PRECISE]), min_size=1)


def buckets_of(times: list[datetime], zone: str) -> list[tuple[date, datetime]]:
    """Return day and hour of each time by Python's own calendar."""
    clocks = ZoneInfo(zone)
    return [(at.astimezone(clocks).date(), hour_of(at, clocks)) for at in times]


@pytest.fixture(scope="module")
def spark() -> Iterator["SparkSession"]:
    """Spark, started once: that takes seconds."""
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        # There is little to compute, and much of Spark to compile for it.
        patch.setenv("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        try:
            session = stack.enter_context(started())
        except EngineError as error:
            skip_or_fail(str(error))
        yield session


@pytest.fixture(scope="module")
def clocks(servers: Servers) -> Iterator[City]:
    """A city in which people called whenever some clock changed."""
    with (
        servers.database("changing_clocks") as database,
        assembled(servers.timeless, database, servers.keys) as log,
        database.connect() as connection,
    ):
        tell_clock_changes(log)
        yield City(log, connection)


def on_postgres(city: City) -> dict[str, str]:
    """Return the digests of the live views, which a refold in other batches has, too."""
    city.catch_up()
    live = digests(city)
    assert refolded(city, 7_777) == live
    return live


@pytest.mark.long
@pytest.mark.parametrize(
    "sample",
    ["queue_log_small", pytest.param("queue_log_1999-02-01_14", marks=pytest.mark.soak)],
)
def test_of_every_event_and_of_real_calls_they_say_the_same(
    city: City, spark: "SparkSession", sample: str
) -> None:
    real_calls = SHARED_DATA / sample
    told = tell_beginning(city.log)
    middle = city.position
    city.catch_up()
    if real_calls.exists():
        import_queue_log(city.log, real_calls, timezone=ZoneInfo("Asia/Jerusalem"))
    tell_end(city.log, told)
    assert city.connection.execute("SELECT count(DISTINCT type) FROM log").fetchone() == (
        len(CATALOGUE),
    )

    live = on_postgres(city)

    with typed(city, [middle, city.position * 2 // 3]) as history:
        assert history.on_duckdb() == live
        assert history.on_spark(spark) == live
    with typed(city, []) as history:
        assert history.on_duckdb() == live
    if not real_calls.exists():
        skip_or_fail("all but the real calls, which are not beside this checkout (../shared/data)")


@pytest.mark.long
@pytest.mark.parametrize("zone", CLOCK_CHANGES)
def test_of_days_that_are_longer_or_shorter_they_say_the_same(
    clocks: City, spark: "SparkSession", zone: str
) -> None:
    prepare(clocks.log.database, zone)
    clocks.begin_again()
    clocks.catch_up()

    days, hours = zip(*buckets_of(list(moments()), zone), strict=True)
    assert clocks.counted("abandoned", "day", "daily") == Counter(days)
    assert clocks.counted("abandoned", "hour", "hourly") == Counter(hours)
    with typed(clocks, []) as history:
        assert history.on_duckdb("kpi", zone=zone) == {"kpi": digests(clocks)["kpi"]}
        for table in ("daily", "hourly"):
            rows = b"".join(copied(clocks.connection, view("kpi"), table))
            assert history.table_on_spark(spark, table, zone) == rows


@pytest.mark.long
@pytest.mark.parametrize("zone", ZONES)
def test_a_day_and_an_hour_on_spark_are_those_of_the_zone(
    city: City, spark: "SparkSession", zone: str
) -> None:
    with typed(city, []) as history:
        history.relate_on_spark(spark, zone)
    random = Random(zone)
    found = (random.randint(-69 * YEAR_US, 329 * YEAR_US) for _ in range(500))
    times = [*moments(), *(EPOCH + us * PRECISE for us in found)]

    frame = spark.createDataFrame([((at - EPOCH) // PRECISE,) for at in times], "us bigint")
    rows = frame.selectExpr(
        "city_day(timestamp_micros(us))", "unix_micros(city_hour(timestamp_micros(us)))"
    ).collect()

    assert [(day, EPOCH + us * PRECISE) for day, us in rows] == buckets_of(times, zone)


@pytest.mark.long
def test_a_rebuild_on_spark_is_equal(city: City, spark: "SparkSession", tmp_path: Path) -> None:
    told = tell_beginning(city.log)
    tell_end(city.log, told)
    city.catch_up()
    archive = Archive(str(tmp_path))
    seal(city.log.database, archive, events=60)

    made = rebuild(city.log.database, archive, "Asia/Seoul", view("praise"), engine=Engine.SPARK)

    assert made.is_equal
    assert 0 < made.archived < made.folded
    assert spark.getActiveSession() is None  # a rebuild stops what it started
    assert not Path("spark-warehouse").exists()


# PostgreSQL and DuckDB


def assert_duckdb_says_the_same(city: City, history: History, cuts: list[int]) -> None:
    begin = recorded(city, history)
    city.begin_again(begin)
    city.catch_up()

    with typed(city, [begin + cut for cut in cuts], begin) as events:
        assert events.on_duckdb() == digests(city)


@settings(BRISK, max_examples=6)
@given(history=histories(max_inquiries=6), cuts=CUTS)
def test_of_any_history_duckdb_says_the_same(
    old_city: City, history: History, cuts: list[int]
) -> None:
    assert_duckdb_says_the_same(old_city, history, cuts)


@pytest.mark.soak
@THOROUGH
@given(history=histories(max_inquiries=6), cuts=CUTS)
def test_of_many_histories_duckdb_says_the_same(
    old_city: City, history: History, cuts: list[int]
) -> None:
    assert_duckdb_says_the_same(old_city, history, cuts)


def test_of_nothing_they_say_the_same(city: City) -> None:
    with typed(city, []) as history:
        assert history.on_duckdb() == digests(city)


# The buckets


@pytest.fixture(scope="module")
def duck() -> Iterator[DuckDBPyConnection]:
    with opened() as duck:
        yield duck


@settings(BRISK, max_examples=40)
@given(zone=st.sampled_from(ZONES), begin=INSTANTS, years=st.integers(0, 20), times=TIMES)
def test_a_day_and_an_hour_on_duckdb_are_those_of_the_zone(
    duck: DuckDBPyConnection, zone: str, begin: datetime, years: int, times: list[datetime]
) -> None:
    name_buckets(duck, zone, begin, begin + years * timedelta(days=365))

    rows = duck.execute(
        "SELECT city_day(t), city_hour(t) FROM (SELECT unnest(?) AS t)", [times]
    ).fetchall()

    assert rows == buckets_of(times, zone)


@pytest.mark.parametrize("zone", ZONES)
def test_a_day_and_an_hour_on_postgresql_are_those_of_the_zone(clocks: City, zone: str) -> None:
    prepare(clocks.log.database, zone)

    @settings(BRISK, max_examples=20)
    @given(times=TIMES)
    def test(times: list[datetime]) -> None:
        rows = clocks.connection.execute(
            "SELECT city_day(t), city_hour(t) FROM unnest(%s::timestamptz[]) AS t", [times]
        ).fetchall()

        assert rows == buckets_of(times, zone)

    test()


@settings(BRISK)
@given(
    edges=st.lists(INSTANTS, min_size=1, max_size=3),
    part=st.sampled_from([HOUR, HOUR / 2, HOUR / 4, timedelta(seconds=1), PRECISE]),
    times=TIMES,
)
def test_of_one_question_each_bucket_has_hours_of_its_own(
    duck: DuckDBPyConnection, edges: list[datetime], part: timedelta, times: list[datetime]
) -> None:
    edges = [edge - (edge - EPOCH) % part for edge in edges]
    name_bins(duck, edges)

    rows = duck.execute("SELECT city_hour(t) FROM (SELECT unnest(?) AS t)", [[*times, *edges]])

    hours = [hour for (hour,) in rows.fetchall()]
    assert hours[len(times) :] == edges
    for hour, at in zip(hours, times, strict=False):
        assert at - HOUR < hour <= at
        assert {edge for edge in edges if edge <= hour} == {edge for edge in edges if edge <= at}


# Spark's words


@pytest.mark.parametrize("name", VIEWS)
def test_spark_is_told_nothing_that_only_postgresql_knows(name: str) -> None:
    of = view(name)
    for select in (*of.gathers.values(), *of.folds.values()):
        translated = for_spark(select)
        code = re.sub(r"--.*", "", translated)
        assert not re.search(r"DISTINCT ON|array_agg|\[\d+\]|::|\bI?LIKE ANY|\$\$|~", code)
        assert code.count("(") == code.count(")")


def test_the_first_row_of_each_group_is_that_of_a_window() -> None:
    assert for_spark(
        "a AS (SELECT DISTINCT ON (k, l) k, f(v) AS w FROM t ORDER BY k, l, v DESC)"
    ) == (
        "a AS (SELECT * EXCEPT (nth) FROM (SELECT row_number() OVER"
        " (PARTITION BY k, l ORDER BY k, l, v DESC) AS nth, k, f(v) AS w FROM t ) WHERE nth = 1)"
    )


# What is missing


@pytest.fixture
def no_pyspark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)


@pytest.mark.usefixtures("no_pyspark")
def test_who_has_no_pyspark_is_told_how_to_get_it() -> None:
    with pytest.raises(EngineError, match=r"pip install 'dasan\[spark\]'"), started():
        pass


@pytest.mark.parametrize(
    "java", ["", "exit 1", "echo openjdk 11.0.2 2019-01-15", "echo 'openjdk seventeen'"]
)
def test_who_has_no_java_for_spark_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, java: str
) -> None:
    pytest.importorskip("pyspark")
    program = tmp_path / "bin" / "java"
    program.parent.mkdir()
    if java:
        program.write_text(f"#!/bin/sh\n{java}\n")
        program.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))

    with pytest.raises(EngineError, match="install a JDK, 17 or newer"), started():
        pass

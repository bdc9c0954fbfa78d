"""Catching up on two connections gives what one gives."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest
from psycopg import Connection

from domain.inquiry import Inquiry
from domain.vocabulary import Code
from eventlog.log import Log
from projections import feeding
from projections.runner import Runner, ViewStoppedError
from tests.projections.calls import MIDNIGHT, abandoned, answered
from tests.projections.city import City
from tests.projections.histories import REQUEST

SIZE = 7  # so that inquiries straddle the batches


@pytest.fixture
def city(log: Log) -> Iterator[City]:
    with log.database.connect() as connection:
        yield City(log, connection)


def runner(city: City) -> Runner:
    return Runner(city.connection, batch=SIZE)


def told(city: City, count: int = 20) -> int:
    """Save calls, classified and annulled among them, and return the head."""
    calls: list[Inquiry] = []
    for number in range(count):
        at = MIDNIGHT + timedelta(minutes=number)
        call = answered(at, waited_ms=4_000) if number % 3 else abandoned(at)
        calls.append(call)
    assert all(city.log.inquiries.save_each((call, REQUEST) for call in calls))
    for call in calls[::4]:
        call.classify(category=Code("traffic"), at=MIDNIGHT + timedelta(hours=1))
    assert all(city.log.inquiries.save_each((call, REQUEST) for call in calls[::4]))
    return city.position


def test_a_fed_view_holds_what_a_view_holds_that_read_by_itself(city: City) -> None:
    end = told(city)

    assert feeding.catch_up(runner(city), city.log.database.connect) == end
    fed = city.contents()

    city.begin_again()
    Runner(city.connection).catch_up()
    assert fed == city.contents()


def test_two_processes_that_feed_at_once_count_nothing_twice(city: City) -> None:
    told(city)
    whole = city.refolded()
    city.begin_again()

    def feed() -> None:
        with city.log.database.connect() as connection:
            feeding.catch_up(Runner(connection, batch=SIZE), city.log.database.connect)

    with ThreadPoolExecutor() as pool:
        for feeding_process in [pool.submit(feed), pool.submit(feed)]:
            feeding_process.result()

    assert city.contents() == whole


def test_a_batch_is_merged_into_no_view_that_is_elsewhere(city: City) -> None:
    told(city)
    ahead = runner(city)
    ahead.advance()
    before = city.contents()

    with city.log.database.connect() as connection:
        feeder = feeding.Feeder(connection)
        feeder.type(0, SIZE)
        assert not any(feeder.merge(view, 0, SIZE) for view in feeder.views)

    assert city.contents() == before


def test_views_that_are_apart_meet_at_the_head(city: City) -> None:
    end = told(city)
    whole = city.refolded()
    city.forget("praise", "kpi", position=0)

    assert feeding.catch_up(runner(city), city.log.database.connect) == end

    assert city.contents() == whole
    assert set(city.positions().values()) == {end}


def test_what_breaks_one_connection_is_told_and_loses_nothing(city: City) -> None:
    told(city)
    whole = city.refolded()
    city.begin_again()
    opened: list[Connection] = []

    def connect() -> Connection:
        opened.append(city.log.database.connect())
        return opened[-1]

    def cut(_: int) -> None:
        opened[0].close()

    with pytest.raises(psycopg.OperationalError):
        feeding.catch_up(runner(city), connect, progress=cut)
    feeding.catch_up(runner(city), city.log.database.connect)

    assert city.contents() == whole


def test_a_poison_event_stops_the_views_where_it_stands(city: City) -> None:
    end = told(city)
    with city.log.database.connect_as_owner() as owner:
        owner.execute("INSERT INTO log VALUES (%s, gen_random_uuid(), 1, 'x.v1', '')", [end + 1])
        owner.execute("UPDATE log_head SET position = %s", [end + 1])

    with pytest.raises(ViewStoppedError, match=f"position {end + 1}"):
        feeding.catch_up(runner(city), city.log.database.connect)

    assert set(city.positions().values()) == {end}

"""Catching up on two connections gives what one gives."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

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


def test_only_one_process_feeds_and_the_other_reads_by_itself(city: City) -> None:
    end = told(city)

    with city.log.database.connect() as other:
        other.execute("SELECT pg_advisory_lock(hashtext('dasan feed'))")
        feeding.catch_up(runner(city), city.log.database.connect)

    assert set(city.positions().values()) == {end}


def test_what_was_typed_for_another_position_is_left(city: City) -> None:
    told(city)
    ahead = runner(city)
    ahead.advance()

    assert not ahead.merge_fed("feed_0", 0, SIZE)
    assert set(city.positions().values()) == {SIZE}


def test_a_poison_event_stops_the_views_where_it_stands(city: City) -> None:
    end = told(city)
    with city.log.database.connect_as_owner() as owner:
        owner.execute("INSERT INTO log VALUES (%s, gen_random_uuid(), 1, 'x.v1', '')", [end + 1])
        owner.execute("UPDATE log_head SET position = %s", [end + 1])

    with pytest.raises(ViewStoppedError, match=f"position {end + 1}"):
        feeding.catch_up(runner(city), city.log.database.connect)

    assert set(city.positions().values()) == {end}

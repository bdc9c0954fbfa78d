"""Properties: what the views hold follows from the log alone, however they got there."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.inquiry import Inquiry
from eventlog.reader import head
from projections.runner import Runner
from tests.projections.city import City
from tests.projections.histories import History, histories, record
from tests.projections.naive import kpi

BRISK = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
THOROUGH = settings(BRISK, max_examples=1_000)
SIZES = st.lists(st.integers(2, 40), min_size=1, max_size=10)


def recorded(city: City, history: History) -> int:
    """Append the history and return the position before it."""
    before = head(city.connection)
    for _ in record(city.log, history):
        pass
    return before


def assert_any_split_gives_the_same(city: City, history: History, sizes: list[int]) -> None:
    begin = recorded(city, history)
    whole = city.refolded(begin)

    city.begin_again(begin)
    for size in sizes:
        Runner(city.connection, batch=size).advance()
    city.catch_up(batch=sizes[-1])

    assert city.contents() == whole


def assert_kpi_is_its_definition(city: City, history: History) -> None:
    begin = recorded(city, history)
    city.refolded(begin)

    assert city.kpi() == kpi(city.facts(begin).values())


def as_it_stands(inquiry: Inquiry) -> dict[str, Any]:
    """Return what the view `inquiries` should say of the aggregate."""
    first, resolution = inquiry.first_answer, inquiry.resolution
    visits = inquiry.visits.values()
    return {
        "stream_id": inquiry.id,
        "version": inquiry.version,
        "status": inquiry.status,
        "channel": inquiry.channel,
        "language": inquiry.language,
        "category": inquiry.category,
        "district": inquiry.district,
        "citizen": inquiry.citizen,
        "received_at": inquiry.received_at,
        "changed_at": inquiry.modified_on,
        "first_answered_at": first.at if first else None,
        "resolved_at": resolution[1].at if resolution else None,
        "outcome": resolution[1].outcome if resolution else None,
        "holder": inquiry.holder,
        "held_since": inquiry.held_since,
        "queue": inquiry.visits[len(visits)].queue if visits else None,
        "agent": inquiry.answers[-1].agent if inquiry.answers else None,
        "visits": len(visits),
        "waiting": sum(visit.waiting for visit in visits),
        "talking": sum(visit.talking for visit in visits) + bool(inquiry.conversation),
        "answers": len(inquiry.answers),
        "transfers": len(inquiry.transfers),
        "hops": inquiry.hops,
        "resolutions": len(inquiry.resolutions),
        "reopened": sum(bool(known.reopened_at) for known in inquiry.resolutions.values()),
        "follow_ups": len(inquiry.follow_ups),
        "praised": len(inquiry.praises),
        "annulled": inquiry.annulled is not None,
    }


def open_visits(inquiry: Inquiry) -> list[dict[str, Any]]:
    """Return the visits that wait or talk, as the view should list them."""
    return [
        {
            "stream_id": inquiry.id,
            "visit": visit.number,
            "queue": visit.queue,
            "enqueued_at": visit.enqueued_at,
            "answered_at": visit.answered.at if visit.answered else None,
            "agent": visit.answered.agent if visit.answered else None,
        }
        for visit in inquiry.visits.values()
        if not inquiry.annulled and (visit.waiting or visit.talking)
    ]


@pytest.mark.long
@BRISK
@given(history=histories(), sizes=SIZES)
def test_any_split_into_batches_gives_the_views_of_one_batch(
    old_city: City, history: History, sizes: list[int]
) -> None:
    assert_any_split_gives_the_same(old_city, history, sizes)


@pytest.mark.long
@BRISK
@given(history=histories(), together=st.integers(1, 20))
def test_views_kept_up_to_date_while_the_log_is_written_equal_views_refolded(
    old_city: City, history: History, together: int
) -> None:
    begin = head(old_city.connection)
    old_city.begin_again(begin)

    for _ in record(old_city.log, history, together=together):
        old_city.catch_up()

    kept = old_city.contents()
    assert kept == old_city.refolded(begin)


@settings(BRISK, max_examples=5)
@given(history=histories())
def test_views_that_follow_the_log_by_themselves_equal_views_refolded(
    old_city: City, history: History
) -> None:
    begin = head(old_city.connection)
    old_city.begin_again(begin)
    written = Event()

    def follow() -> None:
        with old_city.log.database.connect() as connection:
            runner = Runner(connection)
            runner.follow(written.is_set)
            runner.catch_up()

    with ThreadPoolExecutor() as pool:
        following = pool.submit(follow)
        for _ in record(old_city.log, history, together=2):
            pass
        written.set()
        following.result()

    kept = old_city.contents()
    assert kept == old_city.refolded(begin)


@BRISK
@given(history=histories())
def test_the_kpi_are_their_definitions_counted_naively(old_city: City, history: History) -> None:
    assert_kpi_is_its_definition(old_city, history)


@BRISK
@given(history=histories())
def test_the_view_of_inquiries_says_what_the_inquiries_say(
    old_city: City, history: History
) -> None:
    begin = recorded(old_city, history)
    inquiries = old_city.log.inquiries.get_each(list(old_city.facts(begin)))

    old_city.refolded(begin)

    seen = {row["stream_id"]: row for row in old_city.rows("inquiries.inquiry")}
    for inquiry in inquiries.values():
        expected = as_it_stands(inquiry)
        assert {key: seen[inquiry.id][key] for key in expected} == expected
    visits = [visit for inquiry in inquiries.values() for visit in open_visits(inquiry)]
    assert sorted(visits, key=str) == sorted(old_city.rows("inquiries.visit"), key=str)


@pytest.mark.soak
@THOROUGH
@given(history=histories(max_inquiries=6), sizes=SIZES)
def test_any_split_of_many_histories(old_city: City, history: History, sizes: list[int]) -> None:
    assert_any_split_gives_the_same(old_city, history, sizes)


@pytest.mark.soak
@THOROUGH
@given(history=histories(max_inquiries=6))
def test_the_kpi_of_many_histories(old_city: City, history: History) -> None:
    assert_kpi_is_its_definition(old_city, history)

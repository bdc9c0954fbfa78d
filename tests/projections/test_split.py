"""Properties: what the views hold follows from the log alone, however they got there."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from domain.inquiry import Inquiry
from eventlog.reader import head
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from projections.runner import Runner

from tests.projections.city import City
from tests.projections.histories import History, histories, record
from tests.projections.naive import kpi

BRISK = settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def recorded(city: City, history: History) -> int:
    """Append the history and return the position before it."""
    before = head(city.connection)
    for _ in record(city.log, history):
        pass
    return before


@BRISK
@given(history=histories(), sizes=st.lists(st.integers(2, 30), min_size=1, max_size=20))
def test_any_split_into_batches_gives_the_views_of_one_batch(
    old_city: City, history: History, sizes: list[int]
) -> None:
    begin = recorded(old_city, history)
    whole = old_city.refolded(begin)

    old_city.begin_again(begin)
    for size in sizes:
        Runner(old_city.connection, batch=size).advance()
    old_city.catch_up(batch=sizes[-1])

    assert old_city.contents() == whole

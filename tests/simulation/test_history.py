"""The history's curves: what was published of them holds, at any scale and for any part of them."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import accumulate, pairwise
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulation import history
from simulation.command import Command
from simulation.history import BEGINNING, DAYS, END, History, HistoryDay, HistoryError
from simulation.inputs import SATISFIED
from simulation.simulate import simulate
from tests.simulation.days import LEAP_DAY, SEOUL
from tests.simulation.figures import figures

MILLIONS_38 = 38_000_000
scales = st.floats(min_value=1e-6, max_value=1)


@pytest.fixture(scope="module")
def full() -> Sequence[HistoryDay]:
    return list(History(BEGINNING, END, scale=1).days())


def test_the_line_has_answered_38_million_at_the_end(full: Sequence[HistoryDay]) -> None:
    assert sum(day.inquiries for day in full) == MILLIONS_38


def test_it_grows_from_1184_a_day_to_40700_and_ends_at_37000(full: Sequence[HistoryDay]) -> None:
    asked = [day.inquiries for day in full]

    assert (asked[0], max(asked), asked[-1]) == (1_184, 40_700, 37_000)
    peak = asked.index(40_700)
    assert asked[:peak] == sorted(asked[:peak])
    assert asked[peak:] == sorted(asked[peak:], reverse=True)


def test_satisfaction_rises_from_what_it_was_before_the_line_to_what_was_published(
    full: Sequence[HistoryDay],
) -> None:
    shares = [history.satisfied(-1), *(day.satisfied for day in full)]

    assert shares[0] == pytest.approx(0.416)
    assert all(earlier < later for earlier, later in pairwise(shares))
    assert shares[-1] == SATISFIED
    february = [day.satisfied for day in full if day.date >= date(2012, 2, 1)]
    assert sum(february) / len(february) == pytest.approx(0.957, abs=0.0005)


def test_the_last_day_is_that_of_the_press_release(full: Sequence[HistoryDay]) -> None:
    assert full[-1] == HistoryDay(LEAP_DAY, inquiries=37_000, agents=524, satisfied=SATISFIED)


@given(scales)
def test_the_sum_is_right_to_the_unit_on_every_day_of_a_smaller_line(scale: float) -> None:
    days = list(History(BEGINNING, END, scale).days())

    assert [day.date for day in days] == [BEGINNING + timedelta(number) for number in range(DAYS)]
    cumulative = accumulate(day.inquiries for day in days)
    whole = accumulate(map(history.inquiries, range(DAYS)))
    assert list(cumulative) == [floor(upto * scale + 0.5) for upto in whole]


@given(scales, st.integers(0, DAYS - 1), st.integers(0, DAYS - 1))
def test_a_part_has_the_days_of_the_whole(scale: float, one: int, other: int) -> None:
    first, last = sorted((one, other))

    part = History(BEGINNING + timedelta(first), BEGINNING + timedelta(last), scale)

    assert list(part.days()) == list(History(BEGINNING, END, scale).days())[first : last + 1]


@pytest.mark.parametrize("inquiries", [37, 370])
def test_a_small_line_answers_as_well_as_the_large_one(inquiries: int) -> None:
    commands = [
        command
        for number in range(10)
        for command in _day(LEAP_DAY - timedelta(number), inquiries, history.agents(inquiries))
    ]

    assert figures(commands).answer_rate > 0.985
    assert figures(commands).service_level > 0.975


def test_fewer_are_satisfied_where_fewer_are_said_to_be() -> None:
    counted = figures(_day(LEAP_DAY, 3_000, 90, satisfied=0.5))

    assert counted.satisfaction == pytest.approx(0.5, abs=0.09)


def test_another_satisfaction_is_other_inquiries() -> None:
    usual, other = _day(LEAP_DAY, 20, 30), _day(LEAP_DAY, 20, 30, satisfied=0.5)

    assert not {c.inquiry for c in usual} & {c.inquiry for c in other}


@pytest.mark.parametrize(
    ("first", "last"),
    [(date(2007, 8, 31), END), (BEGINNING, date(2012, 3, 1)), (END, BEGINNING)],
)
def test_nothing_is_known_of_other_days(first: date, last: date) -> None:
    with pytest.raises(HistoryError, match="it begins on 2007-09-01 and ends on 2012-02-29"):
        History(first, last, scale=0.01)


@pytest.mark.parametrize("scale", [0, -1, 1.01, float("nan")])
def test_a_history_has_a_scale_of_at_most_1(scale: float) -> None:
    with pytest.raises(HistoryError, match="scale"):
        History(BEGINNING, END, scale)


def _day(day: date, inquiries: int, agents: int, *, satisfied: float = SATISFIED) -> list[Command]:
    return list(
        simulate(
            day=day, timezone=SEOUL, inquiries=inquiries, agents=agents, seed=120,
            satisfied=satisfied,
        )
    )  # fmt: skip

"""Agents work in shifts round the clock, each one hour less than he is there."""

from zoneinfo import ZoneInfo

from simulation import roster
from simulation.day import Day
from simulation.staff import Agent
from tests.simulation.days import LEAP_DAY, SEOUL

HOUR_MS = 3_600_000
DAY = Day(LEAP_DAY, SEOUL)


def duties(agents: int) -> list[tuple[Agent, list[tuple[int, int]]]]:
    return list(roster.duties(agents, DAY, roster.teams()))


def test_some_of_the_agents_work_and_the_others_have_their_day_off() -> None:
    codes = [agent.code for agent, _ in duties(524)]

    assert len(codes) == len(set(codes))
    assert 0.6 * 524 < len(codes) < 524


def test_a_shift_is_nine_hours_with_a_break_of_one() -> None:
    _, spans = next((agent, spans) for agent, spans in duties(524) if len(spans) == 2)

    (begin, pause), (resumed, end) = spans

    assert (end - begin, resumed - pause) == (9 * HOUR_MS, HOUR_MS)


def test_somebody_of_every_topic_is_there_at_every_minute() -> None:
    on_duty = [(agent, spans) for agent, spans in duties(524) if "general" in agent.team.queues]

    for minute_ms in range(0, 24 * HOUR_MS, 60_000):
        assert any(begin <= minute_ms < end for _, spans in on_duty for begin, end in spans)


def test_who_works_at_night_has_begun_the_evening_before_and_begins_again() -> None:
    _, spans = duties(524)[-1]

    assert spans[0][0] == 0
    assert spans[-1][1] == 31 * HOUR_MS


def test_every_team_has_somebody() -> None:
    assert {agent.team.name for agent, _ in duties(524)} == set(roster.teams())


def test_shifts_begin_by_the_clocks_of_the_city() -> None:
    summer_time = Day(LEAP_DAY.replace(month=3, day=25), ZoneInfo("Europe/Berlin"))

    assert summer_time.ms(9) == 8 * HOUR_MS

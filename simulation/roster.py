"""The roster: which agents work in which team, and when."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import cycle
from typing import TypeVar

from simulation.clock import Process
from simulation.day import Day
from simulation.floor import Floor
from simulation.inputs import (
    BREAK_HOURS,
    BREAKS_AFTER_HOURS,
    DAY_TEAMS,
    NIGHT_SHIFT,
    NIGHT_TEAMS,
    RESERVES,
    SHIFT_HOURS,
    SHIFTS,
    TEAM_QUEUES,
)
from simulation.staff import Agent, Team

DAY_OFF = -1

Claimant = TypeVar("Claimant", bound=Hashable)


def teams() -> dict[str, Team]:
    """Return the teams, nobody in them on duty yet."""
    return {
        name: Team(name, queues, is_reserve=name in RESERVES)
        for name, queues in TEAM_QUEUES.items()
    }


def duties(
    agents: int, day: Day, teams: Mapping[str, Team]
) -> Iterator[tuple[Agent, list[tuple[int, int]]]]:
    """Yield each agent who works on the day, with the times from and to which he does, in ms.

    Who works at night has begun the evening before, and begins again.
    """
    shifts = _apportioned(SHIFTS | {DAY_OFF: 1 - sum(SHIFTS.values())}, agents)
    at_night = shifts.count(NIGHT_SHIFT)
    night, daily = _apportioned(NIGHT_TEAMS, at_night), _apportioned(DAY_TEAMS, agents)
    breaks = {team: cycle(BREAKS_AFTER_HOURS) for team in teams}
    for number, hour in enumerate(sorted(shift for shift in shifts if shift != DAY_OFF), 1):
        team = (night if hour == NIGHT_SHIFT else daily).pop(0)
        yield Agent(f"a{number:03}", teams[team]), _spans(day, hour, next(breaks[team]))


def work(floor: Floor, agent: Agent, spans: Sequence[tuple[int, int]]) -> Process:
    """Let an agent come and go."""
    now_ms = 0
    for begin_ms, end_ms in spans:
        yield begin_ms - now_ms
        floor.come(agent)
        yield end_ms - begin_ms
        floor.leave(agent)
        now_ms = end_ms


def _apportioned(shares: Mapping[Claimant, float], seats: int) -> list[Claimant]:
    """Return who gets each of the seats in turn: always who has most to claim."""
    total = sum(shares.values())
    given = dict.fromkeys(shares, 0)
    order = []
    for seat in range(1, seats + 1):
        claimant = max(shares, key=lambda name: shares[name] / total * seat - given[name])
        given[claimant] += 1
        order.append(claimant)
    return order


def _spans(day: Day, hour: int, break_after: float) -> list[tuple[int, int]]:
    """Return the times of a shift of the day before and of the day, from its beginning on."""
    spans = []
    for begin in (hour - 24, hour):
        pause = begin + break_after
        for start, end in ((begin, pause), (pause + BREAK_HOURS, begin + SHIFT_HOURS)):
            if day.ms(end) > 0:
                spans.append((max(0, day.ms(start)), day.ms(end)))
    return spans

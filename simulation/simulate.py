"""A day of the inquiry line, as the commands that its clients send."""

from collections.abc import Iterator
from datetime import date
from random import Random
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from simulation import matter, roster
from simulation.calls import call
from simulation.case import Case
from simulation.clock import Clock, Process
from simulation.command import Command
from simulation.day import Day
from simulation.floor import Floor
from simulation.inputs import SATISFIED
from simulation.labels import LIVE_CHANNELS
from simulation.texts import text


def simulate(
    *,
    day: date,
    timezone: ZoneInfo,
    inquiries: int,
    agents: int,
    seed: int,
    satisfied: float = SATISFIED,
) -> Iterator[Command]:
    """Yield the commands of a day in the order of time, the same ones for the same arguments.

    `inquiries` arrive on the day; what becomes of them may go on after its end. Their ids and the
    chances are those of these arguments, so that another day or staffing is other inquiries.
    `satisfied` is the share of those who rate.

    Raises:
        ValueError: a number of inquiries or agents below 0.
    """
    if inquiries < 0 or agents < 0:
        raise ValueError(f"{inquiries} inquiries, {agents} agents: neither can be below 0")
    name = f"/dasan/simulation/{day}/{timezone.key}/{inquiries}/{agents}/{seed}"
    if satisfied != SATISFIED:
        name += f"/{satisfied}"
    return _City(Day(day, timezone), agents, name, satisfied).live(inquiries)


class _City:
    """Everything that the day's inquiries share."""

    def __init__(self, day: Day, agents: int, name: str, satisfied: float) -> None:
        self._day = day
        self._satisfied = satisfied
        self._namespace = uuid5(NAMESPACE_URL, name)
        self._random = Random(name)  # noqa: S311 - a day that can be repeated
        self._clock = Clock(day.beginning)
        teams = roster.teams()
        self._floor = Floor(self._clock, teams.values())
        for agent, spans in roster.duties(agents, day, teams):
            self._clock.start(roster.work(self._floor, agent, spans))

    def live(self, inquiries: int) -> Iterator[Command]:
        """Yield what happens."""
        self._clock.start(self._arrivals(inquiries))
        return self._clock.run()

    def _arrivals(self, inquiries: int) -> Process:
        now_ms = 0
        for number, at_ms in enumerate(self._day.arrivals_ms(self._random, inquiries)):
            yield at_ms - now_ms
            now_ms = at_ms
            case = self._case(number)
            live = case.matter.channel in LIVE_CHANNELS
            self._clock.start(call(case) if live else text(case))

    def _case(self, number: int) -> Case:
        return Case(
            uuid5(self._namespace, str(number)),
            matter.draw(self._random),
            satisfied=self._satisfied,
            random=self._random,
            clock=self._clock,
            floor=self._floor,
        )

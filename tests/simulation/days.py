"""Days to look at, and what the aggregate makes of their commands."""

from collections.abc import Iterable, Iterator
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.inquiry import Inquiry
from eventlog.keys import Keys
from simulation.command import Command
from simulation.living import METHODS, Living
from simulation.simulate import simulate

__all__ = ["LEAP_DAY", "METHODS", "SEOUL", "lived", "small_day"]

LEAP_DAY = date(2012, 2, 29)
SEOUL = ZoneInfo("Asia/Seoul")
KEYS = Keys(encryption=bytes(32), lookup=bytes(32))


def small_day(seed: int = 120, inquiries: int = 3_000, agents: int = 50) -> Iterator[Command]:
    """A day with as few agents that everything happens, refusals and lost callers included."""
    return simulate(day=LEAP_DAY, timezone=SEOUL, inquiries=inquiries, agents=agents, seed=seed)


def lived(commands: Iterable[Command]) -> dict[UUID, Inquiry]:
    """Let the aggregate decide on each command; each one has to add one version."""
    living = Living(KEYS)
    versions: dict[UUID, int] = {}
    inquiries: dict[UUID, Inquiry] = {}
    for command in commands:
        inquiry = living.carry_out(command)
        assert inquiry.version == versions.get(command.inquiry, 0) + 1, command
        assert (command.name == "receive") == (inquiry.version == 1)
        versions[command.inquiry] = inquiry.version
        inquiries[command.inquiry] = inquiry
    return inquiries

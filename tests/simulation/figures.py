"""The press release's figures, counted over commands by the words of docs/kpi.md.

Each inquiry by itself; an annulled one counts for nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from simulation.command import Command

LIVE = ("phone", "video")
THRESHOLD = timedelta(seconds=15)


@dataclass(slots=True)
class Figures:
    """Sums over the inquiries of a day, and the ratios made of them."""

    received: int = 0
    answered: int = 0
    answered_within: int = 0
    abandoned: int = 0
    left: int = 0
    refused: int = 0
    answered_inquiries: int = 0
    resolved_by_first_agent: int = 0
    rated: int = 0
    satisfied: int = 0

    @property
    def answer_rate(self) -> float:
        return self.answered / (self.answered + self.abandoned + self.left + self.refused)

    @property
    def service_level(self) -> float:
        return self.answered_within / (self.answered + self.abandoned)

    @property
    def first_agent_resolution(self) -> float:
        return self.resolved_by_first_agent / self.answered_inquiries

    @property
    def satisfaction(self) -> float:
        return self.satisfied / self.rated


def figures(commands: Iterable[Command]) -> Figures:
    """Return the figures of the inquiries, whatever day their events fall on."""
    inquiries: dict[UUID, list[Command]] = defaultdict(list)
    for command in commands:
        inquiries[command.inquiry].append(command)
    sums = Figures()
    for told in inquiries.values():
        if not any(command.name == "annul" for command in told):
            _count(told, sums)
    return sums


def _count(told: Sequence[Command], sums: Figures) -> None:
    sums.received += 1
    if told[0].body["channel"] in LIVE:
        _count_visits(told, sums)
    agents = [c.body["agent"] for c in told if c.name in ("answer", "reply")]
    sums.answered_inquiries += bool(agents)
    passed_on = [c for c in told if c.name == "transfer" and c.body.get("holds", True)]
    resolutions = [c for c in told if c.name == "resolve"]
    if resolutions and not _told_before(resolutions[0], passed_on):
        sums.resolved_by_first_agent += {resolutions[0].body.get("agent")} == set(agents)
    scores: list[Any] = [c.body["score"] for c in told if c.name == "rating"]
    sums.rated += len(scores)
    sums.satisfied += sum(score >= 4 for score in scores)


def _count_visits(told: Sequence[Command], sums: Figures) -> None:
    entered: datetime | None = None
    for command in told:
        if command.name == "queue":
            entered = command.at
        elif command.name == "answer":
            assert entered is not None
            sums.answered += 1
            sums.answered_within += command.at - entered <= THRESHOLD
        elif command.name == "abandon":
            sums.abandoned += 1
        elif command.name == "leave-queue":
            refused = "queue" in command.body
            sums.refused += refused
            sums.left += not refused


def _told_before(resolution: Command, others: Sequence[Command]) -> bool:
    return any(other.at <= resolution.at for other in others)

"""Who answers: agents, in teams that serve the same queues."""

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Team:
    """Agents who serve the same queues; a reserve is asked only when nobody else is free.

    `free` are those who wait for work, who has waited longest first.
    """

    name: str
    queues: tuple[str, ...]
    is_reserve: bool = False
    on_duty: int = 0
    free: "deque[Agent]" = field(default_factory=deque)


@dataclass(slots=True, eq=False)
class Agent:
    """Somebody who answers; who is busy when his duty ends finishes first."""

    code: str
    team: Team
    on_duty: bool = False
    busy: bool = False

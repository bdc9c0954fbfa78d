"""The floor: who waits, who is free, and who gets whom.

A caller gets the agent of his queue's teams who has been free longest, in the team that has most
free; reserve teams come last. An agent who gets free takes, of all who wait in his team's queues,
the one who came first.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from simulation.clock import Clock, Process
from simulation.staff import Agent, Team


@dataclass(slots=True, eq=False)
class _Caller:
    process: Process
    since_ms: int


class Floor:
    """Queues and teams."""

    def __init__(self, clock: Clock, teams: Iterable[Team]) -> None:
        self._clock = clock
        self._lines: dict[str, deque[_Caller]] = {}
        self._teams: dict[str, list[Team]] = {}
        for team in teams:
            for queue in team.queues:
                self._lines.setdefault(queue, deque())
                self._teams.setdefault(queue, []).append(team)

    def is_staffed(self, queue: str) -> bool:
        """Return whether anybody who serves the queue is on duty."""
        return any(team.on_duty for team in self._teams.get(queue, ()))

    def waiting(self, queue: str) -> int:
        """Return how many wait in a queue."""
        return len(self._lines[queue])

    def enter(self, queue: str, process: Process, *, patience_ms: int | None = None) -> None:
        """Let a process go on with an agent; with None when its patience ends before."""
        team = self._freest(queue)
        if team is not None:
            self._give(team.free.popleft(), process)
            return
        caller = _Caller(process, self._clock.now_ms)
        self._lines[queue].append(caller)
        if patience_ms is not None:
            self._clock.start(self._lose_patience(queue, caller, patience_ms))

    def come(self, agent: Agent) -> None:
        """Let an agent begin to work, or go on after a break that came while he was busy."""
        agent.on_duty = True
        agent.team.on_duty += 1
        if not agent.busy:
            self._take_next(agent)

    def leave(self, agent: Agent) -> None:
        """Let an agent go, or, when he is busy, finish first."""
        agent.on_duty = False
        agent.team.on_duty -= 1
        if not agent.busy:
            agent.team.free.remove(agent)

    def wrap_up(self, agent: Agent, duration_ms: int) -> Process:
        """Keep an agent busy for a while; then he takes the next one who waits."""
        yield duration_ms
        agent.busy = False
        if agent.on_duty:
            self._take_next(agent)

    def _take_next(self, agent: Agent) -> None:
        lines = [line for queue in agent.team.queues if (line := self._lines[queue])]
        if lines:
            longest = min(lines, key=lambda line: line[0].since_ms)
            self._give(agent, longest.popleft().process)
        else:
            agent.team.free.append(agent)

    def _give(self, agent: Agent, process: Process) -> None:
        agent.busy = True
        self._clock.resume(process, agent)

    def _freest(self, queue: str) -> Team | None:
        best: Team | None = None
        for team in self._teams.get(queue, ()):
            if team.free and (best is None or _rank(team) > _rank(best)):
                best = team
        return best

    def _lose_patience(self, queue: str, caller: _Caller, patience_ms: int) -> Process:
        yield patience_ms
        if caller in self._lines[queue]:
            self._lines[queue].remove(caller)
            self._clock.resume(caller.process)


def _rank(team: Team) -> tuple[bool, int]:
    return (not team.is_reserve, len(team.free))

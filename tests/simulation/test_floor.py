"""Who waits longest is served next, by somebody of the queue who is free."""

from datetime import UTC, datetime
from functools import partial

import pytest

from simulation.clock import Clock, Process
from simulation.floor import Floor
from simulation.staff import Agent, Team


class Line:
    """A floor with two teams and a reserve, and who was served by whom and when."""

    def __init__(self) -> None:
        self.clock = Clock(datetime(2012, 2, 29, tzinfo=UTC))
        self.water = Team("water", ("water",))
        self.any = Team("any", ("taxes", "water"))
        self.reserve = Team("reserve", ("japanese", "taxes"), is_reserve=True)
        self.floor = Floor(self.clock, (self.water, self.any, self.reserve))
        self.served: list[tuple[str, int, str | None]] = []

    def has(self, code: str, team: Team) -> Agent:
        agent = Agent(code, team)
        self.floor.come(agent)
        return agent

    def calls(
        self,
        caller: str,
        queue: str,
        *,
        after_ms: int = 0,
        busy_ms: int = 10,
        patience_ms: int = 100,
    ) -> None:
        self.clock.start(self._call(caller, queue, after_ms, busy_ms, patience_ms))

    def happens(self, what: str, agent: Agent, *, after_ms: int) -> None:
        self.clock.start(self._duty(what, agent, after_ms))

    def outcome(self) -> list[tuple[str, int, str | None]]:
        assert list(self.clock.run()) == []
        return self.served

    def _call(
        self, caller: str, queue: str, after_ms: int, busy_ms: int, patience_ms: int
    ) -> Process:
        yield after_ms
        agent = yield partial(self.floor.enter, queue, patience_ms=patience_ms)
        self.served.append((caller, self.clock.now_ms, agent.code if agent else None))
        if agent is not None:
            yield from self.floor.wrap_up(agent, busy_ms)

    def _duty(self, what: str, agent: Agent, after_ms: int) -> Process:
        yield after_ms
        getattr(self.floor, what)(agent)


@pytest.fixture
def line() -> Line:
    return Line()


def test_a_free_agent_answers_at_once(line: Line) -> None:
    line.has("kim", line.water)

    line.calls("a", "water", after_ms=5)

    assert line.outcome() == [("a", 5, "kim")]


def test_callers_are_served_in_the_order_in_which_they_came(line: Line) -> None:
    line.has("kim", line.water)

    for place, caller in enumerate("abc"):
        line.calls(caller, "water", after_ms=place)

    assert line.outcome() == [("a", 0, "kim"), ("b", 10, "kim"), ("c", 20, "kim")]


def test_an_agent_of_two_queues_takes_who_waits_longest_in_either(line: Line) -> None:
    line.has("kim", line.any)
    line.calls("a", "taxes")

    line.calls("b", "water", after_ms=1)
    line.calls("c", "taxes", after_ms=2)

    assert [caller for caller, _, _ in line.outcome()] == ["a", "b", "c"]


def test_who_has_been_free_longest_answers(line: Line) -> None:
    line.has("kim", line.water)
    line.has("yang", line.water)

    line.calls("a", "water", after_ms=0, busy_ms=1)
    line.calls("b", "water", after_ms=5)

    assert line.outcome() == [("a", 0, "kim"), ("b", 5, "yang")]


def test_the_team_with_most_people_free_answers(line: Line) -> None:
    line.has("kim", line.water)
    line.has("yang", line.any)
    line.has("lee", line.any)

    line.calls("a", "water")

    assert line.outcome() == [("a", 0, "yang")]


def test_a_reserve_answers_only_when_nobody_else_is_free(line: Line) -> None:
    line.has("sato", line.reserve)
    line.has("abe", line.reserve)
    line.has("yang", line.any)

    line.calls("a", "taxes")
    line.calls("b", "taxes", after_ms=1)

    assert line.outcome() == [("a", 0, "yang"), ("b", 1, "sato")]


def test_nobody_answers_a_queue_that_is_not_his(line: Line) -> None:
    line.has("kim", line.water)

    line.calls("a", "taxes", patience_ms=30)

    assert line.outcome() == [("a", 30, None)]


def test_a_caller_who_has_lost_patience_is_not_served_later(line: Line) -> None:
    line.has("kim", line.water)
    line.calls("a", "water", busy_ms=50)

    line.calls("b", "water", after_ms=1, patience_ms=9)
    line.calls("c", "water", after_ms=2)

    assert line.outcome() == [("a", 0, "kim"), ("b", 10, None), ("c", 50, "kim")]


def test_an_agent_who_comes_takes_who_waits(line: Line) -> None:
    line.calls("a", "water")

    line.happens("come", Agent("kim", line.water), after_ms=7)

    assert line.outcome() == [("a", 7, "kim")]


def test_an_agent_who_leaves_takes_nobody_more(line: Line) -> None:
    kim = line.has("kim", line.water)

    line.happens("leave", kim, after_ms=1)
    line.calls("a", "water", after_ms=2)

    assert line.outcome() == [("a", 102, None)]


def test_an_agent_who_is_busy_when_he_leaves_finishes_and_takes_nobody_more(line: Line) -> None:
    kim = line.has("kim", line.water)
    line.calls("a", "water", busy_ms=50)

    line.happens("leave", kim, after_ms=1)
    line.calls("b", "water", after_ms=2)

    assert line.outcome() == [("a", 0, "kim"), ("b", 102, None)]


def test_a_break_within_a_call_does_not_make_two_of_an_agent(line: Line) -> None:
    kim = line.has("kim", line.water)
    line.calls("a", "water", busy_ms=50)

    line.happens("leave", kim, after_ms=1)
    line.happens("come", kim, after_ms=2)
    line.calls("b", "water", after_ms=3)
    line.calls("c", "water", after_ms=4)

    assert line.outcome() == [("a", 0, "kim"), ("b", 50, "kim"), ("c", 60, "kim")]


def test_a_queue_is_staffed_while_somebody_of_it_is_on_duty(line: Line) -> None:
    kim = line.has("kim", line.any)
    assert line.floor.is_staffed("taxes")

    line.floor.leave(kim)

    assert not line.floor.is_staffed("taxes")

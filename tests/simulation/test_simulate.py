"""A simulated day is a history that the line could have had, the same one every time."""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from domain.events import InquiryEvent
from simulation.command import Command
from simulation.simulate import simulate
from tests.projections import naive
from tests.simulation.days import LEAP_DAY, METHODS, SEOUL, lived, small_day
from tests.simulation.figures import Figures, figures


@pytest.fixture(scope="module")
def commands() -> list[Command]:
    return list(small_day())


@pytest.fixture(scope="module")
def crowded() -> list[Command]:
    return list(small_day(inquiries=20_000, agents=60))


def test_the_same_day_is_the_same_commands(commands: list[Command]) -> None:
    assert list(small_day()) == commands


@pytest.mark.parametrize("other", [{"seed": 121}, {"agents": 51}, {"inquiries": 2_999}])
def test_another_seed_or_size_is_other_inquiries(
    commands: list[Command], other: dict[str, int]
) -> None:
    assert not _inquiries(small_day(**other)) & _inquiries(commands)


def test_another_day_is_other_inquiries(commands: list[Command]) -> None:
    march = simulate(day=date(2012, 3, 1), timezone=SEOUL, inquiries=3_000, agents=50, seed=120)

    assert not _inquiries(march) & _inquiries(commands)


def test_time_never_goes_back(commands: list[Command]) -> None:
    assert all(earlier.at <= later.at for earlier, later in pairwise(commands))


def test_a_body_is_json_that_says_when(commands: list[Command]) -> None:
    for command in commands:
        body = json.loads(json.dumps(command.body))

        assert datetime.fromisoformat(body["at"]) == command.at
        assert command.at.tzinfo is UTC


def test_every_command_is_accepted_and_adds_one_version(commands: list[Command]) -> None:
    inquiries = lived(commands)

    assert sum(inquiry.version for inquiry in inquiries.values()) == len(commands)


def test_every_kind_of_command_is_sent(commands: list[Command], crowded: list[Command]) -> None:
    assert {command.name for command in commands + crowded} == {"receive", *METHODS}


def test_a_crowded_day_ends_visits_in_every_way(crowded: list[Command]) -> None:
    ends = {command.body.get("reason", command.name) for command in crowded}

    assert ends >= {"answer", "abandon", "full", "closed", "timeout", "callback"}


def test_a_few_conversations_never_report_their_end(crowded: list[Command]) -> None:
    answers, ends = ({c.inquiry for c in crowded if c.name == name} for name in ("answer", "end"))

    assert 0 < len(answers - ends) < 0.01 * len(answers)


@pytest.mark.parametrize(
    ("day", "zone"),
    [
        (LEAP_DAY, "Asia/Seoul"),
        (date(2012, 3, 25), "Europe/Berlin"),
        (date(2012, 10, 28), "Europe/Berlin"),
    ],
)
def test_exactly_the_inquiries_of_the_day_arrive_on_it(day: date, zone: str) -> None:
    timezone = ZoneInfo(zone)

    told = simulate(day=day, timezone=timezone, inquiries=3_000, agents=50, seed=1)

    arrivals = [command.at for command in told if command.name == "receive"]
    assert len(arrivals) == 3_000
    assert {at.astimezone(timezone).date() for at in arrivals} == {day}
    assert min(arrivals).astimezone(timezone).time() < time(0, 30)
    assert max(arrivals).astimezone(timezone).time() > time(23, 30)


def test_without_agents_every_call_is_refused_and_every_text_stays_open() -> None:
    told = list(simulate(day=LEAP_DAY, timezone=SEOUL, inquiries=500, agents=0, seed=1))

    assert {command.name for command in told} == {"receive", "leave-queue"}
    assert {command.body["reason"] for command in told if command.name == "leave-queue"} == {
        "closed"
    }


@pytest.mark.parametrize("wrong", [{"inquiries": -1}, {"agents": -1}])
def test_fewer_than_none_is_an_error(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="neither can be below 0"):
        small_day(**wrong)


def test_the_figures_counted_here_are_those_of_the_definitions(commands: list[Command]) -> None:
    facts = [_facts(inquiry.pending_events) for inquiry in lived(commands).values()]

    counted = figures(commands)

    defined: Counter[str] = Counter()
    for sums in naive.kpi(facts)["hourly"].values():
        defined.update(sums)
    assert counted == Figures(
        received=defined["received"],
        answered=defined["answered"],
        answered_within=defined["answered_within_15"],
        abandoned=defined["abandoned"],
        left=defined["left_queue"],
        refused=defined["blocked"],
        answered_inquiries=defined["answered_inquiries"],
        resolved_by_first_agent=defined["resolved_by_first_agent"],
        rated=defined["rated"],
        satisfied=defined["satisfied"],
    )


def _facts(events: Iterable[object]) -> list[InquiryEvent]:
    return [event for event in events if isinstance(event, InquiryEvent)]


def _inquiries(commands: Iterable[Command]) -> set[object]:
    return {command.inquiry for command in commands}

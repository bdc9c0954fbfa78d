"""The press release's figures come of the day: two of the queue, two of the inputs."""

from collections.abc import Callable
from functools import cache
from statistics import mean

import pytest

from simulation.simulate import simulate
from tests.simulation.days import LEAP_DAY, SEOUL
from tests.simulation.figures import Figures, figures

pytestmark = pytest.mark.long

SEEDS = range(1, 21)
INQUIRIES, AGENTS = 37_000, 524

PRESS_RELEASE: dict[str, tuple[Callable[[Figures], float], float]] = {
    "answer rate": (lambda day: day.answer_rate, 0.997),
    "service level": (lambda day: day.service_level, 0.975),
    "first-agent resolution": (lambda day: day.first_agent_resolution, 0.880),
    "satisfaction": (lambda day: day.satisfaction, 0.957),
}
of_the_press_release = pytest.mark.parametrize(
    ("ratio", "published"), PRESS_RELEASE.values(), ids=PRESS_RELEASE
)


@cache
def figures_of(seed: int, agents: int = AGENTS) -> Figures:
    return figures(
        simulate(day=LEAP_DAY, timezone=SEOUL, inquiries=INQUIRIES, agents=agents, seed=seed)
    )


@of_the_press_release
def test_a_day_comes_near_the_press_release(
    ratio: Callable[[Figures], float], published: float
) -> None:
    assert ratio(figures_of(seed=120)) == pytest.approx(published, abs=0.012)


def test_with_fewer_agents_answer_rate_and_service_level_fall() -> None:
    few, published = figures_of(seed=120, agents=430), figures_of(seed=120)

    assert few.answer_rate < published.answer_rate - 0.01
    assert few.service_level < published.service_level - 0.1


def test_with_more_agents_answer_rate_and_service_level_rise() -> None:
    many, published = figures_of(seed=120, agents=620), figures_of(seed=120)

    assert many.answer_rate > published.answer_rate
    assert many.service_level > published.service_level + 0.01


def test_staffing_does_not_change_what_is_an_input() -> None:
    few, published = figures_of(seed=120, agents=430), figures_of(seed=120)

    assert few.first_agent_resolution == pytest.approx(published.first_agent_resolution, abs=0.01)
    assert few.satisfaction == pytest.approx(published.satisfaction, abs=0.02)


@pytest.mark.soak
@of_the_press_release
def test_the_mean_of_twenty_days_is_the_press_release(
    ratio: Callable[[Figures], float], published: float
) -> None:
    assert mean(ratio(figures_of(seed)) for seed in SEEDS) == pytest.approx(published, abs=0.003)

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from eventlog.reader import head
from projections.catalogue import Catalogue
from projections.catalogue_tables import load_catalogue
from projections.targets import LESS_IS_BETTER, Target, Targeted, in_force, met
from tests.projections.calls import MIDNIGHT, NEXT_MIDNIGHT, abandoned, answered, asked, row, rows
from tests.projections.city import City

NOON = MIDNIGHT + timedelta(hours=12)
DAY = date(2012, 2, 29)


def target(kpi: str, value: float, since: date = date(2012, 2, 1)) -> Target:
    return Target.model_validate({"kpi": Targeted(kpi), "value": value, "from": since})


@pytest.fixture
def city(old_city: City) -> Iterator[City]:
    """A city in which nothing counts yet, with the targets that it began with."""
    old_city.begin_again(head(old_city.connection))
    yield old_city
    with old_city.log.database.connect_as_owner() as owner:
        owner.execute("DELETE FROM catalogue.target WHERE since > '2012-02-01'")


def aim(city: City, *targets: Target) -> None:
    with city.log.database.connect_as_owner() as owner:
        load_catalogue(owner, Catalogue(targets=targets))


def test_a_row_has_the_targets_and_whether_they_are_met(city: City) -> None:
    city.tell(answered(NOON), abandoned(NOON))

    [told] = asked(city).as_json()["rows"]

    assert told["target"] == {
        "answer_rate": 0.997, "service_level": 0.975, "first_agent_resolution": 0.88,
        "satisfaction": 0.957,
    }  # fmt: skip
    assert told["met"] == {
        "answer_rate": False, "service_level": False, "first_agent_resolution": False,
        "satisfaction": None,
    }  # fmt: skip


def test_a_ratio_that_is_exactly_the_target_meets_it(city: City) -> None:
    city.tell(*(answered(NOON, waited_ms=ms) for ms in (1_000,) * 39 + (16_000,)))

    service_level = row(city).ratios["service_level"]

    assert isinstance(service_level, dict)
    assert service_level["F3"] == 0.975
    assert row(city).met["service_level"] is True
    city.tell(abandoned(NOON))
    assert row(city).met["service_level"] is False


def test_the_service_levels_target_is_for_15_seconds_only(city: City) -> None:
    city.tell(answered(NOON))

    found = row(city, threshold_s=20)

    assert "service_level" not in found.targets
    assert "service_level" not in found.met
    assert found.targets["answer_rate"] == 0.997


def test_a_target_holds_from_its_date_in_the_citys_zone_on(city: City) -> None:
    before = row(city).targets
    aim(city, target("score_mean", 4.5, DAY), target("score_mean", 4.6, date(2012, 3, 1)))

    days = rows(
        city, "day", begin=MIDNIGHT - timedelta(days=1), end=NEXT_MIDNIGHT + timedelta(days=1)
    )

    assert "score_mean" not in before
    assert [day.targets.get("score_mean") for day in days] == [None, 4.5, 4.6]
    an_hour_early = MIDNIGHT - timedelta(hours=1)
    assert "score_mean" not in row(city, begin=an_hour_early, end=MIDNIGHT).targets


def test_before_the_first_date_there_is_no_target(city: City) -> None:
    january = row(city, begin=MIDNIGHT.replace(month=1, day=1), end=MIDNIGHT)

    assert (january.targets, january.met) == ({}, {})


def test_what_is_not_known_of_a_row_meets_nothing(city: City) -> None:
    city.tell(answered(NOON, "general"))

    general, without = rows(city, "queue")

    assert general.met["answer_rate"] is True
    assert general.met["first_agent_resolution"] is None
    assert set(without.met.values()) == {None}


@pytest.mark.parametrize("kpi", [kpi for kpi in Targeted if kpi != "service_level"])
def test_some_ratios_meet_a_target_from_below(kpi: Targeted) -> None:
    ratios: Any = {kpi: 0.5}

    below, equal, above = (met({kpi: value}, ratios)[kpi] for value in (0.4, 0.5, 0.6))

    assert equal is True
    assert (below, above) == ((False, True) if kpi in LESS_IS_BETTER else (True, False))


def test_the_latest_target_up_to_a_day_is_in_force() -> None:
    targets = [target("aht_ms", 180_000), target("aht_ms", 150_000, DAY)]

    assert in_force(targets, DAY - timedelta(days=1), 15) == {"aht_ms": 180_000}
    assert in_force(targets, DAY, 15) == {"aht_ms": 150_000}
    assert in_force(targets, date(2012, 1, 31), 15) == {}

import pytest

from projections.formulas import HELD_BY, RATIOS, SERVICE_LEVELS, SUMS, ratios

ICMI = dict.fromkeys(SUMS, 0) | {
    "answered": 1000,
    "abandoned": 60,
    "answered_within": 860,
    "abandoned_within": 20,
    "short_abandoned": 10,
}


@pytest.mark.parametrize(
    ("variant", "percent"),
    {"F1": 83.02, "F2": 86.00, "F3": 81.13, "F4": 82.69, "F6": 81.90}.items(),
)
def test_the_published_example_gives_the_published_service_levels(
    variant: str, percent: float
) -> None:
    found = ratios(ICMI)["service_level"]

    assert isinstance(found, dict)
    assert round(100 * (found[variant] or 0), 2) == percent


def test_nothing_to_divide_is_null() -> None:
    found = ratios(dict.fromkeys(SUMS, 0))

    assert found.pop("service_level") == dict.fromkeys(SERVICE_LEVELS)
    assert found.pop("fcr_repeat") == dict.fromkeys(("24h", "7d", "30d"))
    assert set(found.values()) == {None}


def test_nobody_answered_is_zero_and_not_null() -> None:
    found = ratios(dict.fromkeys(SUMS, 0) | {"abandoned": 4, "left_queue": 1})

    assert found["answer_rate"] == 0
    assert found["abandonment_rate"] == 0.8
    assert found["asa_ms"] is None


def test_a_ratio_of_each_kind() -> None:
    sums = dict.fromkeys(SUMS, 0) | {
        "answered": 4,
        "waited_ms": 60_000,
        "ended_with_talk": 2,
        "talk_ms": 100_000,
        "hold_ms": 10_000,
        "wrapup_ms": 10_000,
        "answered_inquiries": 4,
        "resolved_by_first_agent": 3,
        "transferred": 1,
        "resolutions": 5,
        "reopened": 1,
        "rated": 4,
        "satisfied": 3,
        "score_sum": 15,
        "praised": 2,
        "followed_up": 8,
        "delivered": 6,
    }

    found = ratios(sums, p50_ms=7_000, p90_ms=9_000)

    assert {name: value for name, value in found.items() if not isinstance(value, dict)} == {
        "answer_rate": 1,
        "abandonment_rate": 0,
        "asa_ms": 15_000,
        "wait_p50_ms": 7_000,
        "wait_p90_ms": 9_000,
        "aht_ms": 60_000,
        "first_agent_resolution": 0.75,
        "reopen_rate": 0.2,
        "transfer_rate": 0.25,
        "satisfaction": 0.75,
        "score_mean": 3.75,
        "rating_response_rate": 0.8,
        "praised_per_1000": 500,
        "delivered_share": 0.75,
    }


def test_a_ratio_of_an_unknown_sum_is_null() -> None:
    found = ratios(ICMI | {"abandoned": None})

    assert found["answer_rate"] is None
    assert found["service_level"] == {"F1": None, "F2": 0.86, "F3": None, "F4": None, "F6": None}


def test_no_ratio_is_taken_across_sums_that_count_other_things() -> None:
    sums = ICMI | {
        "answered_inquiries": 2,
        "resolved_by_first_agent": 9,
        "rated": 4,
        "satisfied": 3,
    }

    found = ratios(sums, apart=HELD_BY["queue"])

    assert found["first_agent_resolution"] is None
    assert found["satisfaction"] == 0.75


def test_every_name_is_a_sum() -> None:
    named = frozenset().union(*(r.sums for r in (*RATIOS.values(), *SERVICE_LEVELS.values())))

    assert named | frozenset().union(*HELD_BY.values()) <= {*SUMS}

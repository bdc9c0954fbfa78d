"""KPI targets: which KPIs can have one, and whether a row's ratios meet those in force.

A target of `service_level` is one for the variant F3 at 15 s; asked with another threshold there
is none. Shares are numbers from 0 to 1, means are in ms, as in answers.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from domain.times import read_date
from projections.formulas import Ratios

SERVICE_LEVEL_VARIANT = "F3"
SERVICE_LEVEL_THRESHOLD_S = 15


class Targeted(StrEnum):
    """A KPI that can have a target."""

    ANSWER_RATE = "answer_rate"
    SERVICE_LEVEL = "service_level"
    ABANDONMENT_RATE = "abandonment_rate"
    ASA_MS = "asa_ms"
    WAIT_P50_MS = "wait_p50_ms"
    WAIT_P90_MS = "wait_p90_ms"
    AHT_MS = "aht_ms"
    FIRST_AGENT_RESOLUTION = "first_agent_resolution"
    REOPEN_RATE = "reopen_rate"
    TRANSFER_RATE = "transfer_rate"
    SATISFACTION = "satisfaction"
    SCORE_MEAN = "score_mean"
    RATING_RESPONSE_RATE = "rating_response_rate"
    PRAISED_PER_1000 = "praised_per_1000"
    DELIVERED_SHARE = "delivered_share"


LESS_IS_BETTER = frozenset({
    Targeted.ABANDONMENT_RATE, Targeted.ASA_MS, Targeted.WAIT_P50_MS, Targeted.WAIT_P90_MS,
    Targeted.AHT_MS, Targeted.REOPEN_RATE, Targeted.TRANSFER_RATE,
})  # fmt: skip
"""A ratio meets the target at most; one of any other KPI at least."""

HIGHEST = {
    **dict.fromkeys(
        {Targeted.ASA_MS, Targeted.WAIT_P50_MS, Targeted.WAIT_P90_MS, Targeted.AHT_MS}, 86_400_000
    ),
    Targeted.SCORE_MEAN: 5,
    Targeted.PRAISED_PER_1000: 1_000,
}
"""The highest value that a target can have: a day, a score; 1 for a share."""


def _as_written(told: object) -> object:
    """Return a date that is written as one; pydantic takes text of seconds since 1970, too."""
    return read_date(told) if isinstance(told, str) else told


class Target(BaseModel):
    """A KPI's target, from a date in the city's zone on: a share from 0 to 1, or a mean in ms."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    kpi: Targeted
    value: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    since: Annotated[date, BeforeValidator(_as_written), Field(alias="from")]

    @model_validator(mode="after")
    def _require_possible(self) -> Self:
        highest = HIGHEST.get(self.kpi, 1)
        if self.value > highest:
            raise ValueError(f"a target of {self.kpi} is at most {highest}, not {self.value}")
        return self


def in_force(targets: Iterable[Target], day: date, threshold_s: int) -> dict[str, float]:
    """Return the values that hold on a day, by KPI, of targets that stand in order of time."""
    held = {target.kpi: target.value for target in targets if target.since <= day}
    if threshold_s != SERVICE_LEVEL_THRESHOLD_S:
        held.pop(Targeted.SERVICE_LEVEL, None)
    return {kpi.value: value for kpi, value in held.items()}


def met(targets: Mapping[str, float], ratios: Ratios) -> dict[str, bool | None]:
    """Return whether each target is met, null where the ratio is null."""
    return {kpi: _is_met(Targeted(kpi), value, ratios) for kpi, value in targets.items()}


def _is_met(kpi: Targeted, value: float, ratios: Ratios) -> bool | None:
    ratio = ratios[kpi]
    if isinstance(ratio, dict):
        ratio = ratio[SERVICE_LEVEL_VARIANT]
    if ratio is None:
        return None
    return ratio <= value if kpi in LESS_IS_BETTER else ratio >= value

"""How chance is drawn: times with a long tail, and one of several by their shares."""

from bisect import bisect
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from math import log, sqrt
from random import Random
from typing import Generic, TypeVar

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Lognormal:
    """A time of lognormal distribution, by its mean and its coefficient of variation."""

    mean_s: float
    variation: float

    def draw_ms(self, random: Random) -> int:
        """Return a time in ms."""
        variance = log(1 + self.variation**2)
        mean_log = log(self.mean_s * SECOND_MS) - variance / 2
        return round(random.lognormvariate(mean_log, sqrt(variance)))


class Shares(Generic[Value]):
    """One of several values, each with its weight; weights need not add up to 1."""

    def __init__(self, weights: Mapping[Value, float]) -> None:
        self.values = list(weights)
        self._until = list(accumulate(weights.values()))

    def draw(self, random: Random) -> Value:
        """Return a value, as often as its share says."""
        # `random()` is below 1, but its product may round up to the total.
        place = bisect(self._until, random.random() * self._until[-1])
        return self.values[min(place, len(self.values) - 1)]

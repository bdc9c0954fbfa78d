"""The history of the line from its beginning to its best known day: how many ask, day by day.

Published are 38 million inquiries from September 2007 to the end of February 2012 and 37,000 a day
at that end; 1,184 a day at the beginning and 40,700 at the peak are given as well. Between them all
is assumed, as smoothly as can be: half a cosine up to the peak, half a cosine down to the end, and
the day of the peak is what makes the sum right.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from math import cos, floor, pi, sqrt

from simulation.inputs import SATISFIED

BEGINNING, END = date(2007, 9, 1), date(2012, 2, 29)
DAYS = (END - BEGINNING).days + 1
FIRST, PEAK, LAST = 1_184, 40_700, 37_000
"""Inquiries a day."""
PEAK_AFTER_DAYS = 1_441.299
"""In August 2011: the one number that makes all the days together 38,000,000."""

SATISFIED_BEFORE = 0.416
"""Of those asked before the line existed."""

AGENTS_AT_LEAST, AGENTS_FOR_CHANCE, AGENTS_FOR_WORK = 30, 130, 364
"""524 at 37,000 inquiries. A small line needs more of them than its share of the work: somebody in
every team and shift, and what absorbs chance, which grows with the root of the work."""


class HistoryError(ValueError):
    """There is no such history; says why."""


@dataclass(frozen=True, slots=True)
class HistoryDay:
    """What is given of a day; all else is simulated."""

    date: date
    inquiries: int
    agents: int
    satisfied: float


@dataclass(frozen=True, slots=True)
class History:
    """The days from `first` to `last`, of a line `scale` times as large.

    Raises:
        HistoryError: there are no such days, or no such scale.
    """

    first: date
    last: date
    scale: float

    def __post_init__(self) -> None:
        """Refuse what nothing is known of."""
        if not BEGINNING <= self.first <= self.last <= END:
            raise HistoryError(
                f"there is no history from {self.first} to {self.last}: it begins on {BEGINNING}"
                f" and ends on {END}"
            )
        if not 0 < self.scale <= 1:
            raise HistoryError(f"a history of scale {self.scale} is none: above 0, and 1 at most")

    def days(self) -> Iterator[HistoryDay]:
        """Yield the days; those that other histories have of the same scale are the same."""
        before, all_before = 0, 0
        for number in range((self.last - BEGINNING).days + 1):
            full = inquiries(number)
            all_before += full
            upto = floor(all_before * self.scale + 0.5)
            day = BEGINNING + timedelta(days=number)
            if day >= self.first:
                asked = upto - before
                yield HistoryDay(day, asked, agents(full * self.scale), satisfied(number))
            before = upto


def inquiries(number: int) -> int:
    """Return how many ask on the day of this number, from 0 on, at full scale."""
    if number <= PEAK_AFTER_DAYS:
        return round(FIRST + (PEAK - FIRST) * _eased(number / PEAK_AFTER_DAYS))
    over = (number - PEAK_AFTER_DAYS) / (DAYS - 1 - PEAK_AFTER_DAYS)
    return round(PEAK + (LAST - PEAK) * _eased(over))


def agents(inquiries: float) -> int:
    """Return how many agents a line of so many inquiries a day has."""
    load = inquiries / LAST
    return round(AGENTS_AT_LEAST + AGENTS_FOR_CHANCE * sqrt(load) + AGENTS_FOR_WORK * load)


def satisfied(number: int) -> float:
    """Return which share of those who rate is satisfied on the day of this number.

    That of the survey before the line existed on the day before its first; it rises fast at first.
    """
    left = 1 - (number + 1) / DAYS
    return SATISFIED - (SATISFIED - SATISFIED_BEFORE) * left**2


def _eased(part: float) -> float:
    return (1 - cos(pi * part)) / 2

"""Times as text: one reading for every door, and which times can be facts.

A time is written as RFC 3339 has it, with an offset from UTC. Digits alone are no time: libraries
that take them disagree whether ``20120301`` is a day or a count of seconds.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from domain.errors import FactTimeError

RFC_3339 = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?"
    r"([Zz]|[+-][0-9]{2}:?[0-9]{2})"
)
"""The form of a time; the seconds may be left out."""

_FORM = re.compile(RFC_3339)
_LEAP_SECOND = re.compile(r"(?<=:[0-5][0-9]:)60(\.[0-9]+)?")


def read_time(text: str) -> datetime:
    """Return a time as written; what is finer than a microsecond is cut off.

    A leap second is taken as the last instant of the second before it, since neither Python nor
    PostgreSQL has a place for it.

    Raises:
        ValueError: it is not RFC 3339, or no calendar has it.
    """
    if _FORM.fullmatch(text) is None:
        raise ValueError("write a time as RFC 3339 does: 2012-02-29T09:00:04+09:00")
    return datetime.fromisoformat(_LEAP_SECOND.sub("59.999999", text).upper())


def read_date(text: str) -> date:
    """Return a date as written.

    Raises:
        ValueError: it is not YYYY-MM-DD, or no calendar has it.
    """
    if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text) is None:
        raise ValueError(f"{text!r} is not a date: write it as 2012-02-29")
    return date.fromisoformat(text)


@dataclass(frozen=True, slots=True)
class FactTimes:
    """Which times something can have happened at: from `earliest`, and until `ahead` from now.

    Clocks differ by some minutes; what lies further in the future has not happened.
    """

    earliest: datetime = datetime(1990, 1, 1, tzinfo=UTC)
    ahead: timedelta = timedelta(minutes=10)

    def require(self, at: datetime, now: datetime) -> None:
        """Refuse a time at which nothing can have happened.

        Raises:
            FactTimeError: it is too early, or too late as of `now`.
        """
        if at < self.earliest:
            raise FactTimeError(
                f"{at.isoformat()} is before {self.earliest.isoformat()}, the earliest time that"
                " is taken (DASAN_EARLIEST): is the clock of the sender set?"
            )
        if at > now + self.ahead:
            raise FactTimeError(
                f"{at.isoformat()} has not come: more than {self.ahead} ahead of"
                f" {now.isoformat()} (DASAN_CLOCK_AHEAD_S): is the clock of the sender set?"
            )

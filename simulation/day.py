"""A day of the city: when it begins and ends, and who asks when."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from simulation.chance import MINUTE_MS, Shares
from simulation.inputs import ARRIVALS_BY_HOUR

MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Day:
    """A calendar day in a zone; it has 23 or 25 hours when the clocks change."""

    date: date
    timezone: ZoneInfo

    @property
    def beginning(self) -> datetime:
        """When the day begins, in UTC."""
        return self._at(0)

    def ms(self, hour: float) -> int:
        """Return the ms from the day's beginning until the clocks show this hour.

        Hours below 0 are of the day before, from 24 of the day after.
        """
        return (self._at(hour) - self.beginning) // MILLISECOND

    def arrivals_ms(self, random: Random, inquiries: int) -> list[int]:
        """Return when as many inquiries come, in order: a Poisson process given its number."""
        weights = {
            minute_ms: ARRIVALS_BY_HOUR[self._hour(minute_ms)]
            for minute_ms in range(0, self.ms(24), MINUTE_MS)
        }
        minutes = Shares(weights)
        return sorted(minutes.draw(random) + random.randrange(MINUTE_MS) for _ in range(inquiries))

    def _at(self, hour: float) -> datetime:
        midnight = datetime.combine(self.date, datetime.min.time())
        return (midnight + timedelta(hours=hour)).replace(tzinfo=self.timezone).astimezone(UTC)

    def _hour(self, ms: int) -> int:
        return (self.beginning + ms * MILLISECOND).astimezone(self.timezone).hour

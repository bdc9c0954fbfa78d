"""The clocks of a zone: where its hours begin and end, and when its offset from UTC changes.

`city_hour` of the views' SQL is `hour_of`, on every engine.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

HOUR = timedelta(hours=1)
_SECOND = timedelta(seconds=1)
_EVERY_YEAR_ALIKE = 2040
"""Tables of zones list their changes until 2037, and have rules for what comes after."""


def hour_of(at: datetime, zone: ZoneInfo) -> datetime:
    """Return, in UTC, when the hour of `at` began by the zone's clocks.

    Two hours of one name, at the end of summer time, are two. Where the clocks changed by a part of
    an hour since it began, so that it is not a whole one, the second of `at` stands for it.
    """
    at = at.astimezone(UTC)
    begun = at - past_hour(at, zone)
    return at.replace(microsecond=0) if past_hour(begun, zone) else begun


def next_hour(at: datetime, zone: ZoneInfo) -> datetime:
    """Return, in UTC, when the hour of `at` ends by the zone's clocks.

    That is when they show a whole hour next, or when they change by a part of one before.
    """
    at = at.astimezone(UTC)
    following = at - past_hour(at, zone) + HOUR
    if past_hour(following, zone):
        return turn_between(at, following, zone)
    return following


def past_hour(at: datetime, zone: ZoneInfo) -> timedelta:
    """Return how much of an hour the zone's clocks show."""
    local = at.astimezone(zone)
    return timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)


def transitions(zone: ZoneInfo, begin: datetime, end: datetime) -> list[tuple[datetime, timedelta]]:
    """Return when the zone's offset changes, each with the offset that held until then."""
    found = []
    at = begin
    while at < end:
        following = min(at + timedelta(days=1), end)
        if offset(following, zone) != offset(at, zone):
            found.append((turn_between(at, following, zone), offset(at, zone)))
        at = following
    return found


def settled_since(zone: ZoneInfo) -> datetime | None:
    """Return, in UTC, a whole hour from which on the zone's clocks change by whole hours only.

    Null for a zone whose clocks change by parts of an hour every year.
    """
    at = since = datetime(1900, 1, 1, tzinfo=UTC)
    past = past_hour(at, zone)
    while at.year < _EVERY_YEAR_ALIKE:
        at += timedelta(days=30)
        if past_hour(at, zone) != past:
            since, past = at, past_hour(at, zone)
    return None if since.year >= _EVERY_YEAR_ALIKE - 1 else next_hour(since, zone)


def turn_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the first second with the offset that holds at `after`."""
    before, after = before.replace(microsecond=0), after.replace(microsecond=0)
    while after - before > _SECOND:
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if offset(middle, zone) == offset(before, zone):
            before = middle
        else:
            after = middle
    return after


def offset(at: datetime, zone: ZoneInfo) -> timedelta:
    """Return the zone's offset from UTC."""
    return at.astimezone(zone).utcoffset() or timedelta()

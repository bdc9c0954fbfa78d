"""As of when: a moment of the log, by its position or by the time at which it was recorded."""

from bisect import bisect_right
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import orjson
from psycopg import Connection

from eventlog.reader import head, read
from projections.question import QuestionError, instant

_DIGITS = 20
"""Of a position in a record. Of more, those are far beyond any log, too."""


class Moment(NamedTuple):
    """A position, and when its event was recorded: null before the first."""

    position: int
    recordedtime: datetime | None

    def as_json(self) -> dict[str, Any]:
        """Return the moment with the names of the API."""
        at = self.recordedtime.isoformat() if self.recordedtime else None
        return {"position": self.position, "recordedtime": at}


def position_or_time(text: str, timezone: ZoneInfo) -> int | datetime:
    """Return the position that digits are, or else the time that is written as `instant` takes it.

    Raises:
        QuestionError: it is neither.
    """
    if text.isascii() and text.isdigit():
        return int(text[:_DIGITS])
    return instant(text, timezone)


def moment_of(connection: Connection, asked: int | datetime) -> Moment:
    """Return the moment of a position, or of the last position that was recorded by a time.

    That is looked for by halves: recorded times never decrease along the log.

    Raises:
        QuestionError: the log has not come so far.
    """
    last = head(connection)
    if isinstance(asked, datetime):
        positions = range(1, last + 1)
        return moment_at(
            connection, bisect_right(positions, asked, key=lambda one: _recorded(connection, one))
        )
    if asked > last:
        raise QuestionError(f"the log has no position {asked:,} yet: its last one is {last:,}")
    return moment_at(connection, asked)


def moment_at(connection: Connection, position: int) -> Moment:
    """Return the moment of a position that the log has."""
    return Moment(position, _recorded(connection, position) if position else None)


def _recorded(connection: Connection, position: int) -> datetime:
    [stored] = read(connection, after=position - 1, limit=1)
    return datetime.fromisoformat(orjson.loads(stored.record)["recordedtime"])

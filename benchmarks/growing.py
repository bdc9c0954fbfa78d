"""A log of any size: some days of the city at full size, and the same days again, moved on.

The copies have inquiries of their own (other ids) and dates of their own; all else of a record is
as it was, so that they compress and fold like the days that follow would.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from psycopg import Connection

from benchmarks.server import Place
from eventlog.reader import head
from simulation.filling import fill
from simulation.history import History

FIRST = date(2012, 1, 1)
SEED = 120


@dataclass
class Growing:
    """A log that grows by as many events as its first days have."""

    place: Place
    days: int
    scale: float
    copies: int = 0

    def begin(self) -> int:
        """Simulate the first days; return how many events they have."""
        history = History(FIRST, FIRST + timedelta(days=self.days - 1), self.scale)
        place = self.place
        return fill(place.settings, place.database, place.keys, history, seed=SEED).events

    def grow(self, events: int, base: int) -> None:
        """Copy the first `base` events, the last time as many as it takes, to have so many."""
        with self.place.database.connect_as_owner() as owner:
            dates = _dates(owner, base)
            while (at := head(owner)) < events:
                self.copies += 1
                shift = timedelta(days=len(dates) * self.copies)
                _copy(owner, at, min(base, events - at), self.copies, dates, shift)
            owner.execute("ANALYZE log")


def _dates(owner: Connection, base: int) -> list[date]:
    """Return the days (UTC) that the times of the first events are of, the last one first."""
    rows = owner.execute(
        "SELECT DISTINCT substr(found[1], 2)::date FROM log, LATERAL regexp_matches("
        "convert_from(record, 'UTF8'), '(\"[0-9]{4}-[0-9]{2}-[0-9]{2})T', 'g') AS found"
        " WHERE position <= %s",
        [base],
    ).fetchall()
    first, last = min(rows)[0], max(rows)[0]
    return [last - timedelta(days=number) for number in range((last - first).days + 1)]


def _copy(
    owner: Connection, at: int, base: int, number: int, dates: Sequence[date], shift: timedelta
) -> None:
    # The last day first: no day is moved to one that is yet to be moved.
    moved = "convert_from(record, 'UTF8')"
    for day in dates:
        moved = f"replace({moved}, '\"{day}T', '\"{day + shift}T')"
    fresh_id = (
        "lpad(to_hex((('x' || left(stream_id::text, 8))::bit(32)::bigint # %(number)s)), 8, '0')"
        " || substr(stream_id::text, 9)"
    )
    with owner.transaction():
        owner.execute(
            "INSERT INTO log (position, stream_id, version, type, record)"  # noqa: S608 - ours
            " SELECT %(at)s + position, fresh::uuid, version, type, convert_to(replace(replace("
            f"{moved}, stream_id::text, fresh), lpad(position::text, 20, '0'),"
            " lpad((%(at)s + position)::text, 20, '0')), 'UTF8')"
            f" FROM log, LATERAL (SELECT {fresh_id} AS fresh) AS id"
            " WHERE position <= %(base)s ORDER BY position".encode(),
            {"at": at, "base": base, "number": number},
        )
        owner.execute(
            "UPDATE log_head SET position = %s, recordedtime = recordedtime + %s",
            [at + base, timedelta(days=len(dates))],
        )

"""What segments of an archive reach back into, found and handed on in two passes over it."""

from pathlib import Path
from typing import NamedTuple

from duckdb import DuckDBPyConnection

from projections.duck import parquet
from projections.runner import REACHING_BACK

REACHING = ", ".join(f"'{name.rpartition('.v')[0]}'" for name in REACHING_BACK)


class Misplaced(NamedTuple):
    """A position whose version is not the next of its stream."""

    position: int
    stream: str
    version: int
    due: int

    @property
    def reason(self) -> str:
        """Say what is wrong."""
        return f"it has version {self.version} of {self.stream}, and version {self.due} is due"


class Reach:
    """The streams of each segment, and the records of earlier segments that typing it needs.

    A first pass notes every segment's typed rows, `settle` finds which segment needs what of which,
    and a second pass hands it on: nothing is read again, however far back a segment reaches. What
    does not fit into memory is in DuckDB's temporary folder.
    """

    def __init__(self, duck: DuckDBPyConnection) -> None:
        self._duck = duck
        self._misplaced: dict[int, Misplaced] = {}
        duck.execute(
            "CREATE TEMPORARY TABLE span (segment integer, stream_id varchar,"
            " first_version integer, last_version integer, first_position bigint, reaches boolean);"
            "CREATE TEMPORARY TABLE handed (needed integer, record varchar)"
        )

    def note(self, segment: int, events: Path) -> None:
        """Note the streams of a segment, given the file of its typed rows."""
        rows = f"(SELECT * FROM {parquet(events)} WHERE NOT restated)"
        self._duck.execute(
            "INSERT INTO span SELECT ?, stream_id, min(version), max(version), min(position),"
            f" bool_or(type IN ({REACHING})) FROM {rows} GROUP BY stream_id",
            [segment],
        )
        found = self._duck.execute(
            "SELECT position, stream_id, version, due FROM ("
            "    SELECT position, stream_id, version, min(version) OVER stream"
            "        + row_number() OVER (stream ORDER BY position) - 1 AS due"
            f"    FROM {rows} WINDOW stream AS (PARTITION BY stream_id))"
            " WHERE version <> due ORDER BY position LIMIT 1"
        ).fetchone()
        if found:
            self._misplaced[segment] = Misplaced(*found)

    def settle(self) -> None:
        """Find what is to be handed on, now that every segment is noted."""
        rows = self._duck.execute(
            "SELECT segment, min((first_position, stream_id, first_version, due)) FROM ("
            "    SELECT *, 1 + coalesce(lag(last_version) OVER ("
            "        PARTITION BY stream_id ORDER BY segment), 0) AS due FROM span)"
            " WHERE first_version <> due GROUP BY segment"
        )
        for segment, found in rows.fetchall():
            misplaced = Misplaced(*found)
            self._misplaced[segment] = min(misplaced, self._misplaced.get(segment, misplaced))
        self._duck.execute(
            "CREATE TEMPORARY TABLE handing AS"
            " SELECT has.segment, has.stream_id, needs.segment AS needed"
            " FROM span has JOIN span needs ON needs.stream_id = has.stream_id"
            "     AND needs.segment > has.segment"
            " WHERE needs.reaches AND needs.first_version > 1"
            " ORDER BY has.segment"  # so that looking a segment up skips the others
        )
        self._duck.execute("DROP TABLE span")

    def misplaced(self, segment: int) -> Misplaced | None:
        """Return the first position of a segment whose version is not the next of its stream."""
        return self._misplaced.get(segment)

    def earlier(self, segment: int) -> str:
        """Return the SELECT of the records, as `record`, that were handed on to a segment."""
        return f"SELECT record FROM handed WHERE needed = {segment}"

    def hand_on(self, segment: int, records: str, events: str) -> None:
        """Hand on what later segments need of a segment, which needs nothing more itself."""
        self._duck.execute("DELETE FROM handed WHERE needed <= ?", [segment])
        self._duck.execute(
            "INSERT INTO handed SELECT needed, record"
            f" FROM handing JOIN {events} AS typed USING (stream_id)"
            f" JOIN {records} AS kept ON kept.position = typed.position"
            " WHERE segment = ? AND NOT restated",
            [segment],
        )

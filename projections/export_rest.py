"""The records of an export that no segment has: whether they stand in order."""

from pathlib import Path

from duckdb import DuckDBPyConnection

from eventlog.checkpoint import Checkpoint
from projections import archive_rows as rows
from projections.archive_rows import Fault
from projections.decoding import read_lines
from projections.duck import opened, parquet
from projections.exported import REST, Export

_FILE = "tile/entries"

_MISNUMBERED = """
SELECT position, subject, version, due FROM (
    SELECT position, subject, version, coalesce(known.version_before, 0)
        + row_number() OVER (PARTITION BY subject ORDER BY position) AS due
    FROM (SELECT position, record ->> '$.subject' AS subject,
              TRY_CAST(split_part(record ->> '$.id', '/', 2) AS integer) AS version
          FROM {records}) rest
    LEFT JOIN (SELECT stream_id, max(version) AS version_before FROM {events}
               WHERE NOT restated GROUP BY stream_id) known ON known.stream_id = rest.subject)
WHERE version IS DISTINCT FROM due ORDER BY position LIMIT 1"""


def wrong_rest(export: Export, checkpoint: Checkpoint, folder: Path) -> Fault | None:
    """Return the first record behind the segments that is of another place, log or time.

    `folder` has the copies of the segments' files that were verified, and those records.
    """
    if export.archived >= checkpoint.size:
        return None
    with opened() as duck:
        _relate(duck, folder / REST, export.archived)
        since = _recorded_before(duck, export, folder)
        first = export.archived + 1
        return rows.misplaced_record(duck, _FILE, first, checkpoint.origin, since) or _misnumbered(
            duck, export, folder
        )


def _relate(duck: DuckDBPyConnection, lines: Path, begin: int) -> None:
    duck.execute(
        f"CREATE TEMPORARY TABLE {rows.RECORDS} AS"
        f" SELECT {begin} + row + 1 AS position, record, row"
        " FROM (SELECT CAST(record AS varchar) AS record, row_number() OVER () - 1 AS row"
        f" FROM ({read_lines(lines)}))"
    )


def _recorded_before(duck: DuckDBPyConnection, export: Export, folder: Path) -> str:
    """Return the recorded time of the last record of the segments."""
    if not export.segments:
        return ""
    last = export.segments[-1]
    [[found]] = duck.execute(
        f"SELECT record ->> '$.recordedtime' FROM {parquet(folder / last.records.name)}"
        f" WHERE position = {last.last}"
    ).fetchall()
    return str(found)


def _misnumbered(duck: DuckDBPyConnection, export: Export, folder: Path) -> Fault | None:
    paths = [folder / one.events.name for one in export.segments]
    events = (
        parquet(*paths) if paths else "(SELECT '' AS stream_id, 0 AS version, true AS restated)"
    )
    row = duck.execute(_MISNUMBERED.format(records=rows.RECORDS, events=events)).fetchone()
    if row is None:
        return None
    position, subject, version, due = row
    return Fault(_FILE, position, f"it has version {version} of {subject}, and {due} is due")

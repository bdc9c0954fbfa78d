"""The records of an export that no segment has: whether they stand in order."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from duckdb import DuckDBPyConnection

from eventlog.checkpoint import Checkpoint
from projections import archive_rows as rows
from projections.archive_rows import Fault
from projections.decoding import quoted, read_lines, write_lines
from projections.duck import opened
from projections.exported import Export

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


def wrong_rest(export: Export, checkpoint: Checkpoint) -> Fault | None:
    """Return the first record behind the segments that is of another place, log or time.

    Raises:
        ExportError: a bundle is missing or broken.
    """
    if export.archived >= checkpoint.size:
        return None
    with TemporaryDirectory(prefix="dasan-verifying-") as folder, opened() as duck:
        _relate(duck, export.rest(checkpoint.size), export.archived, Path(folder))
        since = _recorded_before(duck, export)
        first = export.archived + 1
        return rows.misplaced_record(duck, _FILE, first, checkpoint.origin, since) or _misnumbered(
            duck, export
        )


def _relate(duck: DuckDBPyConnection, records: Iterator[bytes], begin: int, folder: Path) -> None:
    lines = folder / "rest.ndjson"
    write_lines(lines, records)
    duck.execute(
        f"CREATE TEMPORARY TABLE {rows.RECORDS} AS"
        f" SELECT {begin} + row + 1 AS position, record, row"
        " FROM (SELECT CAST(record AS varchar) AS record, row_number() OVER () - 1 AS row"
        f" FROM ({read_lines(lines)}))"
    )


def _recorded_before(duck: DuckDBPyConnection, export: Export) -> str:
    """Return the recorded time of the last record of the segments."""
    if not export.segments:
        return ""
    last = export.segments[-1]
    path = quoted(export.folder / "archive" / last.records.name)
    [[found]] = duck.execute(
        f"SELECT record ->> '$.recordedtime' FROM read_parquet({path}) WHERE position = {last.last}"
    ).fetchall()
    return str(found)


def _misnumbered(duck: DuckDBPyConnection, export: Export) -> Fault | None:
    paths = [str(export.folder / "archive" / one.events.name) for one in export.segments]
    events = (
        f"read_parquet({paths})"
        if paths
        else "(SELECT '' AS stream_id, 0 AS version, true AS restated)"
    )
    row = duck.execute(_MISNUMBERED.format(records=rows.RECORDS, events=events)).fetchone()
    if row is None:
        return None
    position, subject, version, due = row
    return Fault(_FILE, position, f"it has version {version} of {subject}, and {due} is due")

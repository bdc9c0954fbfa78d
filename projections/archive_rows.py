"""A segment's two files as relations on DuckDB, and the first record that is out of its place."""

from pathlib import Path
from typing import NamedTuple

import duckdb
from duckdb import DuckDBPyConnection

from eventlog.manifest import FileEntry, Manifest
from eventlog.record import MAX_RECORD_BYTES
from projections.duck import parquet, quoted

RECORDS, EVENTS = "sealed_records", "sealed_events"
"""The relations of a segment: the rows of its files."""

Columns = list[tuple[str, str]]
RECORD_COLUMNS: Columns = [("position", "BIGINT"), ("record", "VARCHAR")]

_SAID = """'{"sequence": "VARCHAR", "source": "VARCHAR", "recordedtime": "VARCHAR"}'"""


# No row has more than the record that it is made of. A file of few bytes may say otherwise.
_SWOLLEN = f"""
SELECT any_value(path_in_schema) FROM parquet_metadata({{file}})
WHERE total_uncompressed_size > 65_536 + {MAX_RECORD_BYTES} * row_group_num_rows"""


class Fault(NamedTuple):
    """What is wrong first: in which file, at which position if it is one, and what."""

    file: str
    position: int | None
    reason: str

    def __str__(self) -> str:
        place = "" if self.position is None else f" position {self.position:,}:"
        return f"{self.file}:{place} {self.reason}"


def unreadable(
    duck: DuckDBPyConnection, path: Path, entry: FileEntry, columns: Columns
) -> Fault | None:
    """Return what is wrong with a file as a table: no Parquet, other columns, other rows."""
    relation = parquet(path)
    try:
        found = columns_of(duck, relation)
        [[rows]] = duck.execute(f"SELECT count(*) FROM {relation}").fetchall()
        [[swollen]] = duck.execute(_SWOLLEN.format(file=quoted(path))).fetchall()
    except duckdb.Error as error:
        reason = str(error).partition("\n")[0]
        return Fault(entry.name, None, f"it cannot be read: {reason}")
    for one, due in zip([*found, None], [*columns, None], strict=False):
        if one != due:
            return Fault(
                entry.name, None, f"it has the column {_named(one)} where {_named(due)} is due"
            )
    if rows != entry.rows:
        return Fault(entry.name, None, f"it has {rows:,} rows, and {entry.rows:,} are due")
    if swollen:
        reason = f"its {swollen} takes more than {MAX_RECORD_BYTES:,} bytes a row"
        return Fault(entry.name, None, reason)
    return None


def relate_records(duck: DuckDBPyConnection, path: Path, entry: FileEntry) -> Fault | None:
    """Load a segment's records as the relation of them, or return why they cannot be.

    Loaded whole, they are what is in the file, whatever the file says of its parts.
    """
    return _load(
        duck,
        RECORDS,
        f"SELECT position, record, row_number() OVER () - 1 AS row FROM {parquet(path)}"
        f" WHERE strlen(coalesce(record, '')) <= {MAX_RECORD_BYTES}",
        entry,
    )


def relate_events(duck: DuckDBPyConnection, path: Path, entry: FileEntry) -> Fault | None:
    """Load a segment's typed rows as the relation of them, or return why they cannot be."""
    return _load(duck, EVENTS, f"SELECT * FROM {parquet(path)}", entry)


def _load(duck: DuckDBPyConnection, relation: str, select: str, entry: FileEntry) -> Fault | None:
    try:
        duck.execute(f"CREATE OR REPLACE TABLE {relation} AS {select}")
        [[rows]] = duck.execute(f"SELECT count(*) FROM {relation}").fetchall()
    except duckdb.Error as error:
        reason = str(error).partition("\n")[0]
        return Fault(entry.name, None, f"its rows cannot be read: {reason}")
    if rows != entry.rows:
        reason = f"{entry.rows - rows:,} of its records have more than {MAX_RECORD_BYTES:,} bytes"
        return Fault(entry.name, None, reason)
    return None


def misplaced_record(
    duck: DuckDBPyConnection, file: str, first: int, source: str, since: str
) -> Fault | None:
    """Return the first record that is of another place, log or time than it should be.

    `first` is the position of the first one, `since` the recorded time of the one before it.
    """
    row = duck.execute(
        f"SELECT due, position, said.sequence, said.source, said.recordedtime, before FROM ("
        "    SELECT *, lag(said.recordedtime, 1, $since) OVER () AS before FROM ("
        f"       SELECT position, $first + row AS due, TRY(from_json(record, {_SAID})) AS said"
        f"       FROM {RECORDS}))"
        " WHERE position IS DISTINCT FROM due"
        "     OR said.sequence IS DISTINCT FROM printf('%020d', due)"
        "     OR said.source IS DISTINCT FROM $source"
        "     OR coalesce(said.recordedtime < before, true)"
        " ORDER BY due LIMIT 1",
        {"since": since, "first": first, "source": source},
    ).fetchone()
    if row is None:
        return None
    due, position, sequence, its_source, recordedtime, before = row
    if position != due:
        reason = f"position {position} stands there"
    elif sequence != f"{due:020}":
        reason = f"its record has the sequence {sequence!r:.80}, not '{due:020}'"
    elif its_source != source:
        reason = f"its record has the source {its_source!r:.80}, not {source!r}"
    else:
        reason = (
            f"its record has the recordedtime {recordedtime!r:.80}, and the record before it"
            f" {before!r:.80}"
        )
    return Fault(file, due, reason)


def last_recordedtime(duck: DuckDBPyConnection, segment: Manifest) -> str:
    """Return when the log took the segment's last record, as the record says."""
    [[found]] = duck.execute(
        f"SELECT record ->> '$.recordedtime' FROM {RECORDS} WHERE position = {segment.last}"
    ).fetchall()
    return str(found)


def columns_of(duck: DuckDBPyConnection, relation: str) -> Columns:
    """Return the columns of a relation and their types."""
    return [
        (name, type_) for name, type_, *_ in duck.execute(f"DESCRIBE FROM {relation}").fetchall()
    ]


def _named(column: tuple[str, str] | None) -> str:
    return " ".join(column) if column else "none"

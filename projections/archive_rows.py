"""A segment's two files as relations on DuckDB, and the first of their rows that is wrong."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
from duckdb import DuckDBPyConnection

from eventlog.manifest import FileEntry, Manifest
from projections.archive_reach import Misplaced
from projections.decoding import DecodingError, quoted, type_relations

RECORDS, EVENTS, TYPED = "sealed_records", "sealed_events", "typed"
"""The relations of a segment: the rows of its files, and its records typed again."""

Columns = list[tuple[str, str]]
RECORD_COLUMNS: Columns = [("position", "BIGINT"), ("record", "VARCHAR")]

KEY = ("position", "restated", "version", "type", "sign")
"""Of the typed rows: no two have the same."""

DERIVED = {"sign", "queue", "enqueued_at", "of_time", "of_agent", "first_entered_at"}
"""Columns of an event's own row that hold what other records say."""

_SAID = """'{"sequence": "VARCHAR", "source": "VARCHAR", "recordedtime": "VARCHAR"}'"""


class Fault(NamedTuple):
    """What is wrong first: in which file, at which position if it is one, and what."""

    file: str
    position: int | None
    reason: str

    def __str__(self) -> str:
        place = "" if self.position is None else f" position {self.position:,}:"
        return f"{self.file}:{place} {self.reason}"


def event_columns(duck: DuckDBPyConnection) -> Columns:
    """Return the typed columns and their types, as this version makes them."""
    for name in ("fresh", "earlier"):
        duck.execute(f"CREATE OR REPLACE TEMPORARY VIEW {name} AS SELECT '' AS record LIMIT 0")
    type_relations(duck, TYPED)
    columns = _columns(duck, TYPED)
    duck.execute(f"DROP TABLE {TYPED}")
    return columns


def unreadable(
    duck: DuckDBPyConnection, path: Path, entry: FileEntry, columns: Columns
) -> Fault | None:
    """Return what is wrong with a file as a table: no Parquet, other columns, other rows."""
    relation = f"read_parquet({quoted(path)})"
    try:
        found = _columns(duck, relation)
        [[rows]] = duck.execute(f"SELECT count(*) FROM {relation}").fetchall()
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
    return None


def broken(duck: DuckDBPyConnection, path: Path, entry: FileEntry) -> Fault | None:
    """Return what is wrong with a file whose rows cannot be read."""
    try:
        duck.execute(f"SELECT max(hash(COLUMNS(*))) FROM read_parquet({quoted(path)})")
    except duckdb.Error as error:
        reason = str(error).partition("\n")[0]
        return Fault(entry.name, None, f"its rows cannot be read: {reason}")
    return None


def relate(duck: DuckDBPyConnection, records: Path, events: Path) -> None:
    """Define the relations of a segment's files."""
    duck.execute(
        f"CREATE OR REPLACE TEMPORARY VIEW {RECORDS} AS SELECT position, record,"
        f" file_row_number AS row FROM read_parquet({quoted(records)}, file_row_number = true)"
    )
    duck.execute(
        f"CREATE OR REPLACE TEMPORARY VIEW {EVENTS} AS SELECT * FROM read_parquet({quoted(events)})"
    )


def misplaced_record(duck: DuckDBPyConnection, segment: Manifest, since: str) -> Fault | None:
    """Return the first record that is of another place, log or time than it should be.

    `since` is the recorded time of the record before the segment.
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
        {"since": since, "first": segment.first, "source": segment.source},
    ).fetchone()
    if row is None:
        return None
    due, position, sequence, source, recordedtime, before = row
    if position != due:
        reason = f"position {position} stands there"
    elif sequence != f"{due:020}":
        reason = f"its record has the sequence {sequence!r:.80}, not '{due:020}'"
    elif source != segment.source:
        reason = f"its record has the source {source!r:.80}, not {segment.source!r}"
    else:
        reason = (
            f"its record has the recordedtime {recordedtime!r:.80}, and the record before it"
            f" {before!r:.80}"
        )
    return Fault(segment.records.name, due, reason)


def last_recordedtime(duck: DuckDBPyConnection, segment: Manifest) -> str:
    """Return when the log took the segment's last record, as the record says."""
    [[found]] = duck.execute(
        f"SELECT record ->> '$.recordedtime' FROM {RECORDS} WHERE position = {segment.last}"
    ).fetchall()
    return str(found)


def type_again(duck: DuckDBPyConnection, segment: Manifest, earlier: str) -> Fault | None:
    """Type the segment's records, given the SELECT of those that they reach back into.

    Returns the first record that cannot be typed.

    Raises:
        UnknownTypeError: this version does not know its type.
    """
    try:
        _type(duck, f"SELECT record FROM {RECORDS}", earlier)
    except DecodingError as error:
        return Fault(segment.records.name, _untypable(duck, segment), str(error))
    return None


def _type(duck: DuckDBPyConnection, fresh: str, earlier: str) -> None:
    duck.execute(f"DROP TABLE IF EXISTS {TYPED}")
    duck.execute(f"CREATE OR REPLACE TEMPORARY VIEW fresh AS {fresh}")
    duck.execute(f"CREATE OR REPLACE TEMPORARY VIEW earlier AS {earlier}")
    type_relations(duck, TYPED)


def _untypable(duck: DuckDBPyConnection, segment: Manifest) -> int:
    """Return the first position whose record cannot be typed, by halves of what has it."""
    begin, end = segment.first, segment.last
    while begin < end:
        middle = (begin + end) // 2
        try:
            _type(
                duck,
                f"SELECT record FROM {RECORDS} WHERE position BETWEEN {begin} AND {middle}",
                "SELECT '' AS record LIMIT 0",
            )
        except DecodingError:
            end = middle
        else:
            begin = middle + 1
    return begin


def wrong_row(
    duck: DuckDBPyConnection, segment: Manifest, columns: Columns, misplaced: Misplaced | None
) -> Fault | None:
    """Return the first typed row that is not what typing its record again makes.

    `misplaced` is the first whose version is not the next of its stream.
    """
    names = [name for name, _ in columns]
    found = _first_difference(duck, KEY, names, "true")
    # What a row says of its own event comes first: versions and other rows may differ for its sake.
    said = [name for name in names if name not in DERIVED]
    if found and (own := _first_difference(duck, ("position",), said, "NOT restated")):
        return _described(segment, own)
    if disordered := _disordered_row(duck, segment):
        return disordered
    if misplaced:
        return Fault(segment.records.name, misplaced.position, misplaced.reason)
    if found:
        own = _first_difference(duck, ("position",), names, "NOT restated")
        return _described(segment, own or found)
    return None


class _Difference(NamedTuple):
    """A row as it is kept and as it is typed again, with nulls only where there is none."""

    position: int
    kept: dict[str, Any]
    typed: dict[str, Any]


def _first_difference(
    duck: DuckDBPyConnection, key: Sequence[str], columns: Sequence[str], where: str
) -> _Difference | None:
    same = " AND ".join(f"typed.{name} = kept.{name}" for name in key)
    differs = " OR ".join(f"typed.{name} IS DISTINCT FROM kept.{name}" for name in columns)
    row = duck.execute(
        f"SELECT coalesce(typed.position, kept.position) AS place, kept, typed"
        f" FROM (SELECT {', '.join(columns)} FROM {EVENTS} WHERE {where}) AS kept"
        f" FULL JOIN (SELECT {', '.join(columns)} FROM {TYPED} WHERE {where}) AS typed ON {same}"
        f" WHERE {differs} ORDER BY place, {', '.join(f'typed.{name}' for name in key)} LIMIT 1"
    ).fetchone()
    return None if row is None else _Difference(*row)


def _described(segment: Manifest, found: _Difference) -> Fault:
    kept, typed = found.kept, found.typed
    if not any(value is not None for value in kept.values()):
        reason = f"the row {_shown(typed)} is missing"
    elif not any(value is not None for value in typed.values()):
        reason = f"there is a row {_shown(kept)} that no record makes"
    else:
        name = next(name for name in typed if typed[name] != kept[name])
        reason = f"{name} is {kept[name]!r:.80}, and the records make it {typed[name]!r:.80}"
    return Fault(segment.events.name, found.position, reason)


def _shown(row: dict[str, Any]) -> str:
    return ", ".join(f"{name} {row[name]}" for name in KEY if name in row)


def _disordered_row(duck: DuckDBPyConnection, segment: Manifest) -> Fault | None:
    key = f"row({', '.join(KEY)})"
    row = duck.execute(
        f"SELECT position FROM (SELECT position, {key} AS key, lag({key}) OVER () AS before"
        f" FROM {EVENTS}) WHERE key <= before ORDER BY position LIMIT 1"
    ).fetchone()
    if row is None:
        return None
    return Fault(segment.events.name, row[0], "its row is there twice, or not in order")


def _columns(duck: DuckDBPyConnection, relation: str) -> Columns:
    return [
        (name, type_) for name, type_, *_ in duck.execute(f"DESCRIBE FROM {relation}").fetchall()
    ]


def _named(column: tuple[str, str] | None) -> str:
    return " ".join(column) if column else "none"

"""Typing a segment's records again, and the first typed row that is not what comes of it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from duckdb import DuckDBPyConnection

from eventlog.manifest import Manifest
from projections.archive_reach import Misplaced
from projections.archive_rows import EVENTS, RECORDS, Columns, Fault, columns_of
from projections.decoding import DecodingError, type_relations

TYPED = "typed"
"""The relation of a segment's records typed again."""

KEY = ("position", "restated", "version", "type", "sign")
"""Of the typed rows: no two have the same."""

DERIVED = {"sign", "queue", "enqueued_at", "of_time", "of_agent", "first_entered_at"}
"""Columns of an event's own row that hold what other records say."""

_NONE = "SELECT '' AS record LIMIT 0"


def event_columns(duck: DuckDBPyConnection) -> Columns:
    """Return the typed columns and their types, as this version makes them."""
    _type(duck, _NONE, _NONE)
    return columns_of(duck, TYPED)


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
                _NONE,
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

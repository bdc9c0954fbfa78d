"""What a Parquet file says of its parts, by which engines skip some: whether the rows bear it out.

An engine that looks for some rows reads the smallest and the largest value of a column in each part
of the file, or a Bloom filter, and skips what cannot have them. True rows behind a false smallest
value are not found: a file of true rows can make false statistics.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from eventlog.manifest import FileEntry, entry_of
from projections.archive_rows import columns_of
from projections.duck import literal, quoted

_PARTS = """
SELECT row_group_id AS number, any_value(row_group_num_rows) AS rows, list({{
    'name': path_in_schema, 'values': num_values, 'nulls': stats_null_count,
    'smallest': coalesce(stats_min_value, stats_min),
    'largest': coalesce(stats_max_value, stats_max),
    'filter': bloom_filter_offset, 'filter_bytes': bloom_filter_length,
    'is_indexed': coalesce(column_index_offset, offset_index_offset) IS NOT NULL
}} ORDER BY column_id) AS columns
FROM parquet_metadata({file}) GROUP BY ALL ORDER BY number"""

_SCHEMA = """
SELECT name, type, type_length, repetition_type, num_children, converted_type, scale, precision,
    logical_type FROM parquet_schema({file})"""

_Column = dict[str, Any]


def is_same(path: Path, entry: FileEntry) -> bool:
    """Return whether a file is, byte for byte, the one of an entry."""
    found = entry_of(path, rows=entry.rows)
    return (found.bytes, found.sha256) == (entry.bytes, entry.sha256)


def said_wrongly(
    duck: DuckDBPyConnection, path: Path, relation: str, again: Path | None = None
) -> str | None:
    """Return what a file says of a part of it that its rows, loaded as `relation`, do not bear out.

    `again` is a file of the same rows that we have made: its Bloom filters are the right ones, and
    its columns are rightly described.
    """
    try:
        return _said_wrongly(duck, path, relation, again)
    except duckdb.Error as error:
        return f"what it says of its parts cannot be read: {str(error).partition(chr(10))[0]}"


def _said_wrongly(
    duck: DuckDBPyConnection, path: Path, relation: str, again: Path | None
) -> str | None:
    if duck.execute(f"SELECT 1 FROM parquet_kv_metadata({quoted(path)})").fetchone():
        return "it says more of itself than this program writes, which readers may go by"
    if again and _schema(duck, path) != _schema(duck, again):
        return "its columns are described otherwise than this program describes them"
    filters = _filters(duck, again) if again else {}
    begin = 0
    for number, rows, columns in _parts(duck, path):
        wrong = _unborne(duck, relation, columns, begin, rows)
        for column, is_wrong in zip(columns, wrong, strict=True):
            said = f"of the rows {begin + 1:,} to {begin + rows:,} it says of {column['name']}"
            if is_wrong or column["is_indexed"]:
                return (
                    f"{said} what the rows do not bear out (from {column['smallest']!r:.80} to"
                    f" {column['largest']!r:.80}, nulls {column['nulls']}): who looks for some"
                    " rows would miss some"
                )
            if column["filter"] is not None and (
                _filter(path, column) != filters.get((number, column["name"]))
            ):
                return f"{said} by a Bloom filter what its values do not make"
        begin += rows
    return None


def _unborne(
    duck: DuckDBPyConnection, relation: str, columns: Sequence[_Column], begin: int, rows: int
) -> Sequence[bool]:
    """Return of each column whether what a part says of it is not so."""
    types = dict(columns_of(duck, relation))
    checks = []
    for column in columns:
        name, _, element = column["name"].partition(", ")
        type_ = types[name].removesuffix("[]") if element else types[name]
        least, most = (f"list_min({name})", f"list_max({name})") if element else (name, name)
        smallest, largest = (_said(column[which], type_) for which in ("smallest", "largest"))
        check = f"coalesce(min({least}) < {smallest} OR max({most}) > {largest}, false)"
        if not element:  # of a list, its elements are counted, and there is no row without a list
            nulls = _said(column["nulls"], "BIGINT")
            check += f" OR count(*) <> {column['values']}"
            check += f" OR coalesce(count(*) - count({name}) <> {nulls}, false)"
        checks.append(check)
    found = duck.execute(
        f"SELECT {', '.join(checks)} FROM {relation}"
        f" WHERE rowid >= {begin} AND rowid < {begin + rows}"
    ).fetchone()
    return found or ()


def _said(value: object, type_: str) -> str:
    """Return a value that a part says, as SQL has it."""
    if value is None:
        return "NULL"
    return f"CAST({literal(str(value))} AS {type_})"


def _schema(duck: DuckDBPyConnection, path: Path) -> list[tuple[Any, ...]]:
    return duck.execute(_SCHEMA.format(file=quoted(path))).fetchall()


def _parts(duck: DuckDBPyConnection, path: Path) -> list[tuple[int, int, list[_Column]]]:
    return duck.execute(_PARTS.format(file=quoted(path))).fetchall()


def _filters(duck: DuckDBPyConnection, path: Path) -> dict[tuple[int, str], bytes]:
    return {
        (number, column["name"]): _filter(path, column)
        for number, _, columns in _parts(duck, path)
        for column in columns
        if column["filter"] is not None
    }


def _filter(path: Path, column: _Column) -> bytes:
    with path.open("rb") as file:
        file.seek(column["filter"])
        return file.read(column["filter_bytes"] or 0)

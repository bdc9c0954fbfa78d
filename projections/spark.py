"""Spark as an engine of the views: the history as its relation `events`, and the folds over it."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from duckdb import DuckDBPyConnection

from projections.dialects import for_spark
from projections.digest import Layout
from projections.folding import Rows, read_chunks, write
from projections.history import History
from projections.spark_session import EngineError
from projections.views import View

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def relate(spark: "SparkSession", history: History, timezone: str) -> None:
    """Define the relation `events`, and what the views' SQL says of its times."""
    spark.read.parquet(*map(_place, history.files)).createOrReplaceTempView("events")
    for name, kind, value in (
        ("city_day", "DATE", f"CAST(from_utc_timestamp(t, '{timezone}') AS DATE)"),
        (
            "past_hour",
            "BIGINT",
            f"pmod(unix_micros(from_utc_timestamp(t, '{timezone}')), 3600000000)",
        ),
        ("hour_begun", "TIMESTAMP", "timestamp_micros(unix_micros(t) - past_hour(t))"),
        (
            "city_hour",
            "TIMESTAMP",
            "CASE WHEN past_hour(hour_begun(t)) = 0 THEN hour_begun(t)"
            " ELSE date_trunc('SECOND', t) END",
        ),
    ):
        spark.sql(
            f"CREATE OR REPLACE TEMPORARY FUNCTION {name}(t TIMESTAMP) RETURNS {kind}"
            f" RETURN {value}"
        )


@contextmanager
def on_spark(
    spark: "SparkSession",
    duck: DuckDBPyConnection,
    view: View,
    layouts: Mapping[str, Layout],
    folder: Path,
) -> Iterator[Rows]:
    """Fold the relation `events` of a session; DuckDB puts rows in order and writes them.

    Spark writes them into `folder`: the machines of a cluster must share it.
    """
    for name, select in view.gathers.items():
        # No more than a name: of what a table does not ask for, nothing is computed.
        spark.sql(for_spark(select)).createOrReplaceTempView(name)

    def rows(table: str) -> Iterator[bytes]:
        written, path = folder / table, folder / f"{table}.copy"
        relation = f"read_parquet('{written}/*.parquet')"
        count = _write(spark, for_spark(view.folds[table]), written)
        _require_all(duck, relation, written, count)
        write(duck, relation, view.says.get(table, "true"), layouts[table], path)
        shutil.rmtree(written)
        yield from read_chunks(path)
        path.unlink()

    yield rows


def _write(spark: "SparkSession", select: str, folder: Path) -> int:
    """Write the rows of a SELECT into a folder, and return how many there were."""
    from pyspark.sql import Observation, functions  # noqa: PLC0415 - an extra

    seen = Observation("seen")
    counting = functions.count(functions.lit(1)).alias("rows")
    spark.sql(select).observe(seen, counting).write.parquet(_place(folder))
    return int(seen.get["rows"])


def _require_all(duck: DuckDBPyConnection, relation: str, folder: Path, count: int) -> None:
    """Fail where rows are missing: each machine of a cluster wrote to a folder of its own."""
    found = 0
    if any(folder.glob("*.parquet")):
        [(found,)] = duck.execute(f"SELECT count(*) FROM {relation}").fetchall()
    if found != count:
        raise EngineError(
            f"Spark wrote {count:,} rows to {folder}, and {found:,} are there: set TMPDIR to a"
            " folder that all machines of the cluster share"
        )


def _place(path: Path) -> str:
    """Return how Spark names a file or folder."""
    return f"file://{path.absolute()}"

"""The views of a log as each engine folds them, by the digest of what it yields."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from duckdb import DuckDBPyConnection
from psycopg import Connection

from projections.decoding import type_log
from projections.digest import framed, layouts
from projections.duck import opened
from projections.folding import Rows, on_duckdb
from projections.history import History, relate
from projections.spark import on_spark
from projections.spark import relate as relate_on_spark
from projections.views import View, view
from tests.projections.city import VIEWS, City

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SEOUL = "Asia/Seoul"


@contextmanager
def typed(city: City, cuts: Sequence[int], begin: int = 0) -> Iterator["Typed"]:
    """Yield the log's history after `begin`, typed in the ranges between the cuts."""
    with opened() as duck, TemporaryDirectory(prefix="dasan-test-") as name:
        files = []
        ends = [*sorted({cut for cut in cuts if begin < cut < city.position}), city.position]
        for first, end in zip([begin, *ends], ends, strict=False):
            files.append(Path(name) / f"{end:020}.parquet")
            type_log(duck, city.connection, first, end, "typed")
            duck.execute(f"COPY typed TO '{files[-1]}' (FORMAT parquet)")
            duck.execute("DROP TABLE typed")
        yield Typed(city.connection, duck, History(files, 0, city.position), Path(name))


class Typed:
    """A history in files, and who can fold it."""

    def __init__(
        self, connection: Connection, duck: DuckDBPyConnection, history: History, folder: Path
    ) -> None:
        self._duck = duck
        self._history = history
        self._folder = folder
        self._layouts = {name: layouts(connection, name) for name in VIEWS}

    def on_duckdb(self, *names: str, zone: str = SEOUL) -> dict[str, str]:
        """Return the digest of each view that is named, or of all."""
        relate(self._duck, self._history, zone)
        return {name: _digest(view(name), self._folding(name, None)) for name in names or VIEWS}

    def on_spark(self, spark: "SparkSession") -> dict[str, str]:
        """Return the digest of each view."""
        self.relate_on_spark(spark, SEOUL)
        return {name: _digest(view(name), self._folding(name, spark)) for name in VIEWS}

    def relate_on_spark(self, spark: "SparkSession", zone: str) -> None:
        """Define what the views' SQL speaks of, with the buckets of a zone."""
        relate_on_spark(spark, self._history, zone)

    def table_on_spark(self, spark: "SparkSession", table: str, zone: str) -> bytes:
        """Return the rows of a table of the KPI view."""
        self.relate_on_spark(spark, zone)
        with self._folding("kpi", spark) as rows:
            return b"".join(rows(table))

    def _folding(self, name: str, spark: "SparkSession | None") -> AbstractContextManager[Rows]:
        laid = self._layouts[name]
        if spark:
            return on_spark(spark, self._duck, view(name), laid, self._folder)
        return on_duckdb(self._duck, view(name), laid, self._folder)


def _digest(of: View, folding: AbstractContextManager[Rows]) -> str:
    summed = hashlib.sha256()
    with folding as rows:
        for table in of.table_names:
            for chunk in framed(table, rows(table)):
                summed.update(chunk)
    return summed.hexdigest()

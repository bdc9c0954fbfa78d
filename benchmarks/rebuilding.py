"""`make bench-rebuild`: sealing and folding a history of millions of events, at several sizes.

Beside each figure stands what bounds it: the same SELECTs run by DuckDB as it comes, on the same
files; a bare COPY of the log out of PostgreSQL; a COPY in of the rows that a rebuild loads; the
library's own runner.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
from psycopg import Connection, sql

from benchmarks.callers import Measured, Run
from benchmarks.catching_up import LibraryCounter
from benchmarks.figures import Figure, Ratio, measured_on, table
from benchmarks.growing import Growing
from benchmarks.progress import progress
from benchmarks.proving import SIGNER, VERIFYING, verified
from benchmarks.server import Bench, Place, bench
from eventlog.archive import SEGMENT_EVENTS, Archive
from eventlog.growing import caught_up
from eventlog.reader import head
from projections import runner, shadow, spark
from projections.archive_checking import verify
from projections.decoding import records
from projections.digest import Layout, layouts
from projections.duck import name_buckets, opened
from projections.exported import Export
from projections.exporting import export
from projections.folding import Rows, on_duckdb, on_postgres
from projections.history import gather, relate
from projections.sealing import seal
from projections.spark_session import started
from projections.views import View, drop, view

MILLION = 1_000_000
EXTRAPOLATED = 150
"""Millions of events: what a city like Seoul has after four and a half years."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The sizes of the log in segments, the days that it is copied from, and the runs of the KPI.

    Whole segments, so that an archive has all of the log. `others` are the views that are folded
    once, beside the KPI.
    """

    segments: tuple[int, int, int]
    segment: int
    days: int
    scale: float
    rounds: int
    library_events: int
    others: tuple[str, ...]
    with_spark: bool

    @property
    def names(self) -> list[str]:
        return [f"{segments * self.segment / MILLION:.3g} M" for segments in self.segments]


FULL = Scale((4, 16, 38), SEGMENT_EVENTS, days=4, scale=1, rounds=3, library_events=6_000,
    others=("inquiries", "audit", "praise"), with_spark=True,
)  # fmt: skip
QUICK = Scale((4, 8, 12), 128, days=1, scale=0.001, rounds=1, library_events=300,
    others=(), with_spark=False,
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rebuilding", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run; its figures say nothing")
    scale = QUICK if parser.parse_args().quick else FULL
    with bench() as place, TemporaryDirectory(prefix="dasan-bench-archive-") as folder:
        log = place.log("history")
        runner.prepare(log.database, log.settings.timezone)
        measuring = Measuring(place, log, Path(folder), scale)
        told = 0
        with progress() as show:
            for figures in measuring.measure(show):  # told at once: a break-off loses none
                for figure in figures[told:]:
                    print(figure.as_json(), flush=True)
                told = len(figures)
        postgresql = place.ask("SHOW server_version")
    figures = measuring.figures
    print("", table(figures, ratios(scale)), "", sep="\n")
    print(extrapolated(figures, scale), measured_on(postgresql), sep="\n")


def ratios(scale: Scale) -> list[Ratio]:
    small, *_, large = scale.names
    found = []
    for size in scale.names:
        found += [
            Ratio(f"fold kpi, {size}", f"fold kpi, {size}", aim=6_000_000),
            *(
                Ratio(f"{of} / bare DuckDB, {size}", f"fold {of}, {size}",
                      f"bare DuckDB {of}, {size}", aim=0.7)
                for of in ("kpi", *scale.others)
            ),
            Ratio(f"rebuild kpi / fold and COPY in, {size}", f"rebuild kpi, {size}",
                  f"fold and COPY in of kpi, {size}", most=1.3),
            Ratio(f"peak memory of rebuild kpi, {size}", f"peak memory of rebuild kpi, {size}",
                  most=1_500),
        ]  # fmt: skip
    return [
        *found,
        Ratio(VERIFYING, f"{VERIFYING}, {scale.names[1]}", aim=500_000),
        Ratio(f"seal, {large}", f"seal, {large}", aim=200_000),
        Ratio("fold kpi from the log alone", f"fold kpi from the log alone, {small}", aim=60_000),
        Ratio("fold kpi / library ProjectionRunner", f"fold kpi, {large}", LIBRARY),
        Ratio(f"cost of an event, {large} / {small}", f"fold kpi, {small}", f"fold kpi, {large}",
              most=1.2),
    ]  # fmt: skip


LIBRARY = "library ProjectionRunner, one counter"


def extrapolated(figures: Sequence[Figure], scale: Scale) -> str:
    """Say what the two largest sizes let expect of the whole history."""
    *_, middle, large = (segments * scale.segment / MILLION for segments in scale.segments)
    seconds = {figure.case: figure.value for figure in figures}
    one, other = (seconds[f"rebuild kpi, {size}"] for size in scale.names[1:])
    whole = other + (other - one) / (large - middle) * (EXTRAPOLATED - large)
    return f"extrapolated, not measured: rebuild kpi of {EXTRAPOLATED} M events in {whole:,.0f} s"


@dataclass
class Measuring:
    """A log that grows, its archive, and what was measured of them so far."""

    bench: Bench
    place: Place
    folder: Path
    scale: Scale
    runs: dict[tuple[str, str], list[Run | Measured]] = field(default_factory=dict)

    @property
    def figures(self) -> list[Figure]:
        return [Figure(case, unit, runs) for (case, unit), runs in self.runs.items()]

    @property
    def archive(self) -> Archive:
        return Archive(str(self.folder / "archive"))

    @property
    def archived(self) -> int:
        return max((segment.last for segment in self.archive.segments()), default=0)

    def measure(self, show: Callable[[str, float], None]) -> Iterator[Sequence[Figure]]:
        """Yield the figures so far, at each size."""
        log = Growing(self.place, self.scale.days, self.scale.scale)
        show("simulating", 0)
        base = log.begin()
        self._library()
        for done, name in enumerate(self.scale.names):
            share = done / len(self.scale.names)
            show(f"growing to {name}", share)
            log.grow(self.scale.segments[done] * self.scale.segment, base)
            show(f"sealing, {name}", share)
            self._seal(name)
            show(f"folding, {name}", share)
            for _ in range(self.scale.rounds):
                self._note(f"bare COPY of the log, {name}", "events/s", self._copied_out())
                self._fold(view("kpi"), name)
                self._rebuild(name)
            for of in self.scale.others:
                self._fold(view(of), name)
            self._note(f"verify, {name}", "events/s", self._timed(lambda: verify(self.archive)))
            if done == 0:
                self._alone(name)
                if self.scale.with_spark:
                    self._on_spark(name)
            if done == 1:
                self._exported(name)
            yield self.figures

    def _note(self, case: str, unit: str, run: Run | Measured) -> None:
        self.runs.setdefault((case, unit), []).append(run)

    def _timed(self, work: Callable[[], object]) -> Run:
        """Time what goes over all that is archived."""
        self.bench.settle()
        begin = time.perf_counter()
        work()
        return Run(self.archived, time.perf_counter() - begin)

    def _library(self) -> None:
        counter = LibraryCounter(self.bench.database("counter"))
        counter.load(self.scale.library_events)
        self._note(LIBRARY, "events/s", counter.run())

    def _seal(self, size: str) -> None:
        before = self.archived
        begin = time.perf_counter()
        position = seal(self.place.database, self.archive, events=self.scale.segment).position
        sealed = Run(position - before, time.perf_counter() - begin)
        self._note(f"seal, {size}", "events/s", sealed)
        files = sum(path.stat().st_size for path in (self.folder / "archive").iterdir())
        with self.place.database.connect_as_owner() as owner:
            row = owner.execute("SELECT pg_total_relation_size('log')").fetchone()
            at = head(owner)
        self._note(f"log, {size}", "bytes/event", Measured(at, 0, (row or (0,))[0] / at))
        self._note(f"archive, {size}", "bytes/event", Measured(position, 0, files / position))

    def _copied_out(self) -> Run:
        with self.place.database.connect() as connection:
            return self._timed(lambda: sum(1 for _ in records(connection, 0, self.archived)))

    def _fold(self, of: View, size: str) -> None:
        """Fold a view of what is archived: our way, by bare DuckDB, and COPY the rows in."""
        with (
            self.place.database.connect_as_owner() as owner,
            TemporaryDirectory(dir=self.folder) as name,
        ):
            folder = Path(name)
            made = shadow.make_shadow(owner, of)
            laid = layouts(owner, made.schema)
            folded = self._timed(lambda: self._written(of, laid, folder, self.archive))
            files = {table: folder / f"{table}.rows" for table in of.table_names}
            begin = time.perf_counter()
            _copy_in(owner, made, laid, files)
            copied = time.perf_counter() - begin
            drop(owner, made)
        self._note(f"fold {of.name}, {size}", "events/s", folded)
        self._note(
            f"bare DuckDB {of.name}, {size}", "events/s", self._timed(lambda: self._bare(of))
        )
        both = folded.seconds + copied
        self._note(f"fold and COPY in of {of.name}, {size}", "s", Measured(folded.n, both, both))

    def _written(
        self, of: View, laid: Mapping[str, Layout], folder: Path, archive: Archive
    ) -> None:
        """Write the rows of a view's tables to files."""
        with self.place.database.connect() as connection, opened() as duck:
            history = gather(duck, connection, archive, self.archived, folder)
            relate(duck, history, self.place.settings.timezone)
            with on_duckdb(duck, of, laid, folder) as rows:
                _write(of, rows, folder)

    def _bare(self, of: View) -> None:
        """Run a view's SELECTs on DuckDB as it comes; the rows stay in its memory."""
        files = [self.archive.path(segment.events.name) for segment in self.archive.segments()]
        with duckdb.connect() as duck:
            duck.execute(f"CREATE TEMPORARY VIEW events AS FROM read_parquet({files})")
            span = duck.execute("SELECT min(time), max(time) FROM events").fetchone()
            assert span is not None
            name_buckets(duck, self.place.settings.timezone, *span)
            for name, select in of.gathers.items():
                duck.execute(f"CREATE TEMPORARY TABLE {name} AS {select}")
            for name, select in of.folds.items():
                duck.execute(f"CREATE TEMPORARY TABLE {name}_rows AS {select}")

    def _rebuild(self, size: str) -> None:
        """Rebuild the KPI as its user does; the log's rest beyond the archive is folded, too."""
        self.bench.settle()
        done = _dasan(self.place, self.archive, "rebuild", "kpi", "--json")
        told, peak_kb = json.loads(done.stdout), int(done.stderr.splitlines()[-1])
        n, seconds = told["range"][1], told["seconds"]
        self._note(f"rebuild kpi, {size}", "s", Measured(n, seconds, seconds))
        peak = Measured(n, seconds, peak_kb / 1_000)
        self._note(f"peak memory of rebuild kpi, {size}", "MB", peak)

    def _alone(self, size: str) -> None:
        """Fold the KPI of the whole log without an archive, on DuckDB and on PostgreSQL."""
        of = view("kpi")
        with (
            self.place.database.connect_as_owner() as owner,
            TemporaryDirectory(dir=self.folder) as name,
        ):
            folder = Path(name)
            laid = layouts(owner, of.schema)
            nothing = Archive(str(folder / "nothing"))
            alone = self._timed(lambda: self._written(of, laid, folder, nothing))
            self._note(f"fold kpi from the log alone, {size}", "events/s", alone)
            on_postgresql = self._timed(lambda: self._written_on_postgresql(of, folder))
            self._note(f"fold kpi on PostgreSQL, {size}", "events/s", on_postgresql)

    def _on_spark(self, size: str) -> None:
        """Fold the KPI of what is archived on Spark, once it has started."""
        of = view("kpi")
        with (
            self.place.database.connect_as_owner() as owner,
            self.place.database.connect() as connection,
            TemporaryDirectory(dir=self.folder) as name,
            opened() as duck,
            started() as session,
        ):
            folder = Path(name)
            laid = layouts(owner, of.schema)
            history = gather(duck, connection, self.archive, self.archived, folder)
            spark.relate(session, history, self.place.settings.timezone)

            def fold() -> None:
                with spark.on_spark(session, duck, of, laid, folder) as rows:
                    _write(of, rows, folder)

            for _ in range(self.scale.rounds):
                self._note(f"fold kpi on Spark, {size}", "events/s", self._timed(fold))

    def _exported(self, size: str) -> None:
        """Verify the signature, hashes and root of an export, as an auditor does first."""
        with self.place.database.connect() as connection:
            caught_up(connection, SIGNER)
        exported = Export(self.folder / "export")
        export(self.place.database, self.archive, SIGNER, exported.folder)
        for _ in range(self.scale.rounds):
            self._note(f"{VERIFYING}, {size}", "events/s", verified(exported))
        shutil.rmtree(exported.folder)

    def _written_on_postgresql(self, of: View, folder: Path) -> None:
        with (
            self.place.database.connect() as connection,
            on_postgres(connection, of, self.archived) as rows,
        ):
            _write(of, rows, folder)


def _write(of: View, rows: Rows, folder: Path) -> None:
    for named in of.table_names:
        with (folder / f"{named}.rows").open("wb") as file:
            file.writelines(rows(named))


def _copy_in(
    owner: Connection, made: View, laid: Mapping[str, Layout], files: Mapping[str, Path]
) -> None:
    """COPY rows into empty tables, as anybody would who had them in files."""
    with owner.transaction():
        for named, path in files.items():
            copying = sql.SQL("COPY {} ({}) FROM STDIN").format(
                sql.Identifier(made.schema, named),
                sql.SQL(", ").join(map(sql.Identifier, laid[named].columns)),
            )
            with owner.cursor().copy(copying) as copy, path.open("rb") as file:
                while chunk := file.read(1 << 20):
                    copy.write(chunk)


def _dasan(place: Place, archive: Archive, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command `dasan` on a log; the last line of its stderr is the memory that it took."""
    environment = {
        **os.environ,
        "DASAN_HOME": str(place.settings.home),
        "DASAN_DATABASE_URL": place.database.admin_url,
        "DASAN_ARCHIVE": archive.url,
    }
    dasan = str(Path(sys.executable).with_name("dasan"))
    command = [sys.executable, "-m", "benchmarks.peak", dasan, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, check=True)


if __name__ == "__main__":
    main()

"""What a view is: its tables, the SELECTs that fold events into them, and how a batch is merged.

A view's file has sections. Given: named SELECTs over the relation `events`. Fold: for each table
the SELECT of its rows, of whatever events there are. Merge: the statement that takes what a batch
tells into tables that hold what came before. Given and Fold are the same text on every engine
(`projections/dialects.py` has the words that differ); Merge is PostgreSQL's.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from psycopg import Connection, sql


@dataclass(frozen=True, slots=True)
class View:
    """A view: a schema of its own, `tables` to make in it, `merges` to run for each batch.

    `gathers` are relations to make first, by name, and `folds` the rows of each table, once those
    are there. `says` is the condition under which a row of a table says anything at all: the rows
    of sums that are all zero do not, and which of them there are depends on the batches.
    """

    name: str
    schema: str
    tables: str
    merges: tuple[str, ...]
    folds: Mapping[str, str]
    gathers: Mapping[str, str] = field(default_factory=dict)
    says: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The SQL of the view and of what it reads, as in the schema of its name wherever it is."""
        home = self.within(self.name)
        return "\n".join((text("events.sql"), text("corrections.sql"), home.tables, *home.merges))

    @property
    def definition(self) -> str:
        """The SHA-256 of the view's text: another text is another definition."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def table_names(self) -> tuple[str, ...]:
        """Return the names of the view's tables, sorted."""
        made = re.findall(rf"^CREATE TABLE {self.schema}\.(\w+)", self.tables, re.MULTILINE)
        return tuple(sorted(made))

    def within(self, schema: str) -> "View":
        """Return the same view with its tables in another schema; `pg_temp` is the connection's."""
        table = re.compile(rf"\b{self.schema}\.({'|'.join(self.table_names)})\b")
        tables, *merges = (
            table.sub(rf"{schema}.\1", statement) for statement in (self.tables, *self.merges)
        )
        return replace(self, schema=schema, tables=tables, merges=tuple(merges))


@dataclass(frozen=True, slots=True)
class SumTable:
    """A table of KPI sums: one row for each combination of its dimensions."""

    name: str
    dimensions: tuple[str, ...]
    where: str = "true"


KPI_TABLES = (
    SumTable("hourly", ("hour", "channel", "language", "queue")),
    SumTable("daily", ("day", "channel", "language", "queue", "category", "district")),
    SumTable("daily_agent", ("day", "channel", "language", "queue", "agent"), "agent IS NOT NULL"),
    SumTable(
        "daily_agency",
        ("day", "channel", "language", "category", "district", "agency"),
        "agency IS NOT NULL",
    ),
)
"""`where` tells what is counted in the table at all."""

WAITS = SumTable("waits", ("hour", "channel", "language", "queue", "seconds"))

_LABELS = ("channel", "language", "queue", "category", "district", "agent", "agency")
_DIMENSION_TYPES = {"hour": "timestamptz", "day": "date", "seconds": "bigint"}
WAITED = ("answered", "abandoned")


def text(name: str) -> str:
    """Return a file of this package."""
    return files("projections").joinpath(name).read_text("utf-8")


@cache
def views() -> tuple[View, ...]:
    """Return all views."""
    return (_kpi(), *(_from_file(name) for name in ("inquiries", "audit", "praise")))


def view(name: str) -> View:
    """Return the view of this name."""
    return next(one for one in views() if one.name == name)


def foreign(name: str, definition: str) -> str | None:
    """Return why a view cannot go on whose tables are of this definition; null if it can."""
    if definition == _definition(name):
        return None
    return (
        "its tables are of another definition than this program's: with the newest version run"
        f" dasan rebuild {name}"
    )


@cache
def _definition(name: str) -> str:
    return view(name).definition


def _from_file(name: str) -> View:
    tables, given, *folds, merge = re.split(
        r"^-- (?:Given|Fold|Merge)\b", text(name + ".sql"), flags=re.M
    )
    given = given.partition("\n")[2]
    named = [fold.strip().split("\n", 1) for fold in folds]
    return View(
        name=name,
        schema=name,
        tables=tables,
        merges=(given + merge,),
        folds={table: given + fold for table, fold in named},
    )


def _kpi() -> View:
    """Return the KPI view: tables, folds and merges follow from the SELECTs of `kpi.sql`."""
    gathering = gathered(KPI_TABLES)
    waiting = kpi_sections().waits
    sums = kpi_sums()
    folds = {table.name: summed(table) for table in KPI_TABLES}
    rolled_up = ",\n".join(
        f"{table.name}_rows AS ({_merge(table, folds[table.name], sums)})" for table in KPI_TABLES
    )
    return View(
        name="kpi",
        schema="kpi",
        tables=";\n".join(
            [*(created(table, sums) for table in KPI_TABLES), created(WAITS, WAITED)]
        ),
        merges=(
            # The planner takes a batch for small, and would sort its rows by nine labels.
            "SET LOCAL enable_sort = off",
            f"WITH gathered AS MATERIALIZED (\n{gathering}),\n{rolled_up}\nSELECT",
            _merge(WAITS, waiting, WAITED),
            "SET LOCAL enable_sort TO DEFAULT",
        ),
        folds={**folds, WAITS.name: waiting},
        gathers={"gathered": gathering},
        says={
            **{table.name: any_of(sums) for table in KPI_TABLES},
            WAITS.name: any_of(WAITED),
        },
    )


class _Sections(NamedTuple):
    counted: str
    gathered: str
    sums: str
    waits: str


@cache
def kpi_sections() -> _Sections:
    """Return the texts of `kpi.sql`."""
    return _Sections(*re.split(r"^-- (?:Gathered|Sums|Waits)\n", text("kpi.sql"), flags=re.M))


@cache
def kpi_sums() -> tuple[str, ...]:
    """Return the names of the sums that a table of KPIs has."""
    return tuple(re.findall(r" AS (\w+),?$", kpi_sections().sums, re.MULTILINE))


def gathered(tables: Iterable[SumTable]) -> str:
    """Return the SELECT of how much there is of each thing that counts, for each of the tables."""
    return kpi_sections().counted + "UNION ALL\n".join(map(_gathered, tables))


def _gathered(table: SumTable) -> str:
    labels = {"channel", *table.dimensions}  # which channels are live, the sums ask of each row
    columns = [name if name in labels else f"NULL AS {name}" for name in ("hour", "day", *_LABELS)]
    return (
        kpi_sections()
        .gathered.replace(":table", table.name)
        .replace(":dimensions", ", ".join(columns))
        .replace(":where", table.where)
        .replace(":grouped", ", ".join(sorted(labels)))
    )


def summed(table: SumTable) -> str:
    """Return the SELECT of a table's rows from what was gathered for it."""
    dimensions = ", ".join(table.dimensions)
    labels = ", ".join(
        f"coalesce({name}, '') AS {name}" if name in _LABELS else name for name in table.dimensions
    )
    numbers = ", ".join(str(number) for number in range(1, len(table.dimensions) + 1))
    values = ", ".join(f"coalesce({name}, 0) AS {name}" for name in kpi_sums())
    return (
        f"SELECT {dimensions}, {values}\n"
        f"FROM (SELECT {labels},\n{kpi_sections().sums}"
        f"FROM gathered WHERE of_table = '{table.name}' GROUP BY {numbers}) AS summed"
    )


def any_of(sums: Iterable[str]) -> str:
    """Return the condition under which a row of sums says anything."""
    return " OR ".join(f"{name} <> 0" for name in sums)


def created(table: SumTable, sums: Iterable[str]) -> str:
    """Return the statement that makes a table of sums."""
    columns = [f"{name} {_DIMENSION_TYPES.get(name, 'text')} NOT NULL" for name in table.dimensions]
    columns += [f"{name} bigint NOT NULL" for name in sums]
    columns.append(f"PRIMARY KEY ({', '.join(table.dimensions)})")
    # Half of a page is left free, so that a row that grows stays on it and its index as it is.
    return (
        f"CREATE TABLE kpi.{table.name} (\n    "
        + ",\n    ".join(columns)
        + "\n) WITH (fillfactor = 50)"
    )


def _merge(table: SumTable, fold: str, sums: Iterable[str]) -> str:
    """Return the statement that adds the rows of a fold to those of the table."""
    dimensions = ", ".join(table.dimensions)
    added = ",\n    ".join(f"{name} = {table.name}.{name} + excluded.{name}" for name in sums)
    return (
        f"INSERT INTO kpi.{table.name} ({dimensions}, {', '.join(sums)})\n{fold}\n"
        f"ON CONFLICT ({dimensions}) DO UPDATE SET\n    {added}"
    )


def make(connection: Connection, view: View) -> None:
    """Make the view's empty tables, readable by auditors, writable by the projector."""
    schema = sql.Identifier(view.schema)
    connection.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
    connection.execute(view.tables.encode())
    for statement in (
        "GRANT USAGE ON SCHEMA {} TO dasan_projector, dasan_auditor, dasan_service",
        "GRANT SELECT ON ALL TABLES IN SCHEMA {} TO dasan_auditor",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {} TO dasan_projector",
    ):
        connection.execute(sql.SQL(statement).format(schema))


def drop(connection: Connection, view: View) -> None:
    """Drop the view's tables."""
    connection.execute(
        sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(view.schema))
    )

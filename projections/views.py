"""What a view is: its tables, and the statements that merge `events` into them."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files

from psycopg import Connection, sql


@dataclass(frozen=True, slots=True)
class View:
    """A view: a schema of its own, `tables` to make in it, `merges` to run for each batch."""

    name: str
    schema: str
    tables: str
    merges: tuple[str, ...]

    @property
    def definition(self) -> str:
        """Return the SHA-256 of the view's text and of what it reads: another text is another.

        Wherever the view is, its text is that of the schema with its name.
        """
        home = self.within(self.name)
        texts = (text("events.sql"), home.tables, *home.merges)
        return hashlib.sha256("\n".join(texts).encode()).hexdigest()

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
    SumTable("daily_agent", ("day", "channel", "language", "queue", "agent"), "agent <> ''"),
    SumTable(
        "daily_agency",
        ("day", "channel", "language", "category", "district", "agency"),
        "agency <> ''",
    ),
)
WAITS = SumTable("waits", ("hour", "channel", "language", "queue", "seconds"))

_DIMENSION_TYPES = {"hour": "timestamptz", "day": "date", "seconds": "bigint"}


def text(name: str) -> str:
    """Return a file of this package."""
    return files("projections").joinpath(name).read_text("utf-8")


def views(connection: Connection) -> tuple[View, ...]:
    """Return all views; the connection tells the columns that a definition yields."""
    return (kpi(connection), *(_from_file(name) for name in ("inquiries", "audit", "praise")))


def kpi(connection: Connection) -> View:
    """Return the KPI view: the tables and merges follow from the two SELECTs of `kpi.sql`.

    Both definitions are summed once, at their finest; the tables roll that up.
    """
    counts, waits = text("kpi.sql").split(";\n", 1)
    sums = _sums(connection, counts)
    waited = _sums(connection, waits)
    tables = [_table("kpi", table, sums) for table in KPI_TABLES]
    tables.append(_table("kpi", WAITS, waited))
    rolled_up = ",\n".join(
        f"{table.name}_rows AS ({_merge(table, 'counts', sums)})" for table in KPI_TABLES
    )
    return View(
        name="kpi",
        schema="kpi",
        tables=";\n".join(tables),
        merges=(
            # The planner takes a batch for small, and would sort its rows by nine labels.
            "SET LOCAL enable_sort = off",
            f"WITH counts AS MATERIALIZED (\n{counts}),\n{rolled_up}\nSELECT",
            f"WITH waits AS (\n{waits})\n{_merge(WAITS, 'waits', waited)}",
            "SET LOCAL enable_sort TO DEFAULT",
        ),
    )


def _from_file(name: str) -> View:
    tables, merge = text(f"{name}.sql").split("-- Merge\n")
    return View(name, name, tables, (merge,))


def _all_dimensions() -> set[str]:
    return {dimension for table in (*KPI_TABLES, WAITS) for dimension in table.dimensions}


def _sums(connection: Connection, select: str) -> dict[str, str]:
    """Return the sums that a definition yields, each with the type to add it up in.

    PostgreSQL adds up integers several times faster than bigints. A count, which it takes for a
    bigint, is an integer in any batch; durations, which it takes for numeric, may be more.
    """
    described = connection.execute(f"SELECT * FROM ({select}) AS definition LIMIT 0".encode())  # noqa: S608 - the text is ours
    bigint = connection.adapters.types["bigint"].oid
    return {
        column.name: "integer" if column.type_code == bigint else "numeric"
        for column in described.description or ()
        if column.name not in _all_dimensions()
    }


def _table(schema: str, table: SumTable, sums: Iterable[str]) -> str:
    columns = [f"{name} {_DIMENSION_TYPES.get(name, 'text')} NOT NULL" for name in table.dimensions]
    columns += [f"{name} bigint NOT NULL" for name in sums]
    columns.append(f"PRIMARY KEY ({', '.join(table.dimensions)})")
    # Half of a page is left free, so that a row that grows stays on it and its index as it is.
    return (
        f"CREATE TABLE {schema}.{table.name} (\n    "
        + ",\n    ".join(columns)
        + "\n) WITH (fillfactor = 50)"
    )


def _merge(table: SumTable, source: str, sums: Mapping[str, str]) -> str:
    """Return the statement that adds the sums of `source` to those of the table."""
    dimensions = ", ".join(table.dimensions)
    added = ",\n    ".join(f"{name} = {table.name}.{name} + excluded.{name}" for name in sums)
    values = ",\n    ".join(f"coalesce(sum({name}::{type_}), 0)" for name, type_ in sums.items())
    return (
        f"INSERT INTO kpi.{table.name} ({dimensions}, {', '.join(sums)})\n"
        f"SELECT {dimensions},\n    {values}\n"
        f"FROM {source} WHERE {table.where} GROUP BY {dimensions}\n"
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

"""Comparing a view's new tables with those before them: equal by digest, or row by row."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from duckdb import DuckDBPyConnection
from psycopg import Connection

from eventlog.database import Database
from projections.digest import Layout, copied, digest, layouts
from projections.duck import opened
from projections.reading import standing_still
from projections.views import View


@dataclass(frozen=True, slots=True)
class Standing:
    """A live view as it stood at one moment, for as long as its transaction lasts."""

    connection: Connection
    view: View
    definition: str
    position: int

    def digest_like(self, wanted: Mapping[str, Layout]) -> str | None:
        """Return its digest; null if its tables are laid out otherwise."""
        if layouts(self.connection, self.view.schema) != wanted:
            return None
        return digest(self.connection, self.view)

    def differences(self, connection: Connection, made: View) -> Iterator[str]:
        """Yield a line for each row that is not the same in `made`, in the columns of both."""
        before = layouts(self.connection, self.view.schema)
        after = layouts(connection, made.schema)
        for table in sorted(before.keys() | after.keys()):
            if table not in before or table not in after or before[table].key != after[table].key:
                yield f"{table}: only one of the two has such a table with such a key"
                continue
            with opened() as duck, TemporaryDirectory(prefix="dasan-comparing-") as folder:
                for name, of, standing_in, laid in (
                    ("before", self.connection, self.view, before[table]),
                    ("after", connection, made, after[table]),
                ):
                    path = Path(folder) / name
                    with path.open("wb") as file:
                        file.writelines(copied(of, standing_in, table))
                    _relate(duck, name, path, laid)
                yield from _differences(duck, table, before[table], after[table])


@contextmanager
def standing(database: Database, view: View) -> Iterator[Standing]:
    """Yield the live view as it stands now, whoever goes on advancing it."""
    with database.connect() as connection, standing_still(connection, view.name):
        row = connection.execute(
            "SELECT definition, position FROM projection WHERE view = %s", [view.name]
        ).fetchone()
        yield Standing(connection, view, *(row or ("", 0)))


def _relate(duck: DuckDBPyConnection, name: str, path: Path, laid: Layout) -> None:
    columns = dict.fromkeys(laid.columns, "VARCHAR")
    duck.execute(
        f"CREATE TABLE {name} AS SELECT * FROM read_csv('{path}', columns = {columns},"
        " delim = '\t', quote = '', escape = '', header = false, auto_detect = false,"
        " nullstr = '\\N')"
    )


def _differences(
    duck: DuckDBPyConnection, table: str, before: Layout, after: Layout
) -> Iterator[str]:
    key = [name for name, _ in before.key]
    common = [name for name in before.columns if name in after.columns and name not in key]
    joined = " AND ".join(f"b.{name} = a.{name}" for name in key)
    differing = " OR ".join(f"b.{name} IS DISTINCT FROM a.{name}" for name in common) or "false"
    found = duck.execute(
        "SELECT "
        + ", ".join([f"coalesce(b.{name}, a.{name})" for name in key])
        + f", b.{key[0]} IS NOT NULL, a.{key[0]} IS NOT NULL"
        + "".join(f", b.{name}, a.{name}" for name in common)
        + f" FROM before b FULL JOIN after a ON {joined}"
        f" WHERE b.{key[0]} IS NULL OR a.{key[0]} IS NULL OR {differing} ORDER BY ALL"
    )
    while row := found.fetchone():
        named = ", ".join(f"{name} {value}" for name, value in zip(key, row, strict=False))
        in_before, in_after, *values = row[len(key) :]
        yield f"{table}: {named}: " + _told(in_before, in_after, common, values)


def _told(
    in_before: bool, in_after: bool, columns: Sequence[str], values: Sequence[str | None]
) -> str:
    if not in_before:
        return "it was not there before"
    if not in_after:
        return "it is there no more"
    pairs = zip(columns, values[::2], values[1::2], strict=True)
    return ", ".join(f"{name} {old} -> {new}" for name, old, new in pairs if old != new)

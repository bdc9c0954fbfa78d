"""Tables of a question's own: KPIs by the view's definitions, grouped as the question asks."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from zoneinfo import ZoneInfo

from psycopg import Connection, sql

from projections.asking_history import Recalled
from projections.digest import Layout
from projections.duck import name_bins
from projections.folding import Rows, on_duckdb
from projections.formulas import REPEAT_SUMS
from projections.question import EARLIEST, Bucket, Question
from projections.refold import TEMPORARY
from projections.sources import Hours, Tables, edges_in, unit_of
from projections.views import (
    WAITED,
    SumTable,
    View,
    created,
    gathered,
    kpi_sections,
    kpi_sums,
    summed,
    text,
)

RESOLUTIONS, RESOLVED_SUMS = text("repeats.sql").split("-- Sums\n")


@contextmanager
def own_tables(
    connection: Connection,
    recalled: Recalled,
    question: Question,
    city: ZoneInfo,
    *,
    with_repeats: bool,
) -> Iterator[Tables]:
    """Yield tables that answer a question, and any other of its range that is no finer.

    They are temporary ones of the connection, in a transaction that leaves nothing behind. With
    `with_repeats` they hold what was received before the range, too.

    Raises:
        UnanswerableError: no table could answer it; says why.
    """
    tables, view, layouts = prepared(recalled, question, city, with_repeats=with_repeats)
    with (
        on_duckdb(recalled.duck, view, layouts, recalled.folder) as rows,
        connection.transaction(force_rollback=True),
    ):
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.execute(view.within(TEMPORARY).tables.encode())
        for table, layout in layouts.items():
            _load(connection, table, layout, rows)
        yield tables


def prepared(
    recalled: Recalled, question: Question, city: ZoneInfo, *, with_repeats: bool = False
) -> tuple[Tables, View, dict[str, Layout]]:
    """Return a question's own tables, how they are folded and how they are laid out.

    The history is narrowed to what counts for the question, and has what the folds need.

    Raises:
        UnanswerableError: no table could answer it; says why.
    """
    buckets = question.buckets()
    unit = unit_of(question, buckets, city)
    dimensions = (unit, *sorted(question.dimensions))
    tables = Tables(
        schema=TEMPORARY,
        sums=[SumTable("asked_sums", dimensions)],
        waits=SumTable("asked_waits", (*dimensions, "seconds")),
        repeats=SumTable("asked_repeats", dimensions) if with_repeats else None,
        hours=Hours.AS_ASKED,
    )
    if unit == "hour":
        name_bins(recalled.duck, [edge for bucket in buckets for edge in bucket])
    if with_repeats:
        recalled.duck.execute(
            "CREATE TEMPORARY TABLE resolved AS "
            + RESOLUTIONS.replace(":begin", "$begin").replace(":end", "$end"),
            {"begin": buckets[0].begin, "end": buckets[-1].end},
        )
    recalled.narrow(buckets[0].begin, buckets[-1].end, keep_received=with_repeats)
    starts = edges_in(unit, _behind_all_before(buckets) if with_repeats else buckets, city)
    recalled.duck.execute(
        "CREATE TEMPORARY TABLE bucket AS SELECT unnest(?) AS start", [starts[:-1]]
    )
    wanted = " AND ".join([f"{unit} < '{starts[-1].isoformat()}'", *_wanted(question)])
    return tables, *_as_view(tables, wanted)


def waits_by(unit: str, labels: Sequence[str]) -> str:
    """Return the waits of `kpi.sql` grouped by a unit, `hour` or `day`, and by these labels."""
    waiting = kpi_sections().waits
    values = [f"    city_{unit}(enqueued_at) AS {unit},"]
    values += [f"    coalesce({label}, '') AS {label}," for label in labels]
    waiting = _with(waiting, r"(?<=^SELECT\n).*(?=^    CAST\(ceil)", "\n".join(values) + "\n")
    numbers = ", ".join(map(str, range(1, len(values) + 2)))
    return _with(waiting, r"^GROUP BY .*", f"GROUP BY {numbers}")


def _with(statement: str, pattern: str, replacement: str) -> str:
    """Return a statement with the one place that a pattern has in it replaced."""
    changed, count = re.subn(pattern, lambda _: replacement, statement, flags=re.S | re.M)
    if count != 1:
        raise LookupError(f"kpi.sql has {pattern!r} {count} times, not once")
    return changed


def _behind_all_before(buckets: Sequence[Bucket]) -> list[Bucket]:
    """Return the buckets behind one that is everything before them."""
    begin = buckets[0].begin
    return [Bucket(EARLIEST, begin), *buckets] if begin > EARLIEST else [*buckets]


def _wanted(question: Question) -> Iterator[str]:
    """Yield the conditions on labels; they are codes, and hold no quote."""
    for name, values in question.filters.items():
        if values:
            listed = ", ".join(f"'{value}'" for value in values)
            yield f"coalesce({name}, '') IN ({listed})"
    # As in the view's own tables: nobody's are no row.
    yield from (f"{name} <> ''" for name in ("agent", "agency") if name in question.dimensions)


def _as_view(tables: Tables, wanted: str) -> tuple[View, dict[str, Layout]]:
    """Return how the tables are made and folded, and how they are laid out."""
    [own] = tables.sums
    unit, *labels = own.dimensions
    gathering, waiting = gathered([own]), waits_by(unit, labels)

    def placed(select: str) -> str:
        """Return the rows of a SELECT that are wanted, each at the start of its bucket."""
        return (
            f"SELECT placed.* REPLACE (start AS {unit}) FROM ({select}) AS placed"
            f" ASOF JOIN bucket ON placed.{unit} >= start WHERE {wanted}"
        )

    def rolled_up(table: SumTable, sums: str, rows: str) -> str:
        dimensions = ", ".join(table.dimensions)
        return f"SELECT {dimensions}, {sums} FROM ({placed(rows)}) AS rows GROUP BY {dimensions}"

    folds = {own.name: summed(own)}
    columns: dict[SumTable, Sequence[str]] = {own: kpi_sums()}
    if tables.waits:
        waits = ", ".join(f"sum({name}) AS {name}" for name in WAITED)
        folds[tables.waits.name] = rolled_up(tables.waits, waits, waiting)
        columns[tables.waits] = WAITED
    if tables.repeats:
        folds[tables.repeats.name] = rolled_up(tables.repeats, RESOLVED_SUMS, "FROM resolved")
        columns[tables.repeats] = REPEAT_SUMS
    view = View(
        name="asked",
        schema="kpi",
        tables=";\n".join(created(table, sums) for table, sums in columns.items()),
        merges=(),
        folds=folds,
        gathers={"gathered": placed(gathering)},
    )
    return view, {
        table.name: Layout(
            sorted([*table.dimensions, *sums]), [(name, False) for name in table.dimensions]
        )
        for table, sums in columns.items()
    }


def _load(connection: Connection, table: str, layout: Layout, rows: Rows) -> None:
    copying = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(TEMPORARY, table),
        sql.SQL(", ").join(map(sql.Identifier, layout.columns)),
    )
    with connection.cursor().copy(copying) as copy:
        for chunk in rows(table):
            copy.write(chunk)

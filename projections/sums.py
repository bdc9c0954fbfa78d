"""Reading sums and waits out of tables of KPI sums, by bucket and labels."""

from collections.abc import Sequence

from psycopg import Connection, sql

from projections.formulas import DERIVED, SUMS
from projections.question import Question
from projections.sources import THRESHOLDS_S, Source

STORED = tuple(name for name in SUMS if name not in DERIVED)

Labels = tuple[str, ...]
Counts = dict[tuple[int, Labels], dict[str, int | None]]
"""By bucket, counted from 1, and values of the grouped dimensions."""


def read_sums(connection: Connection, question: Question, source: Source) -> Counts:
    """Return the stored sums, and those within the thresholds that have columns."""
    columns = {name: name for name in STORED}
    if question.threshold_s in THRESHOLDS_S:
        columns["answered_within"] = f"answered_within_{question.threshold_s}"
        columns["abandoned_within"] = f"abandoned_within_{question.threshold_s}"
    if question.short_s in THRESHOLDS_S:
        columns["short_abandoned"] = f"abandoned_within_{question.short_s}"
    sums = [
        sql.SQL("sum({})::bigint").format(sql.Identifier(column)) for column in columns.values()
    ]
    return read(connection, question, source, sums, tuple(columns))


def read_waits(connection: Connection, question: Question, source: Source) -> Counts:
    """Return the percentiles `p50_ms` and `p90_ms`, and the sums within the thresholds.

    A percentile is the least number of whole seconds within which that share was answered.
    """
    waits = _by_bucket(
        question,
        source,
        [sql.SQL("sum(answered) AS answered"), sql.SQL("sum(abandoned) AS abandoned")],
        also_by=[sql.Identifier("seconds")],
    )
    query = sql.SQL(
        "SELECT {groups},"
        " min(seconds) FILTER (WHERE answered > 0 AND cumulative * 2 >= total) * 1000,"
        " min(seconds) FILTER (WHERE answered > 0 AND cumulative * 10 >= total * 9) * 1000,"
        " coalesce(sum(answered) FILTER (WHERE seconds <= %(threshold)s), 0)::bigint,"
        " coalesce(sum(abandoned) FILTER (WHERE seconds <= %(threshold)s), 0)::bigint,"
        " coalesce(sum(abandoned) FILTER (WHERE seconds <= %(short)s), 0)::bigint"
        " FROM (SELECT *, sum(answered) OVER (PARTITION BY {groups}) AS total,"
        " sum(answered) OVER (PARTITION BY {groups} ORDER BY seconds) AS cumulative"
        " FROM ({waits}) AS waits) AS ranked GROUP BY {groups}"
    ).format(
        groups=_listed([sql.Identifier(name) for name in ("bucket", *question.grouped)]),
        waits=waits,
    )
    names = ("p50_ms", "p90_ms", "answered_within", "abandoned_within", "short_abandoned")
    return _read(connection, query, names, question, source)


def read_before(connection: Connection, question: Question, source: Source) -> dict[Labels, int]:
    """Return what was received before the first bucket, by labels, as far as the table holds it."""
    groups = [sql.SQL("1"), *map(sql.Identifier, question.grouped)]
    query = sql.SQL(
        "SELECT {columns}, sum(received)::bigint FROM {table} WHERE {unit} < %(begin)s {wanted}"
        " GROUP BY {groups}"
    ).format(
        columns=_listed([sql.SQL("0"), *groups[1:]]),
        table=sql.Identifier(source.schema, source.table.name),
        unit=sql.Identifier(source.unit),
        wanted=_wanted(question),
        groups=_listed(groups),
    )
    counts = _read(connection, query, ("received",), question, source)
    return {labels: sums["received"] or 0 for (_, labels), sums in counts.items()}


def read(
    connection: Connection,
    question: Question,
    source: Source,
    sums: Sequence[sql.Composable],
    names: tuple[str, ...],
) -> Counts:
    """Return `sums` under their names, by bucket and by the dimensions to group by."""
    return _read(connection, _by_bucket(question, source, sums), names, question, source)


def _by_bucket(
    question: Question,
    source: Source,
    sums: Sequence[sql.Composable],
    also_by: Sequence[sql.Composable] = (),
) -> sql.Composed:
    """Return the SELECT of `sums` by bucket and by the dimensions to group by."""
    groups = [*map(sql.Identifier, question.grouped), *also_by]
    starts = "%(starts)s::timestamptz[]" if source.unit == "hour" else "%(starts)s::date[]"
    return sql.SQL(
        "SELECT width_bucket({unit}, {starts}) AS bucket, {columns} FROM {table}"
        " WHERE {unit} >= %(begin)s AND {unit} < %(end)s {wanted} GROUP BY {groups}"
    ).format(
        unit=sql.Identifier(source.unit),
        starts=sql.SQL(starts),
        columns=_listed([*groups, *sums]),
        table=sql.Identifier(source.schema, source.table.name),
        wanted=_wanted(question),
        groups=_listed([sql.SQL("1"), *groups]),
    )


def _wanted(question: Question) -> sql.Composed:
    """Return the conditions on labels, behind others."""
    return sql.SQL(" ").join(
        sql.SQL("AND {} = ANY ({})").format(sql.Identifier(name), sql.Placeholder(name))
        for name, values in question.filters.items()
        if values
    )


def _listed(parts: Sequence[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)


def _read(
    connection: Connection,
    query: sql.Composed,
    names: tuple[str, ...],
    question: Question,
    source: Source,
) -> Counts:
    parameters = {
        "starts": list(source.edges[:-1]),
        "begin": source.edges[0],
        "end": source.edges[-1],
        "threshold": question.threshold_s,
        "short": question.short_s,
        **{name: list(values) for name, values in question.filters.items()},
    }
    counts: Counts = {}
    labels = 1 + len(question.grouped)
    for row in connection.execute(query, parameters):
        counts[row[0], row[1:labels]] = dict(zip(names, row[labels:], strict=True))
    return counts

"""What the whole history alone tells of a row: inquiries so far, citizens who did not come back."""

from collections.abc import Sequence
from typing import Any

from psycopg import Connection, sql

from projections.formulas import IDENTIFIED, REPEAT_SUMS, REPEAT_WINDOWS, Sums
from projections.question import Question
from projections.sources import Source
from projections.sums import Counts, Labels, read, read_before

CUMULATIVE = "cumulative"


def read_history(
    connection: Connection,
    question: Question,
    sums: Source,
    repeats: Source,
    counts: Counts,
    labels: Sequence[Labels],
) -> Counts:
    """Return `REPEAT_SUMS`, and `cumulative`: what was received until the end of each bucket."""
    columns = [sql.SQL("sum({})::bigint").format(sql.Identifier(name)) for name in REPEAT_SUMS]
    found = read(connection, question, repeats, columns, REPEAT_SUMS)
    so_far = read_before(connection, question, sums)
    for number in range(1, len(sums.edges)):
        for values in labels:
            received = counts.get((number, values), {}).get("received") or 0
            so_far[values] = so_far.get(values, 0) + received
            found.setdefault((number, values), {})[CUMULATIVE] = so_far[values]
    return found


def repeat_sums(sums: Sums, known: Sums) -> dict[str, int | None]:
    """Return those of `REPEAT_SUMS` that are known of a row: of none whose resolutions are not."""
    is_known = sums["resolutions"] is not None
    return {name: known.get(name) or 0 if is_known else None for name in REPEAT_SUMS}


def told(sums: Sums, known: Sums) -> dict[str, Any]:
    """Return what stands in a row beside its sums and ratios."""
    repeats = repeat_sums(sums, known)
    return {
        CUMULATIVE: None if sums["received"] is None else known[CUMULATIVE],
        "fcr_identified": IDENTIFIED.taken({**sums, **repeats}),
        "fcr_mature": {window: repeats[f"mature_{window}"] for window in REPEAT_WINDOWS},
    }

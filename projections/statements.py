"""Published KPIs: what a statement says of an answer, and how its rows are digested.

docs/statements.md says it for those who read statements with other programs.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from psycopg import Connection

from domain.events import StatementPublished
from domain.vocabulary import Code, StatedFilter, StatedRow, code, digest, stored_code
from eventlog.checkpoint import Signer
from eventlog.growing import caught_up, tiles_in
from eventlog.proof import range_root
from eventlog.record import format_time
from eventlog.tiles import nodes_of
from projections.answer import Answer, Row
from projections.formulas import SUMS
from projections.question import NONE, Question, QuestionError

MAX_ROWS_BYTES = 48_000
"""Longer rows are not in the statement, their digest alone is: a record has 65,535 bytes."""

MAX_FILTERS = 100
"""Values that a published question may name, for the same reason."""


def statement_of(
    question: Question, answer: Answer, *, root: bytes, city: ZoneInfo, program: str
) -> dict[str, Any]:
    """Return the fields of the statement that an answer makes, of a log with this root.

    Raises:
        QuestionError: the question is too long for a record.
    """
    rows = stated(answer.rows, SUMS)
    text = text_of(rows)
    return {
        "position": answer.position,
        "root": digest(root.hex()),
        "definition": digest(answer.definition),
        "city": Code(city.key),
        "program": Code(program),
        "begin": question.begin,
        "end": question.end,
        "timezone": Code(question.timezone.key),
        "by": tuple(map(Code, question.by)),
        "filters": _filters(question),
        "threshold_s": question.threshold_s,
        "short_s": question.short_s,
        "names": tuple(map(Code, SUMS)),
        "rows": rows if len(text) <= MAX_ROWS_BYTES else None,
        "row_count": len(rows),
        "digest": digest_of(text),
    }


def question_of(statement: StatementPublished) -> Question:
    """Return the question that a statement answers.

    Raises:
        QuestionError: it is put wrongly; ZoneInfoNotFoundError, ValueError: there is no such zone.
    """
    filters: dict[str, tuple[str, ...]] = {}
    for one in statement.filters:
        filters[one.name] = (*filters.get(one.name, ()), one.value or NONE)
    return Question(
        begin=statement.begin,
        end=statement.end,
        timezone=ZoneInfo(statement.timezone),
        by=statement.by,
        filters=filters,
        threshold_s=statement.threshold_s,
        short_s=statement.short_s,
    )


def stated(rows: Iterable[Row], names: Sequence[str]) -> tuple[StatedRow, ...]:
    """Return the rows of an answer as a statement has them, with the sums of these names."""
    return tuple(
        StatedRow(
            begin=row.begin,
            end=row.end,
            labels=tuple(
                None if label is None else stored_code(label) for label in row.labels.values()
            ),
            sums=tuple(row.sums[name] for name in names),
        )
        for row in rows
    )


def text_of(rows: Iterable[StatedRow]) -> bytes:
    """Return the text that is digested: the rows in RFC 8785 form, as they stand in a record."""
    told = [
        {
            "begin": format_time(row.begin),
            "end": format_time(row.end),
            "labels": row.labels,
            "sums": row.sums,
        }
        for row in rows
    ]
    return orjson.dumps(told)  # keys are in order, and there are no fractions and no other text


def digest_of(text: bytes) -> str:
    """Return the digest of the text of rows."""
    return digest(hashlib.sha256(text).hexdigest())


def root_at(connection: Connection, signer: Signer, position: int) -> bytes:
    """Return the root of the log's first records, having let the tree reach them.

    Raises:
        TreeError: the log does not continue what was signed.
    """
    caught_up(connection, signer)
    return range_root(nodes_of(tiles_in(connection)), 0, position)


def _filters(question: Question) -> tuple[StatedFilter, ...]:
    found = tuple(
        StatedFilter(Code(name), None if value == NONE else code(value))
        for name, values in question.filters.items()
        for value in values
    )
    if len(found) > MAX_FILTERS:
        raise QuestionError(
            f"the question names {len(found):,} labels, and a statement {MAX_FILTERS} at most:"
            " publish them by that dimension instead"
        )
    return found

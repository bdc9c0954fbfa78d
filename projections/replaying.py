"""Replaying published KPIs: each statement of an export, recomputed from the export alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.events import StatementPublished
from domain.vocabulary import StatedRow
from eventlog.checkpoint import Verifier
from eventlog.proof import Node, range_root
from eventlog.record import RecordError, decode
from eventlog.tiles import HEIGHT, WIDTH, MissingTileError, Place, nodes_of
from projections.export_checking import Checked, verify
from projections.export_history import ExportedHistory
from projections.exported import Export, ExportError
from projections.formulas import SUMS
from projections.question import Question, QuestionError, UnanswerableError
from projections.recounting import recounted
from projections.statements import digest_of, question_of, text_of
from projections.views import view

STATEMENT = "statement.published"
SHOWN_DIGITS = 12

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Replayed:
    """A statement at a position, and what is wrong with it; null: it is what the records make.

    `statement` is null where the record is none that can be read. `note` is what is remarkable
    though nothing is wrong.
    """

    position: int
    statement: StatementPublished | None
    reason: str | None
    note: str | None = None


def replay(
    export: Export, verifier: Verifier, progress: Progress = lambda _: None
) -> tuple[Checked, list[Replayed]]:
    """Verify an export, and recompute every statement of it; of a faulty one, none.

    `progress` is told the position of each statement.

    Raises:
        CheckpointError: the checkpoint is not signed by the key.
        ExportError: this is no export.
        DecodingError, UnknownTypeError: a record cannot be typed.
    """
    found: list[Replayed] = []
    with TemporaryDirectory(prefix="dasan-replaying-") as folder:
        checked = verify(export, verifier, keep=Path(folder))
        if checked.fault:
            return checked, found
        size = checked.checkpoint.size
        node = nodes_of(lambda place: export.tile(place, _width(place, size)))
        history = ExportedHistory(export, size, Path(folder))
        for position, record in history.of_type(STATEMENT):
            found.append(_replayed(history, node, position, record))
            progress(position)
    return checked, found


def _replayed(history: ExportedHistory, node: Node, position: int, record: bytes) -> Replayed:
    try:
        statement: StatementPublished = decode(record)
    except RecordError as error:
        return Replayed(position, None, str(error))
    reason = _unknown(statement) or _inconsistent(statement, position) or _unrooted(statement, node)
    note = None
    if reason is None:
        reason = _different(history, statement)
        if statement.definition != view("kpi").definition:
            reason, note = _by_another_definition(statement, is_different=reason is not None)
    return Replayed(position, statement, reason, note)


def _unknown(statement: StatementPublished) -> str | None:
    if unknown := set(statement.names) - {*SUMS}:
        return (
            f"it has the sum {min(unknown)}, which this program does not know: replay it with"
            f" {statement.program}"
        )
    return None


def _by_another_definition(
    statement: StatementPublished, *, is_different: bool
) -> tuple[str | None, str | None]:
    """Return what is wrong, or else a note: definitions that differ may make the same figures."""
    said, known = (
        f"{one[:SHOWN_DIGITS]}…" for one in (statement.definition, view("kpi").definition)
    )
    if is_different:
        return (
            f"its definition is {said}, and this program's {known}, which makes other figures:"
            " replay it with the version of that definition. It was published with"
            f" {statement.program}"
        ), None
    return None, f"its definition is {said}, and this program's {known} makes the same figures"


def _inconsistent(statement: StatementPublished, position: int) -> str | None:
    if not 0 <= statement.position < position:
        return f"it is of position {statement.position:,}, which is not before its own"
    rows = statement.rows
    if rows is None:
        return None
    if len(rows) != statement.row_count:
        return f"it has {len(rows):,} rows, and says that they are {statement.row_count:,}"
    if digest_of(text_of(rows)) != statement.digest:
        return "its digest is not that of its rows"
    return None


def _unrooted(statement: StatementPublished, node: Node) -> str | None:
    found = _root(node, statement.position).hex()
    if found == statement.root:
        return None
    return (
        f"its root of {statement.position:,} records is {statement.root[:SHOWN_DIGITS]}…, and the"
        f" export's {found[:SHOWN_DIGITS]}…: it was published of another log"
    )


def _different(history: ExportedHistory, statement: StatementPublished) -> str | None:
    try:
        question, city = question_of(statement), ZoneInfo(statement.city)
    except (QuestionError, ValueError, ZoneInfoNotFoundError) as error:
        return f"it answers what cannot be asked: {error}"
    try:
        with history.upto(statement.position, city.key) as recalled:
            rows = recounted(recalled, question, city, statement.names)
    except UnanswerableError as error:
        return f"it answers what has no answer: {error}"
    found = digest_of(text_of(rows))
    if found == statement.digest:
        return None
    if statement.rows is None:
        return (
            f"the digest of its {statement.row_count:,} rows is"
            f" {statement.digest[:SHOWN_DIGITS]}…, and the records make {len(rows):,} rows of"
            f" {found[:SHOWN_DIGITS]}…"
        )
    return _first_difference(question, statement.names, statement.rows, rows)


def _first_difference(
    question: Question,
    names: Sequence[str],
    said: Sequence[StatedRow],
    found: Sequence[StatedRow],
) -> str:
    for one, due in zip(said, found, strict=False):
        if (one.begin, one.end, one.labels) != (due.begin, due.end, due.labels):
            return f"it has a row {_place(question, one)}, and {_place(question, due)} is due"
        for name, value, made in zip(names, one.sums, due.sums, strict=False):
            if value != made:
                place = _place(question, one)
                return f"{name} {place} is {value}, and the records make it {made}"
    return f"it has {len(said):,} rows, and the records make {len(found):,}"


def _place(question: Question, row: StatedRow) -> str:
    begin, end = (at.astimezone(question.timezone).isoformat() for at in (row.begin, row.end))
    labels = [
        f", {name} {label or 'not known'}"
        for name, label in zip(question.grouped, row.labels, strict=False)
    ]
    return f"from {begin} to {end}{''.join(labels)}"


def _root(node: Node, size: int) -> bytes:
    """Return the root of an export's first records.

    Raises:
        ExportError: a tile is missing.
    """
    try:
        return range_root(node, 0, size)
    except MissingTileError as error:
        raise ExportError(f"{error}: see what dasan audit verify says") from error


def _width(place: Place, size: int) -> int:
    """Return how many hashes a tile has in the tree of so many leaves."""
    return min(WIDTH, (size >> HEIGHT * place.level) - place.number * WIDTH)

"""What commands that show KPIs share: waiting for the view, printing an answer."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import orjson
from psycopg import Connection

from cli.kpi_table import print_table
from cli.progress import progress_bar
from eventlog.archive import Archive
from eventlog.log import Log
from eventlog.reader import head
from projections.answer import Answer, answers
from projections.asking_history import Past
from projections.feeding import bring_to_head
from projections.question import Question

VIEW = "kpi"


@contextmanager
def caught_up(log: Log, view: str = VIEW) -> Iterator[Connection]:
    """Yield a connection once the view has reached the head that the log has now.

    Raises:
        ViewStoppedError: the view met an event that it cannot merge.
    """
    with log.database.connect() as connection:
        with progress_bar("counting", head(connection)) as progress:
            bring_to_head(log.database, view, progress)
        yield connection


@contextmanager
def recalling(log: Log, connection: Connection) -> Iterator[Past]:
    """Yield where the city's history is; a bar shows how far reading it has come."""
    settings = log.settings
    with progress_bar("recalling", head(connection)) as progress:
        yield Past(connection, Archive(settings.archive), settings.timezone, progress=progress)


def print_answer(connection: Connection, question: Question) -> None:
    """Print the answer of the view as a table, with the whole range in its last row."""
    print_answers(question, answers(connection, with_total(question)))


def with_total(question: Question) -> list[Question]:
    """Return the question, and the one for its whole range where the two go together."""
    # Agents and agencies have no total: their tables leave out what names none.
    if question.by == ("total",) or {"agent", "agency"} & {*question.grouped}:
        return [question]
    return [question, replace(question, by=("total",))]


def print_answers(question: Question, told: Sequence[Answer]) -> None:
    """Print an answer, with that of the whole range; then both as they are known now, if asked."""
    print_table(question, *told)
    if known_now := [answer.known_now for answer in told if answer.known_now]:
        print("\nknown now:")
        print_table(question, *known_now)


def print_document(document: Mapping[str, Any]) -> None:
    """Print a JSON document, indented."""
    print(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())

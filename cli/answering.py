"""What commands that show KPIs share: waiting for the view, printing an answer."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import orjson
from psycopg import Connection

from cli.kpi_table import print_table
from cli.progress import progress_bar
from eventlog.log import Log
from eventlog.reader import head
from projections.answer import answer, answers
from projections.feeding import catch_up
from projections.question import Question
from projections.runner import Runner, ViewStoppedError

VIEW = "kpi"


@contextmanager
def caught_up(log: Log, view: str = VIEW) -> Iterator[Connection]:
    """Yield a connection once the view has reached the head that the log has now.

    Raises:
        ViewStoppedError: the view met an event that it cannot merge.
    """
    with log.database.connect() as connection:
        goal = head(connection)
        runner = Runner(connection)
        try:
            with progress_bar("counting", goal) as progress:
                catch_up(runner, log.database.connect, goal, progress)
        except ViewStoppedError:
            # Another view that has stopped is no hindrance.
            if any(s.position < goal for s in runner.progress() if s.view == view):
                raise
        yield connection


def print_answer(connection: Connection, question: Question) -> None:
    """Print the answer as a table, with the whole range in its last row."""
    # Agents and agencies have no total: their tables leave out what names none.
    if question.by == ("total",) or {"agent", "agency"} & {*question.grouped}:
        print_table(question, answer(connection, question))
    else:
        print_table(question, *answers(connection, [question, replace(question, by=("total",))]))


def print_json(connection: Connection, question: Question) -> None:
    """Print the answer as one JSON document."""
    print_document(answer(connection, question).as_json())


def print_document(document: Mapping[str, Any]) -> None:
    """Print a JSON document, indented."""
    print(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())

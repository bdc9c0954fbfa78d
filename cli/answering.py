"""What commands that show KPIs share: reading times, waiting for the view, printing an answer."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import orjson
from psycopg import Connection

from cli.kpi_table import print_table
from cli.progress import progress_bar
from eventlog.log import Log
from eventlog.reader import head
from projections.answer import answer, answers, span
from projections.feeding import catch_up
from projections.question import Bucket, Question, QuestionError, midnight
from projections.runner import Runner, ViewStoppedError

VIEW = "kpi"


def instant(text: str, timezone: ZoneInfo) -> datetime:
    """Return a time as written; without offset it is of the zone, without a time its midnight.

    Raises:
        QuestionError: it is none.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise QuestionError(
            f"{text!r} is no date or time: write 2012-02-29 or 2012-02-29T18:00"
        ) from error
    return at if at.tzinfo else at.replace(tzinfo=timezone)


@contextmanager
def caught_up(log: Log) -> Iterator[Connection]:
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
            if any(s.position < goal for s in runner.progress() if s.view == VIEW):
                raise
        yield connection


def days_held(connection: Connection, timezone: ZoneInfo) -> Bucket:
    """Return the days of the zone that the tables hold anything of, today where they are empty."""
    today = datetime.now(timezone).date()
    held = span(connection, timezone) or Bucket(
        midnight(today, timezone), midnight(today + timedelta(days=1), timezone)
    )
    return Bucket(*(at.astimezone(timezone) for at in held))


def print_answer(connection: Connection, question: Question) -> None:
    """Print the answer as a table, with the whole range in its last row."""
    # Agents and agencies have no total: their tables leave out what names none.
    if question.by == ("total",) or {"agent", "agency"} & {*question.grouped}:
        print_table(question, answer(connection, question))
    else:
        print_table(question, *answers(connection, [question, replace(question, by=("total",))]))


def print_json(connection: Connection, question: Question) -> None:
    """Print the answer as one JSON document."""
    document = answer(connection, question).as_json()
    print(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())

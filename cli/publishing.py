"""`dasan kpi --publish`: what was answered becomes a statement in the log."""

from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from psycopg import Connection

from domain.publishing import publish, statements_of
from domain.request import Request
from eventlog.checkpoint import signer_of
from eventlog.log import Log
from projections.answer import Answer
from projections.question import Question
from projections.statements import root_at, statement_of


class Published(NamedTuple):
    """A statement: where it stands, and what it is of."""

    id: str
    position: int
    root: str
    digest: str


def published(log: Log, connection: Connection, question: Question, answer: Answer) -> Published:
    """Append the statement of an answer, and return it.

    What is stated is what was answered: replaying takes it from the whole history, and so compares
    the view's tables, too, where they have answered.

    Raises:
        QuestionError: the question is too long for a record.
        TreeError: the log does not continue what was signed.
        WriterError, StaleVersionError: it could not be appended.
    """
    settings = log.settings
    signer = signer_of(settings.source, settings.home)
    statement: dict[str, Any] = statement_of(
        question,
        answer,
        root=root_at(connection, signer, answer.position),
        city=ZoneInfo(settings.timezone),
        program=f"dasan/{version('dasan')}",
    )
    stream = statements_of(settings.source)
    now = datetime.now(UTC)
    cause = log.keys.cause("command", "publish", statement["digest"], now.isoformat())
    number, position = publish(
        log.inquiries.mapper,
        log.inquiries.recorder,
        statement,
        stream=stream,
        at=now,
        request=Request(actor="service:publish", cause=cause),
    )
    return Published(f"{stream}/{number}", position, statement["root"], statement["digest"])

"""The published KPIs: every statement of the log, with where it stands and what it is of."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

import orjson
from fastapi import Depends, Query
from pydantic import BaseModel, Field

from api.problems import responses
from api.routers import router_of
from api.security import Scope, needs
from api.service import ServiceDep
from domain.events import StatementPublished
from domain.publishing import statements_of
from eventlog.reader import SELECT, StoredRecord
from eventlog.record import decode
from projections.statements import question_of

router = router_of("/v1/audit/statements", "audit")

MAX_PAGE = 100
MAX_POSITION = 2**63 - 1


class StatementQuestion(BaseModel):
    """What was asked, as `GET /v1/kpi` takes it; an empty label is those without one."""

    begin: datetime = Field(alias="from")
    end: datetime = Field(alias="to")
    timezone: str
    by: list[str]
    filters: dict[str, list[str]]
    threshold_s: int
    short_s: int


class Statement(BaseModel):
    """A published answer: of the log up to `of_position`, which has this root, in hexadecimal.

    The digest is of all `row_count` rows; `rows` are null where they are too many for a record.
    """

    id: str
    position: int
    recordedtime: datetime
    actor: str
    of_position: int
    root: str
    definition: str
    city: str
    program: str
    question: StatementQuestion
    rows: list[dict[str, Any]] | None
    row_count: int
    digest: str


class StatementPage(BaseModel):
    """Some statements in the order of the log, and after which position the next are, if any."""

    statements: list[Statement]
    next: int | None


@router.get(
    "",
    name="statements",
    dependencies=[Depends(needs(Scope.AUDIT_READ))],
    responses=responses(
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.SERVICE_UNAVAILABLE,
    ),
)
def statements(
    service: ServiceDep,
    after: Annotated[int, Query(ge=0, le=MAX_POSITION, description="A log position.")] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
) -> StatementPage:
    """List the published KPIs, the first of the log first. Past the end there are none.

    `dasan audit replay` recomputes each; `/v1/audit/events/{position}/proof` proves that it is in
    the log.
    """
    stream = statements_of(service.settings.source)
    with service.pool.connection() as connection:
        rows = connection.execute(
            SELECT + "WHERE stream_id = %s AND position > %s ORDER BY version LIMIT %s",
            [stream, after, limit],
        ).fetchall()
    found = [StoredRecord(*row) for row in rows]
    return StatementPage(
        statements=[_told(stored) for stored in found],
        next=found[-1].position if len(found) == limit else None,
    )


def _told(stored: StoredRecord) -> Statement:
    statement: StatementPublished = decode(stored.record)
    envelope = orjson.loads(stored.record)
    question = question_of(statement)
    return Statement(
        id=envelope["id"],
        position=stored.position,
        recordedtime=envelope["recordedtime"],
        actor=envelope["actor"],
        of_position=statement.position,
        root=statement.root,
        definition=statement.definition,
        city=statement.city,
        program=statement.program,
        question=StatementQuestion(
            **{"from": question.begin, "to": question.end},
            timezone=statement.timezone,
            by=list(question.by),
            filters={name: list(values) for name, values in question.filters.items()},
            threshold_s=question.threshold_s,
            short_s=question.short_s,
        ),
        rows=None if statement.rows is None else _rows(statement),
        row_count=statement.row_count,
        digest=statement.digest,
    )


def _rows(statement: StatementPublished) -> list[dict[str, Any]]:
    """Return the rows as `GET /v1/kpi` gives them, without what is taken from the sums."""
    question = question_of(statement)
    return [
        {
            "from": row.begin.astimezone(question.timezone).isoformat(),
            "to": row.end.astimezone(question.timezone).isoformat(),
            **dict(zip(question.grouped, row.labels, strict=True)),
            **dict(zip(statement.names, row.sums, strict=True)),
        }
        for row in statement.rows or ()
    ]

"""The list of inquiries, out of the view `inquiries`: newest first, page by page."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query
from psycopg import sql
from psycopg.rows import class_row
from pydantic import BaseModel

from api.bodies import CodeFilter, Time
from api.cursors import cursor, place
from api.problems import responses
from api.routers import router_of
from api.security import Scope, needs
from api.service import ServiceDep
from domain.vocabulary import Channel, Outcome, Status
from projections.reading import standing_still

router = router_of("/v1/inquiries", "inquiries")

MAX_PAGE = 500


class InquiryRow(BaseModel):
    """An inquiry as the view has it."""

    id: UUID
    version: int
    status: Status
    channel: Channel
    language: str | None
    category: str | None
    district: str | None
    citizen: UUID | None
    received_at: datetime
    due_at: datetime | None
    changed_at: datetime
    first_answered_at: datetime | None
    resolved_at: datetime | None
    outcome: Outcome | None
    holder: str | None
    queue: str | None
    agent: str | None
    agency: str | None
    score: int | None


class InquiryPage(BaseModel):
    """Some inquiries, the log position that they stand for, and how to get the next; null: none."""

    position: int
    inquiries: list[InquiryRow]
    next: str | None


_COLUMNS = sql.SQL(", ").join(
    sql.SQL("stream_id AS id") if name == "id" else sql.Identifier(name)
    for name in InquiryRow.model_fields
)


@router.get(
    "",
    dependencies=[Depends(needs(Scope.INQUIRIES_READ))],
    responses=responses(
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.SERVICE_UNAVAILABLE,
    ),
)
def inquiries(  # noqa: PLR0913, PLR0917 - the filters
    service: ServiceDep,
    status: Annotated[list[Status], Query()] = [],  # noqa: B006 - FastAPI copies it
    channel: Annotated[list[Channel], Query()] = [],  # noqa: B006
    language: Annotated[list[CodeFilter], Query()] = [],  # noqa: B006
    queue: Annotated[list[CodeFilter], Query()] = [],  # noqa: B006
    category: Annotated[list[CodeFilter], Query()] = [],  # noqa: B006
    district: Annotated[list[CodeFilter], Query()] = [],  # noqa: B006
    agent: Annotated[list[CodeFilter], Query()] = [],  # noqa: B006
    agency: Annotated[list[CodeFilter], Query()] = [],  # noqa: B006
    received_from: Annotated[Time | None, Query(description="At or after.")] = None,
    received_to: Annotated[Time | None, Query(description="Before.")] = None,
    after: Annotated[str | None, Query(description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
) -> InquiryPage:
    """List inquiries, the last received first. Past the end there are none."""
    filters: dict[str, list[Any]] = {
        "status": list(status), "channel": list(channel), "language": list(language),
        "queue": list(queue), "category": list(category), "district": list(district),
        "agent": list(agent), "agency": list(agency),
    }  # fmt: skip
    conditions: list[sql.Composable] = [
        sql.SQL("{} = ANY ({})").format(sql.Identifier(name), sql.Placeholder(name))
        for name, wanted in filters.items()
        if wanted
    ]
    values: dict[str, Any] = {**filters, "from": received_from, "to": received_to, "limit": limit}
    if received_from:
        conditions.append(sql.SQL("received_at >= %(from)s"))
    if received_to:
        conditions.append(sql.SQL("received_at < %(to)s"))
    if after:
        values["at"], values["stream"], _ = place(after)
        conditions.append(sql.SQL("(received_at, stream_id) < (%(at)s, %(stream)s)"))
    query = sql.SQL(
        "SELECT {} FROM inquiries.inquiry WHERE {} ORDER BY received_at DESC, stream_id DESC"
        " LIMIT %(limit)s"
    ).format(_COLUMNS, sql.SQL(" AND ").join([sql.SQL("true"), *conditions]))
    with service.pool.connection() as connection, standing_still(connection, "inquiries"):
        row = connection.execute("SELECT position FROM projection WHERE view = 'inquiries'")
        [position] = row.fetchone() or (0,)
        rows = (
            connection.cursor(row_factory=class_row(InquiryRow)).execute(query, values).fetchall()
        )
    last = rows[-1] if len(rows) == limit else None
    return InquiryPage(
        position=position,
        inquiries=rows,
        next=cursor(last.received_at, last.id) if last else None,
    )

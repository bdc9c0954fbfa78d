"""Who did what: the view `audit`, searched."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from api.audit import MAX_POSITION
from api.bodies import CodeFilter, Time
from api.problems import responses
from api.routers import router_of
from api.security import Scope, needs
from api.service import ServiceDep
from domain.request import ACTOR
from projections.searching import Search, search

router = router_of("/v1/audit", "audit")

MAX_PAGE = 500


class Wanted(BaseModel):
    """What is searched for, in any combination."""

    model_config = ConfigDict(frozen=True)

    actor: Annotated[
        str | None,
        Field(pattern=f"^{ACTOR}$", description="Who did it.", examples=["agent:a017"]),
    ] = None
    agent: Annotated[
        CodeFilter | None,
        Field(description="Whom it is about: who answered, was rated, handed over or took over."),
    ] = None
    stream: Annotated[
        UUID | None,
        Field(description="An inquiry or another stream, with the disclosures of its texts."),
    ] = None
    type: Annotated[
        str | None, Field(description="Without its version.", examples=["disclosure.made"])
    ] = None
    recorded_from: Annotated[Time | None, Field(description="Taken by the log at or after.")] = None
    recorded_to: Annotated[Time | None, Field(description="Taken by the log before.")] = None
    time_from: Annotated[Time | None, Field(description="Happened at or after.")] = None
    time_to: Annotated[Time | None, Field(description="Happened before.")] = None
    order: Literal["newest", "oldest"] = Field("newest", description="What comes first.")
    after: Annotated[
        int | None, Field(ge=1, le=MAX_POSITION, description="`next` of the page before.")
    ] = None
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 50


class OpenedText(BaseModel):
    """A sealed field that was read."""

    stream: UUID
    version: int
    field: str


class AuditEntry(BaseModel):
    """An event: who did what, when, to what; its sealed fields by name.

    `agent` is whom it is about and `to_agent` to whom an inquiry was handed. A disclosure has its
    purpose, and which fields of which streams it opened.
    """

    position: int
    recordedtime: datetime
    time: datetime
    stream: UUID
    version: int
    type: str
    actor: str
    agent: str | None
    to_agent: str | None
    sealed: list[str] | None
    purpose: str | None
    opened: list[OpenedText] | None


class AuditPage(BaseModel):
    """Some entries, the log position that they stand for, and how to get the next; null: none."""

    position: int
    entries: list[AuditEntry]
    next: int | None


@router.get(
    "/entries",
    name="search_audit",
    dependencies=[Depends(needs(Scope.AUDIT_READ))],
    responses=responses(
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.SERVICE_UNAVAILABLE,
    ),
)
def entries(service: ServiceDep, wanted: Annotated[Wanted, Query()]) -> AuditPage:
    """Search for who did what, the newest first. Past the end there is nothing."""
    asked = wanted.model_dump(exclude={"order"})
    with service.pool.connection() as connection:
        found = search(connection, Search(**asked, oldest_first=wanted.order == "oldest"))
    return AuditPage.model_validate(found, from_attributes=True)

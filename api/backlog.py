"""The backlog: what is open now or at an instant, and how old it is."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import Depends, Query
from starlette.concurrency import run_in_threadpool

from api.history import RecallingDep
from api.kpi import AsOf
from api.problems import responses
from api.routers import router_of
from api.security import Scope, needs
from api.service import ServiceDep
from projections.as_of import position_or_time
from projections.asking_history import Past
from projections.backlog import backlog_now, read_backlog
from projections.question import instant

router = router_of("/v1", "kpi")


@router.get(
    "/backlog",
    dependencies=[Depends(needs(Scope.KPI_READ))],
    responses=responses(
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.SERVICE_UNAVAILABLE,
    ),
)
async def backlog(
    service: ServiceDep,
    recalling: RecallingDep,
    at: Annotated[
        str | None, Query(description="Date or time, in the city's zone; by default now.")
    ] = None,
    as_of: AsOf = None,
    by: Literal["queue", "channel", "language", "category", "district"] | None = None,
) -> dict[str, Any]:
    """Tell how many inquiries are open, and how old they are, in all or by a label.

    Now the view knows it, and who waits in the queues and who talks. At an instant it is made of
    the facts until then, from the archive and the log, one question after the other.
    """
    now = datetime.now(service.timezone)
    instant_asked = None if at is None else instant(at, service.timezone)
    known_by = None if as_of is None else position_or_time(as_of, service.timezone)

    def from_view() -> dict[str, Any]:
        with service.pool.connection() as connection:
            [told] = backlog_now(connection, now, [by])
            return told.as_json()

    def from_history(past: Past) -> dict[str, Any]:
        [told] = read_backlog(past, [by], at=instant_asked, known_by=known_by, now=now)
        return told.as_json()

    if at is None and as_of is None:
        return await run_in_threadpool(from_view)
    return await recalling.told(from_history)

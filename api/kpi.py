"""KPIs: one question, one answer with the position that it stands for."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Query

from api.problems import responses
from api.routers import router_of
from api.security import Scope, needs
from api.service import ServiceDep
from eventlog.settings import SettingsError, zone
from projections.answer import answer, held
from projections.question import (
    DIMENSIONS,
    MAX_THRESHOLD_S,
    PERIODS,
    Question,
    QuestionError,
    instant,
)

router = router_of("/v1", "kpi")

_PROBLEMS = responses(
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
_BY = f"One of {', '.join(PERIODS)}, and any of {', '.join(DIMENSIONS)}; with commas."
_TIME = "Date or time; without offset in the zone."
Values = Annotated[list[str], Query(description="Only these; empty for those without.")]
Threshold = Annotated[int, Query(ge=0, le=MAX_THRESHOLD_S, description="Seconds, inclusive.")]


@router.get("/kpi", responses=_PROBLEMS, dependencies=[Depends(needs(Scope.KPI_READ))])
def kpi(  # noqa: PLR0913, PLR0917 - the parameters of the question
    service: ServiceDep,
    begin: Annotated[str | None, Query(alias="from", description=_TIME)] = None,
    end: Annotated[str | None, Query(alias="to", description=f"{_TIME} Not in the range.")] = None,
    by: Annotated[str, Query(description=_BY)] = "total",
    queue: Values = [],  # noqa: B006 - FastAPI copies it
    channel: Values = [],  # noqa: B006
    language: Values = [],  # noqa: B006
    category: Values = [],  # noqa: B006
    district: Values = [],  # noqa: B006
    agent: Values = [],  # noqa: B006
    agency: Values = [],  # noqa: B006
    threshold: Threshold = 15,
    short: Threshold = 5,
    timezone: Annotated[str | None, Query(description="IANA zone; the city's by default.")] = None,
) -> dict[str, Any]:
    """Answer a question for KPIs, by default of all days that the tables hold.

    Definitions and names are those of docs/kpi.md. Null is not known, or nothing to divide.
    """
    try:
        asked_zone = zone(timezone or service.settings.timezone)
    except SettingsError as error:
        raise QuestionError(str(error)) from error
    filters = {
        "queue": queue, "channel": channel, "language": language, "category": category,
        "district": district, "agent": agent, "agency": agency,
    }  # fmt: skip
    with service.pool.connection() as connection:
        known = held(connection, asked_zone)
        question = Question(
            begin=instant(begin, asked_zone) if begin else known.begin,
            end=instant(end, asked_zone) if end else known.end,
            timezone=asked_zone,
            by=tuple(name.strip() for name in by.split(",")),
            filters={name: tuple(values) for name, values in filters.items() if values},
            threshold_s=threshold,
            short_s=short,
        )
        return answer(connection, question).as_json()

"""KPIs: one question, one answer with the position that it stands for."""

from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Query
from starlette.concurrency import run_in_threadpool

from api.history import RecallingDep
from api.problems import responses
from api.routers import router_of
from api.security import Scope, needs
from api.service import ServiceDep
from eventlog.settings import SettingsError, zone
from projections.answer import answer, held, standing
from projections.as_of import moment_of, position_or_time
from projections.asking import ask, held_by_view
from projections.asking_history import Past
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
AsOf = Annotated[
    str | None,
    Query(description="As known at this log position, or at this time of recording."),
]
Values = Annotated[list[str], Query(description="Only these; empty for those without.")]
Threshold = Annotated[int, Query(ge=0, le=MAX_THRESHOLD_S, description="Seconds, inclusive.")]


@router.get("/kpi", responses=_PROBLEMS, dependencies=[Depends(needs(Scope.KPI_READ))])
async def kpi(  # noqa: PLR0913, PLR0917 - the parameters of the question
    service: ServiceDep,
    recalling: RecallingDep,
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
    as_of: AsOf = None,
    history: Annotated[
        bool, Query(description="Add what takes the whole history: cumulative, fcr_repeat.")
    ] = False,
) -> dict[str, Any]:
    """Answer a question for KPIs, by default of all days that the tables hold.

    Definitions and names are those of docs/kpi.md. Null is not known, or nothing to divide. With
    `as_of` the answer is the one that was known then, and `known_now` is the one of now. What no
    table holds is answered from the archive and the log, one question after the other.
    """
    try:
        asked_zone = zone(timezone or service.settings.timezone)
    except SettingsError as error:
        raise QuestionError(str(error)) from error
    known_by = None if as_of is None else position_or_time(as_of, asked_zone)
    filters = {
        "queue": queue, "channel": channel, "language": language, "category": category,
        "district": district, "agent": agent, "agency": agency,
    }  # fmt: skip

    def from_view() -> Question | dict[str, Any]:
        """Return the answer, or the question that takes the history."""
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
            view = standing(connection)
            if known_by is not None or history or not held_by_view(question, view):
                return question
            return answer(connection, question).as_json()

    def from_history(question: Question, past: Past) -> dict[str, Any]:
        moment = None if known_by is None else moment_of(past.connection, known_by)
        [answered] = ask(past, [question], as_of=moment, with_history=history)
        return answered.as_json()

    told = await run_in_threadpool(from_view)
    if isinstance(told, Question):
        return await recalling.told(partial(from_history, told))
    return told

"""Whether the server lives and is ready, and how far its views are; open to everybody."""

from http import HTTPStatus

from fastapi import Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from pydantic import BaseModel

from api.problems import VIEW_STOPPED, problem, responses
from api.routers import router_of
from api.service import Service, ServiceDep
from eventlog.reader import head
from projections.runner import states

router = router_of("", "health")


class ViewState(BaseModel):
    """How far a view has come; `error` is why it stopped, null while it runs."""

    view: str
    position: int
    error: str | None


class Readiness(BaseModel):
    """The head of the log, and the views."""

    position: int
    views: list[ViewState]


@router.get(
    "/health/live",
    status_code=HTTPStatus.NO_CONTENT,
    responses=responses(HTTPStatus.UNPROCESSABLE_ENTITY),
)
async def live() -> None:
    """Say that the process answers."""


@router.get(
    "/health/ready",
    response_model=Readiness,
    responses=responses(HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE),
)
def ready(service: ServiceDep) -> Readiness | Response:
    """Say that the database answers and every view runs."""
    readiness = _readiness(service)
    stopped = [view for view in readiness.views if view.error]
    if stopped:
        reasons = "; ".join(f"{view.view}: {view.error}" for view in stopped)
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, VIEW_STOPPED, reasons)
    return readiness


@router.get(
    "/metrics",
    response_class=Response,
    responses=responses(HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE),
)
def metrics(service: ServiceDep) -> Response:
    """Return positions in the text format of Prometheus."""
    readiness = _readiness(service)
    registry = CollectorRegistry()
    Gauge("dasan_log_position", "Head of the log.", registry=registry).set(readiness.position)
    position = Gauge("dasan_view_position", "How far a view is.", ["view"], registry=registry)
    stopped = Gauge("dasan_view_stopped", "1: it does not go on.", ["view"], registry=registry)
    for view in readiness.views:
        position.labels(view.view).set(view.position)
        stopped.labels(view.view).set(view.error is not None)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def _readiness(service: Service) -> Readiness:
    with service.pool.connection() as connection:
        views = [
            ViewState(view=state.view, position=state.position, error=state.error)
            for state in states(connection)
        ]
        return Readiness(position=head(connection), views=views)

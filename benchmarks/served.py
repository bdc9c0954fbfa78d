"""`dasan serve` in a process of its own, with one route more: a command that is only validated."""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from socket import socket

from fastapi import Response

from api.app import create_app
from api.bodies import Receive
from api.command_route import CommandRoute
from api.orders import OrderDep
from api.security import Scope, Tokens
from api.service import ServiceDep
from benchmarks.server import Place
from cli.serving import HOST, listening, run
from projections.runner import prepare

VALIDATED = "/v1/validated"
_KEY = bytes(32)


@dataclass(frozen=True, slots=True)
class Served:
    """Where the service listens, who may use it, and its process."""

    place: Place
    url: str
    token: str
    process: int

    @property
    def resident_mb(self) -> float:
        """Memory of the service, without the database's; 0 where the system does not tell."""
        status = Path(f"/proc/{self.process}/status")
        lines = status.read_text().splitlines() if status.exists() else []
        return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


@contextmanager
def served(place: Place) -> Iterator[Served]:
    """Run the service on a log, with its views."""
    prepare(place.database, place.settings.timezone)
    token = Tokens(_KEY).issue("benchmark", frozenset({Scope.ADMIN}), timedelta(days=1))
    with listening(HOST, 0) as listener:
        url = f"http://{HOST}:{listener.getsockname()[1]}"
        process = multiprocessing.get_context("spawn").Process(
            target=_serve, args=(place, listener)
        )
        process.start()
    try:
        yield Served(place, url, token, process.pid or 0)
    finally:
        process.terminate()
        process.join()


def _serve(place: Place, listener: socket) -> None:
    app = create_app(place.settings, place.database, place.keys, Tokens(_KEY))
    app.router.routes.insert(0, CommandRoute(VALIDATED, _validated, methods=["POST"]))
    run(app, listener, place.settings)


async def _validated(
    body: Receive,  # noqa: ARG001 - validated, and that is all
    order: OrderDep,  # noqa: ARG001
    service: ServiceDep,  # noqa: ARG001
) -> Response:
    """Do what a command does before it decides, and answer as much as it would."""
    answer = b'{"id":"0191b1c2-0000-7000-8000-000000000000","version":1}'
    return Response(answer, 201, {"ETag": '"1"', "Location": VALIDATED}, "application/json")

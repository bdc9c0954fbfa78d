"""Questions that take the whole history: one at a time, in bounded memory and time."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, FastAPI, Request
from starlette.concurrency import run_in_threadpool

from api import limits
from api.service import Service, ServiceDep
from eventlog.archive import Archive
from projections.asking_history import Past

MEMORY_LIMIT = "400MB"
"""What does not fit goes to a temporary folder."""

SPARE_S = 2.0
"""Left of the time for an answer once a history is given up: to say so."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Recalling:
    """Carries out what reads the whole history; whoever comes meanwhile waits for the turn.

    Waiting takes no thread and no connection, so that other requests are answered all the while.
    """

    service: Service
    turn: asyncio.Lock
    give_up_at: float

    async def told(self, work: Callable[[Past], T]) -> T:
        """Return what `work` makes of the history.

        Raises:
            TooLongError: it was not done while the request may be answered.
        """
        async with self.turn:
            return await run_in_threadpool(self._carry_out, work)

    def _carry_out(self, work: Callable[[Past], T]) -> T:
        settings = self.service.settings
        with self.service.pool.connection() as connection:
            archive = Archive(settings.archive)
            past = Past(connection, archive, settings.timezone, MEMORY_LIMIT, self.give_up_at)
            return work(past)


def install(app: FastAPI) -> None:
    """Let the app have one turn."""
    app.state.history_turn = asyncio.Lock()


async def _recalling(request: Request, service: ServiceDep) -> Recalling:
    give_up_at = time.monotonic() + limits.ANSWER_S - SPARE_S
    return Recalling(service, request.app.state.history_turn, give_up_at)


RecallingDep = Annotated[Recalling, Depends(_recalling)]

"""What would take too much of a server's room or time: refused by problem documents."""

import asyncio
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import TOO_SLOW, problem

MAX_BODY_BYTES = 128 * 1024
"""More than the texts of one command in any encoding; an event has 65,535 bytes at most."""

ANSWER_S = 20.0
"""From the head of a request to the beginning of its answer; longer than a statement may take."""


class TooLargeAsProblem:
    """Puts a problem document in the place of the framework's plain text."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer, and replace a 413."""
        replaced = False

        async def answer(message: Message) -> None:
            nonlocal replaced
            status = message.get("status")
            if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                replaced = True
                await problem(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                    "too-large",
                    f"the body has more than {MAX_BODY_BYTES:,} bytes: shorten its texts",
                )(scope, receive, send)
            elif not replaced:
                await send(message)

        await self._app(scope, receive, answer)


class InTime:
    """Ends what has not begun to answer in time; an answer that has begun may go on for ever.

    A command that is ended here may have been carried out: its key tells when it is sent again.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer, or say whom it had to wait for."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        awaits_client = False

        async def take() -> Message:
            nonlocal awaits_client
            awaits_client = True
            message = await receive()
            awaits_client = False
            return message

        async def answer(message: Message) -> None:
            limit.reschedule(None)
            await send(message)

        limit = asyncio.timeout(ANSWER_S)
        try:
            async with limit:
                await self._app(scope, take, answer)
        except TimeoutError:
            if not limit.expired():
                raise
            late = problem(*(_BODY_LATE if awaits_client else _ANSWER_LATE))
            await late(scope, receive, send)


_BODY_LATE = (
    HTTPStatus.REQUEST_TIMEOUT,
    "request-timeout",
    f"the body did not come within {ANSWER_S:.0f} seconds: send it again, at once as a whole",
)
_ANSWER_LATE = (
    HTTPStatus.SERVICE_UNAVAILABLE,
    TOO_SLOW,
    f"there was no answer within {ANSWER_S:.0f} seconds: send it again, a command with the same"
    " Idempotency-Key, which is carried out once",
)

"""What would take too much of a server's room or time: refused by problem documents."""

import asyncio
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import TOO_SLOW, problem

MAX_BODY_BYTES = 128 * 1024
"""More than the texts of one command in any encoding; an event has 65,535 bytes at most."""

ANSWER_S = 20.0
"""From the head of a request to the beginning of its answer; longer than a statement may take."""


class Limits:
    """Refuses a body that is too large, and ends what has not begun to answer in time.

    An answer that has begun may go on for ever. A command that is ended here may have been carried
    out: its key tells when it is sent again.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer, or say what was too much."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        awaits_client = False
        size = 0

        async def take() -> Message:
            nonlocal awaits_client, size
            awaits_client = True
            message = await receive()
            awaits_client = False
            size += len(message.get("body", b""))
            if size > MAX_BODY_BYTES:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE)
            return message

        async def answer(message: Message) -> None:
            limit.reschedule(None)
            if message["type"] == "http.response.start":
                _keep_out_of_caches(message["headers"])
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


def _keep_out_of_caches(headers: list[tuple[bytes, bytes]]) -> None:
    """Let nobody between us keep an answer, unless its route says how long it may be kept."""
    if not any(name.lower() == b"cache-control" for name, _ in headers):
        headers.append((b"cache-control", b"no-store"))


_TOO_LARGE = f"the body has more than {MAX_BODY_BYTES:,} bytes: shorten its texts"
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

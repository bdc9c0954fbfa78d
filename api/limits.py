"""Bodies that are too large: refused as a problem document, like everything else."""

from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem

MAX_BODY_BYTES = 128 * 1024
"""More than the texts of one command in any encoding; an event has 65,535 bytes at most."""


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

"""HEAD: the answer to GET without its body (RFC 9110, section 9.3.2), on every route."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Heads:
    """Lets the application answer a HEAD as a GET, and keeps the body back.

    Once the head is answered the client is gone for the application, so that a stream that never
    ends does.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        is_answered = False

        async def take() -> Message:
            return {"type": "http.disconnect"} if is_answered else await receive()

        async def answer(message: Message) -> None:
            nonlocal is_answered
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body"})
                is_answered = True

        await self._app({**scope, "method": "GET"}, take, answer)

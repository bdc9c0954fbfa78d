"""The log as it is: records by position, as lines or as a stream that never ends."""

import re
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from api.following import END, KEEP_ALIVE_S, TROUBLE, page
from api.problems import BadRequestError, responses
from api.routers import router_of
from api.security import Caller, Scope, UnauthenticatedError, needs
from api.service import Service, ServiceDep

router = router_of("/v1/events", "events")
_auditor = [Depends(needs(Scope.AUDIT_READ))]

_PROBLEMS = responses(
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
MAX_POSITION = END
_POSITION = re.compile("[0-9]{1,19}")
MAX_PAGE = 10_000
MAX_PAGE_BYTES = 1024 * 1024
"""A page ends with the record that makes it so long."""
NDJSON = "application/x-ndjson"
SSE = "text/event-stream"

Position = Annotated[int, Query(ge=0, le=MAX_POSITION, description="Records above this position.")]


def _content(media_type: str, description: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"description": description, "content": {media_type: {}}}}


@router.get(
    "",
    dependencies=_auditor,
    response_class=Response,
    responses=_content(NDJSON, "One CloudEvent a line.") | _PROBLEMS,
)
async def lines(
    service: ServiceDep,
    after: Position = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 1_000,
) -> Response:
    """Return records, the very bytes of the log, in its order. Past the end there are none.

    `Dasan-Position` is the last one's position: ask for what is after it next. A page of long
    records has fewer than its limit.
    """
    rows = await page(service.log.pool, after, limit=limit, size=MAX_PAGE_BYTES)
    last = rows[-1][0] if rows else after
    return Response(
        b"".join(record + b"\n" for _, _, record in rows),
        media_type=NDJSON,
        headers={"Dasan-Position": str(last)},
    )


@router.get(
    "/stream",
    response_class=StreamingResponse,
    responses=_content(SSE, "Server-sent events: id is the position, data the CloudEvent.")
    | _PROBLEMS,
)
async def stream(
    request: Request,
    service: ServiceDep,
    caller: Annotated[Caller, Depends(needs(Scope.AUDIT_READ))],
    after: Position = 0,
    last_event_id: Annotated[str | None, Header(description="The last position seen.")] = None,
) -> StreamingResponse:
    """Follow the log: every record above the position as it is committed, in order.

    It ends when the token does, and when the log cannot be read: a comment says so.
    """
    if last_event_id is not None:
        # Digits are counted before they are read: Python refuses to read thousands of them.
        if not _POSITION.fullmatch(last_event_id) or int(last_event_id) > MAX_POSITION:
            raise BadRequestError(f"Last-Event-ID is {last_event_id!r:.80}: send a position")
        after = int(last_event_id)
    told = _told(service, caller, request.headers["authorization"], after)
    return StreamingResponse(told, media_type=SSE, headers={"Cache-Control": "no-store"})


async def _told(
    service: Service, caller: Caller, authorization: str, after: int
) -> AsyncIterator[bytes]:
    def patience_s() -> float:
        return max(min(KEEP_ALIVE_S, caller.expires_at - time.time()), 0)

    try:
        async with aclosing(service.following.followed(after, patience_s)) as pieces:
            async for piece in pieces:
                service.tokens.caller(authorization)
                yield piece or b": quiet\n\n"  # so that nobody between us ends the connection
    except UnauthenticatedError as error:
        yield b": %b\n\n" % str(error).encode()
    except TROUBLE:
        yield b": the log cannot be read for now: come again later\n\n"

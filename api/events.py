"""The log as it is: records by position, as lines or as a stream that never ends."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from http import HTTPStatus
from typing import Annotated, Any, LiteralString

from fastapi import Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from psycopg.rows import TupleRow

from api.problems import BadRequestError, responses
from api.routers import router_of
from api.security import Scope, UnauthenticatedError, needs
from api.service import Service, ServiceDep
from eventlog import reader

router = router_of("/v1/events", "events")
_auditor = [Depends(needs(Scope.AUDIT_READ))]

_PROBLEMS = responses(
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
MAX_POSITION = 2**63 - 1
_POSITION = re.compile("[0-9]{1,19}")
MAX_PAGE = 10_000
BATCH = 500
PAGE_BYTES = 4 << 20
"""Of the records of an answer, or of one write of a stream."""

KEEP_ALIVE_S = 15.0
NDJSON = "application/x-ndjson"
SSE = "text/event-stream"

_PAGE: LiteralString = (
    "SELECT position, stream_id, version, type, record FROM ("
    "    SELECT *, sum(length(record)) OVER (ORDER BY position) - length(record) AS before"
    "    FROM (SELECT * FROM log WHERE position > %s ORDER BY position LIMIT %s) AS asked) AS page"
    " WHERE before < %s ORDER BY position"
)

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

    `Dasan-Position` is the last one's position: ask for what is after it next. A page ends before
    `limit` where its records come to four megabytes.
    """
    rows = await _read(service, after, limit)
    last = rows[-1][0] if rows else after
    return Response(
        b"".join(row[4] + b"\n" for row in rows),
        media_type=NDJSON,
        headers={"Dasan-Position": str(last)},
    )


@router.get(
    "/stream",
    dependencies=_auditor,
    response_class=StreamingResponse,
    responses=_content(SSE, "Server-sent events: id is the position, data the CloudEvent.")
    | _PROBLEMS,
)
async def stream(
    request: Request,
    service: ServiceDep,
    after: Position = 0,
    last_event_id: Annotated[str | None, Header(description="The last position seen.")] = None,
) -> StreamingResponse:
    """Follow the log: every record above the position as it is committed, in order."""
    if last_event_id is not None:
        # Digits are counted before they are read: Python refuses to read thousands of them.
        if not _POSITION.fullmatch(last_event_id) or int(last_event_id) > MAX_POSITION:
            raise BadRequestError(f"Last-Event-ID is {last_event_id!r:.80}: send a position")
        after = int(last_event_id)
    return StreamingResponse(
        _followed(request, service, after), media_type=SSE, headers={"Cache-Control": "no-store"}
    )


async def _followed(request: Request, service: Service, after: int) -> AsyncIterator[bytes]:
    quiet_s = 0.0
    while _is_allowed(request, service) and not await request.is_disconnected():
        rows = await _read(service, after, BATCH)
        if rows:
            after, quiet_s = rows[-1][0], 0.0
            yield b"".join(
                b"id: %d\nevent: %b\ndata: %b\n\n" % (row[0], row[3].encode(), row[4])
                for row in rows
            )
        else:
            await asyncio.sleep(reader.POLL_INTERVAL_S)
            quiet_s += reader.POLL_INTERVAL_S
            if quiet_s >= KEEP_ALIVE_S:  # so that nobody between us ends a quiet connection
                quiet_s = 0.0
                yield b": quiet\n\n"


def _is_allowed(request: Request, service: Service) -> bool:
    """Whether the token still holds that the stream was begun with."""
    try:
        service.tokens.caller(request.headers.get("authorization"))
    except UnauthenticatedError:
        return False
    return True


async def _read(service: Service, after: int, limit: int) -> Sequence[TupleRow]:
    """Return the records above a position: at least one, and others up to `PAGE_BYTES`."""
    async with service.log.pool.connection() as connection:
        cursor = await connection.execute(
            _PAGE, [after, limit, PAGE_BYTES], prepare=True, binary=True
        )
        return await cursor.fetchall()

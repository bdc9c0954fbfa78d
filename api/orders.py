"""The order behind a write: who asks for what, under which key, on which version."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Header, Request
from pydantic import BaseModel, Field

from api.problems import BadRequestError
from api.security import Caller, Scope, needs
from api.service import Service
from domain import request as domain_request
from domain.request import Idempotency

ETAG_PATTERN = '"([1-9][0-9]{0,8})"'
_ETAG = re.compile(ETAG_PATTERN)
KEY_PATTERN = "^[!-~]{1,255}$"
_KEY = re.compile(KEY_PATTERN)


@dataclass(frozen=True, slots=True)
class Order:
    """What every write carries beside its body."""

    request: domain_request.Request
    idempotency: Idempotency
    expected_version: int | None
    now: datetime


async def taken(request: Request, scope: Scope) -> Order:
    """Return what a request orders; read from it by hand, since the service lives from it.

    Raises:
        UnauthenticatedError, ForbiddenError: the caller may not.
        BadRequestError: a header is missing or malformed.
        RequestError: the actor is malformed.
    """
    headers = request.headers
    service: Service = request.app.state.service
    caller = service.tokens.caller(headers.get("authorization"))
    caller.require(scope)
    target = f"{request.method} {request.scope['path']}?".encode() + request.scope["query_string"]
    fingerprint = hashlib.sha256(target + b"\n" + await request.body()).digest()
    idempotency = Idempotency(caller.client, _key(headers.get("idempotency-key")), fingerprint)
    return Order(
        request=domain_request.Request(
            actor=headers.get("dasan-actor") or f"service:{caller.client}",
            cause=service.keys.cause("command", idempotency.client, idempotency.key),
            traceparent=domain_request.traceparent(headers.get("traceparent")),
            idempotency=idempotency,
        ),
        idempotency=idempotency,
        expected_version=_version(headers.get("if-match")),
        now=datetime.now(UTC),
    )


class _Headers(BaseModel):
    """The headers that `taken` reads, for the document."""

    idempotency_key: str | None = Field(
        None, description="Names the command: a retry with the same key gets the first answer."
    )
    if_match: str | None = Field(
        None,
        description="The ETag that the decision was made on; stale is a 412.",
        json_schema_extra={"pattern": f"^{ETAG_PATTERN}$"},
    )
    dasan_actor: str | None = Field(
        None,
        description="On whose behalf; by default the client itself.",
        examples=["agent:a017"],
        json_schema_extra={"pattern": f"^{domain_request.ACTOR}$"},
    )
    traceparent: str | None = Field(None, description="W3C Trace Context.")


def ordered(scope: Scope) -> Callable[..., Order]:
    """Return the dependency that takes the order of a caller with the scope."""

    async def order(
        request: Request,
        _: Annotated[_Headers, Header()],
        __: Annotated[Caller, Depends(needs(scope))],
    ) -> Order:
        return await taken(request, scope)

    return order  # type: ignore[return-value]  # FastAPI awaits it


def _key(key: str | None) -> str:
    if key is None or _KEY.fullmatch(key) is None:
        raise BadRequestError(
            "send an Idempotency-Key of 1 to 255 visible ASCII characters, new for each command:"
            " a retry with the same key is carried out once"
        )
    return key


def _version(if_match: str | None) -> int | None:
    if if_match is None or if_match == "*":
        return None
    match = _ETAG.fullmatch(if_match)
    if match is None:
        raise BadRequestError(f'If-Match is {if_match!r}: send the ETag as it came, such as "3"')
    return int(match[1])


OrderDep = Annotated[Order, Depends(ordered(Scope.INQUIRIES_WRITE))]

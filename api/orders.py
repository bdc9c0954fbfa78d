"""The order behind a write: who asks for what, under which key, on which version."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Header, Request

from api.problems import BadRequestError
from api.security import Caller, Scope, needs
from api.service import Now, ServiceDep
from domain import request as domain_request
from domain.request import Idempotency

ETAG_PATTERN = '"([1-9][0-9]{0,8})"'
_ETAG = re.compile(ETAG_PATTERN)
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
KEY_PATTERN = "^[!-~]{1,255}$"
_KEY = re.compile(KEY_PATTERN)


@dataclass(frozen=True, slots=True)
class Order:
    """What every write carries beside its body."""

    request: domain_request.Request
    idempotency: Idempotency
    expected_version: int | None
    now: datetime


async def _particulars(
    request: Request,
    service: ServiceDep,
    now: Now,
    idempotency_key: Annotated[
        str | None,
        Header(description="Names the command: a retry with the same key gets the first answer."),
    ] = None,
    if_match: Annotated[
        str | None,
        Header(
            description="The ETag that the decision was made on; stale is a 412.",
            json_schema_extra={"pattern": f"^{ETAG_PATTERN}$"},
        ),
    ] = None,
    dasan_actor: Annotated[
        str | None,
        Header(
            description="On whose behalf; by default the client itself.",
            examples=["agent:a017"],
            json_schema_extra={"pattern": f"^{domain_request.ACTOR}$"},
        ),
    ] = None,
    traceparent: Annotated[str | None, Header(description="W3C Trace Context.")] = None,
) -> Callable[[Caller], Order]:
    fingerprint = hashlib.sha256(
        f"{request.method} {request.url.path}?{request.url.query}\n".encode() + await request.body()
    ).digest()
    # The recommendation says to go on without one that is malformed.
    trace = traceparent if traceparent and _TRACEPARENT.fullmatch(traceparent) else None

    def order(caller: Caller) -> Order:
        idempotency = Idempotency(caller.client, _key(idempotency_key), fingerprint)
        return Order(
            request=domain_request.Request(
                actor=dasan_actor or f"service:{caller.client}",
                cause=service.keys.cause("command", idempotency.client, idempotency.key),
                traceparent=trace,
                idempotency=idempotency,
            ),
            idempotency=idempotency,
            expected_version=_version(if_match),
            now=now,
        )

    return order


def ordered(scope: Scope) -> Callable[..., Order]:
    """Return the dependency that takes the order of a caller with the scope."""

    async def order(
        caller: Annotated[Caller, Depends(needs(scope))],
        particulars: Annotated[Callable[[Caller], Order], Depends(_particulars)],
    ) -> Order:
        return particulars(caller)

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

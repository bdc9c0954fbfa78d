"""The order behind a write: who asks for what, under which key, on which version."""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Header, Request
from pydantic import BaseModel, Field

from api import entity_tags
from api.problems import BadRequestError
from api.security import Caller, Scope, needs
from api.service import Service
from domain import request as domain_request
from domain.inquiries import StaleVersionError
from domain.request import Idempotency

_ETAG = re.compile('"([1-9][0-9]{0,8})"')
KEY_PATTERN = "^[!-~]{1,255}$"
_KEY = re.compile(KEY_PATTERN)


@dataclass(frozen=True, slots=True)
class Order:
    """What every write carries beside its body."""

    request: domain_request.Request
    idempotency: Idempotency
    expected_versions: frozenset[int] | None
    """Those that the decision may have been made on; None: any."""
    now: datetime

    def require_no_version(self) -> None:
        """Raise `StaleVersionError` if a version is expected of what has none."""
        if self.expected_versions is not None:
            raise StaleVersionError("If-Match names a version, and this has none: send it without")


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
    actor = headers.get("dasan-actor") or f"service:{caller.client}"
    told = b"\n".join([target, actor.encode(), await request.body()])
    fingerprint = hashlib.sha256(told).digest()
    idempotency = Idempotency(caller.client, _key(headers.get("idempotency-key")), fingerprint)
    order = domain_request.Request(
        actor=actor,
        client=caller.client,
        cause=service.keys.cause("command", idempotency.client, idempotency.key),
        traceparent=domain_request.traceparent(headers.get("traceparent")),
        idempotency=idempotency,
    )
    caller.require_actor(actor)
    return Order(
        request=order,
        idempotency=idempotency,
        expected_versions=_versions(headers.getlist("if-match")),
        now=datetime.now(UTC),
    )


class _Headers(BaseModel):
    """The headers that `taken` reads, for the document."""

    idempotency_key: str | None = Field(
        None, description="Names the command: a retry with the same key gets the first answer."
    )
    if_match: str | None = Field(
        None,
        description="The ETag that the decision was made on, or several; stale is a 412.",
        json_schema_extra={"pattern": entity_tags.PATTERN},
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


def _versions(if_match: Sequence[str]) -> frozenset[int] | None:
    # A tag that is none of ours, or weak, names no version: it never matches.
    tags = entity_tags.tags_in("If-Match", if_match)
    if not tags or tags == [entity_tags.ANY]:
        return None
    return frozenset(int(ours[1]) for tag in tags if (ours := _ETAG.fullmatch(tag)))


OrderDep = Annotated[Order, Depends(ordered(Scope.INQUIRIES_WRITE))]

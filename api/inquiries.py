"""Inquiries as they stand, and all that happened to them."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

import orjson
from fastapi import Depends, Response

from api.problems import responses
from api.routers import router_of
from api.security import Scope, needs
from api.service import ServiceDep
from api.states import InquiryState, etag, state_of

router = router_of("/v1/inquiries", "inquiries")

_READS = responses(
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
_reader = [Depends(needs(Scope.INQUIRIES_READ))]


@router.get("/{inquiry_id}", response_model=InquiryState, responses=_READS, dependencies=_reader)
async def state(inquiry_id: UUID, service: ServiceDep) -> Response:
    """Return an inquiry as it stands; the ETag is its version."""
    inquiry = await service.log.inquiries.get(inquiry_id)
    document = state_of(inquiry).model_dump_json()
    return Response(document, media_type="application/json", headers=etag(inquiry.version))


@router.get("/{inquiry_id}/events", responses=_READS, dependencies=_reader)
async def timeline(inquiry_id: UUID, service: ServiceDep) -> list[dict[str, Any]]:
    """Return all that happened to an inquiry, as CloudEvents; personal texts stay sealed."""
    found = await service.log.recorder.select([inquiry_id])
    if inquiry_id not in found:
        await service.log.inquiries.get(inquiry_id)  # says that there is none
    return [orjson.loads(stored.state) for stored in found[inquiry_id]]

"""Inquiries as they stand, and all that happened to them."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import Depends, Header, Request, Response

from api import entity_tags
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


def _known(
    request: Request,
    _: Annotated[
        str | None,
        Header(
            alias="if-none-match",
            description="The ETag that is known already, or several.",
            json_schema_extra={"pattern": entity_tags.PATTERN},
        ),
    ] = None,
) -> list[str]:
    return entity_tags.tags_in("If-None-Match", request.headers.getlist("if-none-match"))


@router.get(
    "/{inquiry_id}",
    response_model=InquiryState,
    responses=_READS
    | responses(HTTPStatus.BAD_REQUEST)
    | {304: {"description": "It is as If-None-Match knows it."}},
    dependencies=_reader,
)
async def state(
    inquiry_id: UUID, service: ServiceDep, known: Annotated[list[str], Depends(_known)]
) -> Response:
    """Return an inquiry as it stands; the ETag is its version."""
    inquiry = await service.log.inquiries.get(inquiry_id)
    headers = etag(inquiry.version)
    if entity_tags.is_among(headers["ETag"], known):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    document = state_of(inquiry).model_dump_json()
    return Response(document, media_type="application/json", headers=headers)


@router.get("/{inquiry_id}/events", responses=_READS, dependencies=_reader)
async def timeline(inquiry_id: UUID, service: ServiceDep) -> list[dict[str, Any]]:
    """Return all that happened to an inquiry, as CloudEvents; personal texts stay sealed."""
    found = await service.log.recorder.select([inquiry_id])
    if inquiry_id not in found:
        await service.log.inquiries.get(inquiry_id)  # says that there is none
    return [orjson.loads(stored.state) for stored in found[inquiry_id]]

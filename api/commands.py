"""Inquiries: receive, and carry out commands."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

import orjson
from fastapi import Path, Response
from pydantic import BaseModel
from uuid_utils.compat import uuid7

from api.bodies import COMMANDS, MAX_VERSION, Command, FollowUpReport, Receive, Relation
from api.command_route import CommandRoute
from api.orders import Order, OrderDep
from api.problems import responses
from api.routers import router_of
from api.service import Service, ServiceDep
from api.states import etag
from domain.inquiries import Receipt
from domain.inquiry import Inquiry

router = router_of("/v1/inquiries", "inquiries", CommandRoute)

_WRITES = responses(
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.CONFLICT,
    HTTPStatus.PRECONDITION_FAILED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.SERVICE_UNAVAILABLE,
)


class Accepted(BaseModel):
    """A command was carried out: the inquiry, and its version after it."""

    id: UUID
    version: int


@router.post("", status_code=HTTPStatus.CREATED, response_model=Accepted, responses=_WRITES)
async def receive(body: Receive, order: OrderDep, service: ServiceDep) -> Response:
    """Receive an inquiry. One that came with its contact before is left as it is."""
    order.require_no_version()
    contact = body.contact
    inquiry_id = service.keys.inquiry_id(contact.source, contact.id) if contact else uuid7()
    inquiry = body.inquiry(inquiry_id, order.now, service.keys)
    with service.carrying_out(order.idempotency):
        receipt = await service.log.inquiries.receive(inquiry, order.request)
    return _accepted(receipt, HTTPStatus.CREATED)


@router.post(
    "/{inquiry_id}/follow-ups/{version}/report", response_model=Accepted, responses=_WRITES
)
async def report_follow_up(
    inquiry_id: UUID,
    version: Annotated[int, Path(ge=1, le=MAX_VERSION)],
    body: FollowUpReport,
    order: OrderDep,
    service: ServiceDep,
) -> Response:
    """Report what became of the follow-up of a version."""
    return await carried_out(
        service,
        order,
        inquiry_id,
        lambda inquiry: body.decide(inquiry, order.now, service.keys, of=version),
    )


def _add(path: str, body: type[Command]) -> None:
    async def command(
        inquiry_id: UUID, body: Command, order: OrderDep, service: ServiceDep
    ) -> Response:
        def decide(inquiry: Inquiry) -> None:
            body.decide(inquiry, order.now, service.keys)

        if isinstance(body, Relation):
            return await _related(service, order, inquiry_id, body.other, decide)
        return await carried_out(service, order, inquiry_id, decide)

    command.__annotations__["body"] = body
    command.__doc__ = body.__doc__
    router.add_api_route(
        "/{inquiry_id}/" + path,
        command,
        methods=["POST"],
        name=path,
        response_model=Accepted,
        responses=_WRITES,
    )


for _path, _body in COMMANDS.items():
    _add(_path, _body)


async def carried_out(
    service: Service, order: Order, inquiry_id: UUID, decide: Callable[[Inquiry], None]
) -> Response:
    """Let an inquiry decide on what is ordered, save it, and return the answer."""
    with service.carrying_out(order.idempotency):
        receipt = await service.log.inquiries.change(
            inquiry_id, decide, order.request, expected_versions=order.expected_versions
        )
    return _accepted(receipt, HTTPStatus.OK)


async def _related(
    service: Service,
    order: Order,
    inquiry_id: UUID,
    other: UUID | None,
    decide: Callable[[Inquiry], None],
) -> Response:
    with service.carrying_out(order.idempotency):
        receipt = await service.log.inquiries.relate(
            inquiry_id, other, decide, order.request, expected_versions=order.expected_versions
        )
    return _accepted(receipt, HTTPStatus.OK)


def _accepted(receipt: Receipt, status: HTTPStatus) -> Response:
    headers = etag(receipt.version)
    if status is HTTPStatus.CREATED:
        headers["Location"] = f"/v1/inquiries/{receipt.inquiry_id}"
    document = orjson.dumps({"id": receipt.inquiry_id, "version": receipt.version})
    return Response(document, status, headers, "application/json")

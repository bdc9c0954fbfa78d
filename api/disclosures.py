"""Opening sealed texts: a scope, a purpose, and an event before anything is read."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import Depends
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field
from uuid_utils.compat import uuid7

from api.bodies import Body, CodeText, Version
from api.orders import Order, ordered
from api.problems import NotFoundError, responses
from api.routers import router_of
from api.security import Scope
from api.service import Service, ServiceDep
from domain.disclosing import disclose
from domain.vocabulary import Code, FieldRef, Sealed

router = router_of("/v1/disclosures", "disclosures")

MAX_FIELDS = 100


class FieldBody(Body):
    """One sealed field of one event."""

    stream: UUID
    version: Version
    field: CodeText


class Disclose(Body):
    """What is to be read, and what for."""

    purpose: CodeText
    fields: Annotated[list[FieldBody], Field(min_length=1, max_length=MAX_FIELDS)]


class OpenedField(BaseModel):
    """A field with its text."""

    stream: UUID
    version: int
    field: str
    text: str


class Disclosure(BaseModel):
    """The disclosure's own stream, and the texts in the order asked."""

    id: UUID
    fields: list[OpenedField]


@router.post(
    "",
    name="disclose",
    responses=responses(
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.CONFLICT,
        HTTPStatus.GONE,
        HTTPStatus.PRECONDITION_FAILED,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.SERVICE_UNAVAILABLE,
    ),
)
async def make(
    body: Disclose,
    order: Annotated[Order, Depends(ordered(Scope.PERSONAL_READ))],
    service: ServiceDep,
) -> Disclosure:
    """Open sealed fields. Who read what, and what for, is an event before the answer is sent."""
    order.require_no_version()
    sealed = await _sealed(service, body.fields)
    texts = await run_in_threadpool(lambda: [service.log.vault.open(*one) for one in sealed])
    with service.carrying_out(order.idempotency):
        disclosure_id = await disclose(
            service.log.mapper,
            service.log.recorder,
            disclosure_id=uuid7(),
            purpose=body.purpose,
            fields=[FieldRef(f.stream, f.version, Code(f.field)) for f in body.fields],
            at=order.now,
            request=order.request,
        )
    return Disclosure(
        id=disclosure_id,
        fields=[
            OpenedField(stream=f.stream, version=f.version, field=f.field, text=text)
            for f, text in zip(body.fields, texts, strict=True)
        ],
    )


async def _sealed(service: Service, fields: list[FieldBody]) -> list[tuple[Sealed, UUID, str, str]]:
    streams = await service.log.recorder.select(list({field.stream for field in fields}))
    found: list[tuple[Sealed, UUID, str, str]] = []
    for field in fields:
        record: dict[str, Any] = {}
        for stored in streams.get(field.stream, ()):
            if stored.originator_version == field.version:
                record = orjson.loads(stored.state)
        value = record.get("data", {}).get(field.field)
        if not isinstance(value, dict) or "k" not in value:
            raise NotFoundError(
                f"{field.field!r} is no sealed field of event {field.stream}/{field.version}"
            )
        found.append((Sealed(**value), field.stream, record["type"], field.field))
    return found

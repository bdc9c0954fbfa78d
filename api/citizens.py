"""Forgetting citizens, and the legal holds that forbid it."""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict

from api.bodies import CodeText
from api.orders import Order, ordered
from api.problems import responses
from api.routers import router_of
from api.security import Scope
from api.service import Service, ServiceDep
from domain.forgetting import Asker, Citizen
from eventlog.citizens import Citizens
from eventlog.forgetting import forget

_citizens = router_of("/v1/citizens", "citizens")
_inquiries = router_of("/v1/inquiries", "citizens")

_PROBLEMS = responses(
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.CONFLICT,
    HTTPStatus.PRECONDITION_FAILED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
Erasure = Annotated[Order, Depends(ordered(Scope.PRIVACY_ERASE))]
Basis = Annotated[CodeText, Query(description="The legal basis, as a code.", examples=["pipa-36"])]


class Certificate(BaseModel):
    """What was destroyed, and from when on nobody can read it; docs/forgetting.md says more."""

    model_config = ConfigDict(from_attributes=True)

    citizen: UUID | None
    inquiry: UUID | None
    basis: str
    inquiries: list[UUID]
    kids: list[str]
    forgotten_at: datetime
    position: int
    backups_until: datetime | None
    topics_until: dict[str, datetime]


class Holds(BaseModel):
    """On which bases a citizen may not be forgotten; none: they may be."""

    citizen: UUID
    holds: list[str]


@_citizens.delete("/{citizen}", name="forget-citizen", responses=_PROBLEMS)
async def forget_citizen(
    citizen: UUID, basis: Basis, order: Erasure, service: ServiceDep
) -> Certificate:
    """Forget a citizen: the keys of all inquiries that name them, and how they are known."""
    return await _forgotten(service, order, Asker(citizen=citizen), basis)


@_inquiries.delete("/{inquiry_id}/personal-data", name="forget-inquiry", responses=_PROBLEMS)
async def forget_inquiry(
    inquiry_id: UUID, basis: Basis, order: Erasure, service: ServiceDep
) -> Certificate:
    """Forget whoever asked an inquiry, as far as it tells of them."""
    return await _forgotten(service, order, Asker(inquiry=inquiry_id), basis)


@_citizens.put("/{citizen}/hold", name="hold-citizen", responses=_PROBLEMS)
async def hold(citizen: UUID, basis: Basis, order: Erasure, service: ServiceDep) -> Holds:
    """Hold a citizen: they may not be forgotten. On several bases, each is released by itself."""
    return await _held(
        service, order, lambda line: line.hold(citizen, basis, order.now, order.request)
    )


@_citizens.delete("/{citizen}/hold", name="release-citizen", responses=_PROBLEMS)
async def release(citizen: UUID, basis: Basis, order: Erasure, service: ServiceDep) -> Holds:
    """Release a citizen from the hold on a basis; the answer names those that are left."""
    return await _held(
        service, order, lambda line: line.release(citizen, basis, order.now, order.request)
    )


router = APIRouter(routes=[*_citizens.routes, *_inquiries.routes])


async def _forgotten(service: Service, order: Order, asker: Asker, basis: CodeText) -> Certificate:
    def carry_out() -> Certificate:
        with service.pool.connection() as connection:
            made = forget(connection, asker, basis, order.now, order.request)
        return Certificate.model_validate(made)

    order.require_no_version()
    with service.carrying_out(order.idempotency):
        return await run_in_threadpool(carry_out)


async def _held(service: Service, order: Order, change: Callable[[Citizens], Citizen]) -> Holds:
    def carry_out() -> Citizen:
        with service.pool.connection() as connection:
            return change(Citizens(connection))

    order.require_no_version()
    with service.carrying_out(order.idempotency):
        citizen = await run_in_threadpool(carry_out)
    return Holds(citizen=citizen.id, holds=sorted(citizen.holds))

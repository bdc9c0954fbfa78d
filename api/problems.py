"""Errors as problem documents (RFC 9457): one table from exceptions to statuses.

`type` is stable: `urn:dasan:problem:` and the error's name. A client that knows none of them can go
by the status.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
import psycopg
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from psycopg_pool import PoolTimeout
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from api.security import ForbiddenError, UnauthenticatedError, note_refused
from domain.errors import CitizenNotFoundError, FactTimeError, InquiryError, InquiryNotFoundError
from domain.inquiries import KeyReusedError, StaleVersionError
from domain.request import RequestError
from domain.vocabulary import VocabularyError
from eventlog.archive import ArchiveError
from eventlog.record import RecordError
from eventlog.vault import KeyDestroyedError, VaultError
from eventlog.writer import WriterError
from projections.asking_history import TooLongError
from projections.question import QuestionError, UnanswerableError

MEDIA_TYPE = "application/problem+json"
URN = "urn:dasan:problem:"


class BadRequestError(Exception):
    """A header or parameter is missing or malformed; says which and how to mend it."""


class KeyInFlightError(Exception):
    """The client's key belongs to a command that is being carried out right now."""


class UnsupportedMediaTypeError(Exception):
    """The body is not of a type that is read here; says which is."""


class NotFoundError(Exception):
    """There is no such thing; says which."""


HTTP_STATUS: dict[type[Exception], HTTPStatus] = {
    BadRequestError: HTTPStatus.BAD_REQUEST,
    RequestError: HTTPStatus.BAD_REQUEST,
    UnauthenticatedError: HTTPStatus.UNAUTHORIZED,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    InquiryNotFoundError: HTTPStatus.NOT_FOUND,
    CitizenNotFoundError: HTTPStatus.NOT_FOUND,
    NotFoundError: HTTPStatus.NOT_FOUND,
    InquiryError: HTTPStatus.CONFLICT,  # out of turn
    FactTimeError: HTTPStatus.UNPROCESSABLE_ENTITY,
    KeyInFlightError: HTTPStatus.CONFLICT,
    KeyDestroyedError: HTTPStatus.GONE,
    StaleVersionError: HTTPStatus.PRECONDITION_FAILED,
    UnsupportedMediaTypeError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    KeyReusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    QuestionError: HTTPStatus.UNPROCESSABLE_ENTITY,
    UnanswerableError: HTTPStatus.UNPROCESSABLE_ENTITY,
    RecordError: HTTPStatus.UNPROCESSABLE_ENTITY,
    VocabularyError: HTTPStatus.UNPROCESSABLE_ENTITY,
    VaultError: HTTPStatus.INTERNAL_SERVER_ERROR,
    WriterError: HTTPStatus.SERVICE_UNAVAILABLE,
    ArchiveError: HTTPStatus.SERVICE_UNAVAILABLE,
    TooLongError: HTTPStatus.SERVICE_UNAVAILABLE,
    PoolTimeout: HTTPStatus.SERVICE_UNAVAILABLE,
    psycopg.errors.QueryCanceled: HTTPStatus.SERVICE_UNAVAILABLE,
    psycopg.OperationalError: HTTPStatus.SERVICE_UNAVAILABLE,
}

UNAVAILABLE, TOO_SLOW, VIEW_STOPPED = "unavailable", "too-slow", "view-stopped"
_OF_DATABASE = (psycopg.Error, PoolTimeout, WriterError, ArchiveError)
"""What it says is for the operator; clients hear one of the names above."""

TITLES: dict[HTTPStatus, str] = {
    HTTPStatus.BAD_REQUEST: "Bad Request",
    HTTPStatus.UNAUTHORIZED: "Unauthorized",
    HTTPStatus.FORBIDDEN: "Forbidden",
    HTTPStatus.NOT_FOUND: "Not Found",
    HTTPStatus.METHOD_NOT_ALLOWED: "Method Not Allowed",
    HTTPStatus.REQUEST_TIMEOUT: "Request Timeout",
    HTTPStatus.CONFLICT: "Conflict",
    HTTPStatus.GONE: "Gone",
    HTTPStatus.PRECONDITION_FAILED: "Precondition Failed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Content Too Large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "Unsupported Media Type",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Unprocessable Content",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Internal Server Error",
    HTTPStatus.SERVICE_UNAVAILABLE: "Service Unavailable",
}
"""As RFC 9110 has them: Python's own phrases differ by its version."""

TOO_LARGE = "too-large"
# Those that no exception of ours stands for.
OTHERS: dict[HTTPStatus, list[str]] = {
    HTTPStatus.BAD_REQUEST: ["not-json"],
    HTTPStatus.METHOD_NOT_ALLOWED: ["method-not-allowed"],
    HTTPStatus.REQUEST_TIMEOUT: ["request-timeout"],
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: [TOO_LARGE],
    HTTPStatus.UNPROCESSABLE_ENTITY: ["invalid"],
    HTTPStatus.INTERNAL_SERVER_ERROR: ["unforeseen"],
    HTTPStatus.SERVICE_UNAVAILABLE: [UNAVAILABLE, TOO_SLOW, VIEW_STOPPED],
}

HEADERS: dict[HTTPStatus, dict[str, str]] = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
    HTTPStatus.REQUEST_TIMEOUT: {"Connection": "close"},  # what still comes of it is not read
    HTTPStatus.INTERNAL_SERVER_ERROR: {"Connection": "close"},  # the server does, once it is raised
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "1"},
}


class FieldProblem(BaseModel):
    """What is wrong with one field."""

    at: str
    message: str


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] | None = None


def install(app: FastAPI) -> None:
    """Let the app answer its errors by the table."""
    for error in HTTP_STATUS:
        app.add_exception_handler(error, _from_table)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unforeseen)


def responses(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of an operation's problems: a status with its types."""
    return {int(status): _described(status) for status in sorted(statuses)}


def _described(status: HTTPStatus) -> dict[str, Any]:
    types = [URN + name for name in names(status)]
    title = TITLES[status]
    example = {"type": types[0], "title": title, "status": int(status), "detail": "Why."}
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}
    return {
        "description": f"{title}: {', '.join(types)}",
        "content": {MEDIA_TYPE: content},
    }


def names(status: HTTPStatus) -> list[str]:
    """Return the names of the problems that have a status, out of the tables."""
    return OTHERS.get(status, []) + sorted(
        name_of(error)
        for base, answered in HTTP_STATUS.items()
        if answered is status
        for error in (base.__subclasses__() if base is InquiryError else [base])
        if HTTP_STATUS.get(error, status) is status
        and not issubclass(error, (*_OF_DATABASE, TooLongError))
    )


def problem(
    status: int,
    name: str,
    detail: str,
    *,
    title: str | None = None,
    headers: Mapping[str, str] | None = None,
    errors: list[FieldProblem] | None = None,
) -> Response:
    """Return a problem document."""
    document = Problem(
        type=URN + name,
        title=title or TITLES[HTTPStatus(status)],
        status=status,
        detail=detail,
        errors=errors,
    )
    return Response(
        orjson.dumps(document.model_dump(exclude_none=True)),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers={**HEADERS.get(HTTPStatus(status), {}), **(headers or {})},
    )


def name_of(error: type[Exception]) -> str:
    """Return an error's name in its URN: `InquiryResolvedError` is `inquiry-resolved`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", error.__name__.removesuffix("Error")).lower()


async def _from_table(request: Request, error: Exception) -> Response:
    if isinstance(error, UnauthenticatedError | ForbiddenError):
        note_refused(request, error)
    status = next(HTTP_STATUS[cls] for cls in type(error).__mro__ if cls in HTTP_STATUS)
    if isinstance(error, psycopg.errors.QueryCanceled):
        return problem(
            status,
            TOO_SLOW,
            "the question took the database too long: narrow it, to fewer days or a smaller page",
        )
    if isinstance(error, TooLongError):
        return problem(status, TOO_SLOW, str(error))
    if isinstance(error, _OF_DATABASE):
        return problem(
            status,
            UNAVAILABLE,
            "the database or the archive cannot be reached, or could not do it: try again later",
        )
    title = (type(error).__doc__ or "").partition("\n")[0].partition(";")[0]
    return problem(status, name_of(type(error)), str(error), title=title)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as it was registered
    problems = [
        FieldProblem(at=".".join(str(part) for part in one["loc"]), message=one["msg"])
        for one in error.errors()
    ]
    if any(one["type"] == "json_invalid" for one in error.errors()):
        return problem(HTTPStatus.BAD_REQUEST, "not-json", "the body is no JSON", errors=problems)
    first = problems[0]
    return problem(
        HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", f"{first.at}: {first.message}", errors=problems
    )


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as it was registered
    status = HTTPStatus(error.status_code)
    name = TITLES[status].lower().replace(" ", "-")
    headers = error.headers
    if status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        name = TOO_LARGE
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers = {"Allow": ", ".join(sorted(_allowed(request)))}
    return problem(status, name, str(error.detail), headers=headers)


def _allowed(request: Request) -> set[str]:
    """Return the methods of all routes of a path: each route knows its own only."""
    methods = {
        method
        for route in request.app.routes
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
        for method in route.methods or ()
    }
    return methods | {"HEAD"} if "GET" in methods else methods


async def _unforeseen(_: Request, __: Exception) -> Response:
    # Starlette logs it, and raises it again.
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR, "unforeseen", "an unforeseen error: see the server's log"
    )

"""The router of a resource, and what its operations refuse of a request as a whole."""

from collections import Counter
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, get_origin

from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.datastructures import Headers, QueryParams
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send


class Route(APIRoute):
    """An operation that refuses what it would not heed: it might be half of what was meant."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self._is_list = dict(_query_parameters(self.dependant))

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, unless it is refused."""
        if scope["method"] in (self.methods or ()):
            if scope["query_string"]:
                self._require_known(QueryParams(scope["query_string"]))
            encoded = Headers(scope=scope).getlist("content-encoding")
            if encoded and self.body_field is not None:
                _require_identity(encoded)
        await super().handle(scope, receive, send)

    def _require_known(self, query: QueryParams) -> None:
        problems = [
            {"type": "query", "loc": ("query", name), "msg": message}
            for name, count in Counter(name for name, _ in query.multi_items()).items()
            if (message := self._wrong_with(name, count))
        ]
        if problems:
            raise RequestValidationError(problems)

    def _wrong_with(self, name: str, count: int) -> str | None:
        if name not in self._is_list:
            known = ", ".join(sorted(self._is_list)) or "none"
            return f"there is no such parameter here; there are: {known}"
        if count > 1 and not self._is_list[name]:
            return f"it came {count} times: send it once"
        return None


def router_of(prefix: str, tag: str, route_class: type[Route] = Route) -> APIRouter:
    """Return a router whose operations are called as their functions."""
    return APIRouter(
        prefix=prefix,
        tags=[tag],
        route_class=route_class,
        generate_unique_id_function=lambda route: route.name,
    )


def _query_parameters(dependant: Dependant) -> Iterator[tuple[str, bool]]:
    """Yield the names of an operation's parameters, and whether they are lists."""
    for parameter in dependant.query_params:
        kind = parameter.field_info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            for name, field in kind.model_fields.items():
                yield field.alias or name, get_origin(field.annotation) is list
        else:
            yield parameter.alias, get_origin(kind) is list
    for dependency in dependant.dependencies:
        yield from _query_parameters(dependency)


def _require_identity(content_encoding: list[str]) -> None:
    codings = [coding.strip().lower() for coding in ",".join(content_encoding).split(",")]
    unread = [coding for coding in codings if coding not in {"", "identity"}]
    if unread:
        raise HTTPException(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"the body is encoded with {', '.join(unread)}: send it as it is,"
            " without Content-Encoding",
            headers={"Accept-Encoding": "identity"},
        )

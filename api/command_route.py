"""The way of a command through the framework: a short one, since the service lives from it.

FastAPI documents the endpoint by its signature, and would solve it anew for each request, which
takes longer than the command. Here its parameters are found once, when the route is made.
"""

from collections.abc import Awaitable, Callable
from typing import Any, get_type_hints

from fastapi import Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from api import orders, security
from api.problems import UnsupportedMediaTypeError
from api.routers import Route


class CommandRoute(Route):
    """Calls an endpoint of `body`, `order`, `service` and what stands in its path."""

    def __init__(
        self, path: str, endpoint: Callable[..., Awaitable[Response]], **options: Any
    ) -> None:
        super().__init__(path, endpoint, **options)
        hints = get_type_hints(endpoint, include_extras=True)
        self._body: type[BaseModel] = hints["body"]
        self._path = {name: TypeAdapter(hints[name]) for name in self.param_convertors}
        self.app = self._respond

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        order = await orders.taken(request, security.Scope.INQUIRIES_WRITE)
        path = {
            name: _valid("path", name, self._path[name].validate_python, given)
            for name, given in scope["path_params"].items()
        }
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise UnsupportedMediaTypeError(
                f"the body is {kind or 'of no type'}: send Content-Type: application/json"
            )
        body = _valid("body", None, self._body.model_validate_json, await request.body())
        response = await self.endpoint(
            **path, body=body, order=order, service=request.app.state.service
        )
        await response(scope, receive, send)


def _valid(where: str, name: str | None, validate: Callable[[Any], Any], given: object) -> Any:
    try:
        return validate(given)
    except ValidationError as error:
        place = (where,) if name is None else (where, name)
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        raise RequestValidationError(
            [{**one, "loc": (*place, *one["loc"])} for one in problems]
        ) from error

"""The OpenAPI document, and pages to try and to read it on that work in a closed network."""

from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from pydantic.json_schema import models_json_schema

from api.orders import KEY_PATTERN
from api.problems import Problem

_ASSETS = StaticFiles(packages=[("fastapi_offline", "static")])
_FAVICON = "/docs/assets/favicon.png"
_FROM_HERE = {
    "Content-Security-Policy": "default-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " worker-src blob:"
}
"""What the browser is to hold the pages to: scripts that come with a release ask who they like."""


def install(app: FastAPI) -> None:
    """Add the pages, and the problem document to the schemas."""
    app.add_route("/docs", _trying, include_in_schema=False)
    app.add_route("/redoc", _reading, include_in_schema=False)
    app.add_route("/docs/assets/{name}", _asset, include_in_schema=False)
    described = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is not None:
            return app.openapi_schema
        document = described()
        for operations in document["paths"].values():
            for operation in operations.values():
                _require_key(operation)
        _, problems = models_json_schema(
            [(Problem, "serialization")], ref_template="#/components/schemas/{model}"
        )
        document["components"]["schemas"].update(problems["$defs"])
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's documentation does


def _require_key(operation: dict[str, Any]) -> None:
    """Say that a key is required: a request without one is answered by 400, as its draft asks."""
    for parameter in operation.get("parameters", ()):
        if parameter["name"] == "idempotency-key":
            parameter["required"] = True
            parameter["schema"] = {"type": "string", "pattern": KEY_PATTERN, "examples": ["a1b2c3"]}


async def _trying(_: Request) -> HTMLResponse:
    page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="Dasan",
        swagger_js_url="/docs/assets/swagger-ui-bundle.js",
        swagger_css_url="/docs/assets/swagger-ui.css",
        swagger_favicon_url=_FAVICON,
        swagger_ui_parameters={"validatorUrl": None},  # it would send the document to its authors
    )
    page.headers.update(_FROM_HERE)
    return page


async def _reading(_: Request) -> HTMLResponse:
    page = get_redoc_html(
        openapi_url="/openapi.json",
        title="Dasan",
        redoc_js_url="/docs/assets/redoc.standalone.js",
        redoc_favicon_url=_FAVICON,
        with_google_fonts=False,
    )
    page.headers.update(_FROM_HERE)
    return page


async def _asset(request: Request) -> Response:
    return await _ASSETS.get_response(request.path_params["name"], request.scope)

"""The OpenAPI document, and a page to try it on that works in a closed network."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from pydantic.json_schema import models_json_schema
from swagger_ui_bundle import swagger_ui_path  # type: ignore[import-untyped]  # it has none

from api.orders import KEY_PATTERN
from api.problems import Problem


def install(app: FastAPI) -> None:
    """Add the page, and the problem document to the schemas."""
    app.mount("/docs/assets", StaticFiles(directory=swagger_ui_path))
    app.add_api_route("/docs", _page, include_in_schema=False)
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


def _page() -> HTMLResponse:
    return get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="Dasan",
        swagger_js_url="/docs/assets/swagger-ui-bundle.js",
        swagger_css_url="/docs/assets/swagger-ui.css",
        swagger_favicon_url="/docs/assets/favicon-32x32.png",
    )

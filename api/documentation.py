"""The OpenAPI document, and a page to try it on that works in a closed network."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from swagger_ui_bundle import swagger_ui_path  # type: ignore[import-untyped]  # it has none

from api.problems import Problem


def install(app: FastAPI) -> None:
    """Add the page, and the problem document to the schemas."""
    app.mount("/docs/assets", StaticFiles(directory=swagger_ui_path))
    app.add_api_route("/docs", _page, include_in_schema=False)
    described = app.openapi

    def openapi() -> dict[str, Any]:
        document = described()
        document["components"]["schemas"]["Problem"] = Problem.model_json_schema(
            ref_template="#/components/schemas/{model}"
        )
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's documentation does


def _page() -> HTMLResponse:
    return get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="Dasan",
        swagger_js_url="/docs/assets/swagger-ui-bundle.js",
        swagger_css_url="/docs/assets/swagger-ui.css",
        swagger_favicon_url="/docs/assets/favicon-32x32.png",
    )

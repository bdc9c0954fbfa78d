"""The OpenAPI document: what is published is what is served."""

from pathlib import Path

from api.__main__ import document
from tests.api.conftest import Client

PUBLISHED = Path(__file__).parents[2] / "docs" / "openapi.json"


def test_the_published_document_is_that_of_the_code() -> None:
    assert PUBLISHED.read_bytes() == document(), "look at what changed, then: make openapi"


def test_every_operation_has_a_description_and_names_its_problems(client: Client) -> None:
    for path, operations in client.http.get("/openapi.json").json()["paths"].items():
        for method, operation in operations.items():
            assert operation["description"], (method, path)
            if path.startswith("/v1"):
                assert "urn:dasan:problem:" in str(operation["responses"]), (method, path)


def test_the_page_fetches_nothing_from_elsewhere(client: Client) -> None:
    page = client.http.get("/docs").text

    assert "://" not in page.replace("http://www.w3.org", "")
    assert client.http.get("/docs/assets/swagger-ui-bundle.js").status_code == 200

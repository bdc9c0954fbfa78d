"""The OpenAPI document: what is published is what is served, and pages show it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from api.__main__ import document
from tests.api.conftest import Client
from tests.conftest import skip_or_fail

PUBLISHED = Path(__file__).parents[2] / "docs" / "openapi.json"


def test_the_published_document_is_that_of_the_code() -> None:
    assert PUBLISHED.read_bytes() == document(), "look at what changed, then: make openapi"


def test_every_operation_has_a_description_and_names_its_problems(client: Client) -> None:
    for path, operations in client.http.get("/openapi.json").json()["paths"].items():
        for method, operation in operations.items():
            assert operation["description"], (method, path)
            if path.startswith("/v1"):
                assert "urn:dasan:problem:" in str(operation["responses"]), (method, path)


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
def test_a_page_fetches_nothing_from_elsewhere(client: Client, page: str) -> None:
    answer = client.http.get(page)

    fetched = re.findall(r"""(?:src|href|spec-url)="([^"]+)"|\burl: '([^']+)'""", answer.text)
    assert len(fetched) >= 3
    for url in map("".join, fetched):
        assert url.startswith("/")
        assert client.http.get(url).status_code == 200
    assert "://" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")


@pytest.mark.long
@pytest.mark.parametrize("page", ["/docs", "/redoc"])
def test_a_browser_shows_the_operations(url: str, tmp_path: Path, page: str) -> None:
    shown = rendered(url + page, tmp_path)

    assert "/v1/inquiries/{inquiry_id}/follow-ups/{version}/report" in re.sub(r"<[^>]*>", "", shown)
    assert "Unable to render" not in shown


def rendered(url: str, profile: Path) -> str:
    """Return what a browser makes of a page where it reaches nothing but this machine."""
    browser = shutil.which("chromium")
    if browser is None:
        skip_or_fail("there is no browser that could show the pages: install chromium")
    return subprocess.run(
        [
            browser, "--headless", "--disable-gpu", "--disable-dev-shm-usage",
            "--no-sandbox",  # it does not start as root otherwise
            f"--user-data-dir={profile}",
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
            "--virtual-time-budget=30000",
            "--dump-dom", url,
        ],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    ).stdout  # fmt: skip

"""Made-up requests over the whole OpenAPI document: nothing unforeseen, nothing outside its schema.

The stream of events is left out: it never ends. `tests/api/test_reading.py` asks for it.
"""

import subprocess
import sys

import pytest

from api.security import Scope
from tests.api.conftest import token_of

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)


def fuzzed(url: str, *, phases: str, examples: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json",
            "--header", f"Authorization: Bearer {token_of(Scope.ADMIN)}",
            "--exclude-path", "/v1/events/stream",
            "--checks", ",".join(CHECKS),
            "--phases", phases,
            "--max-examples", str(examples),
            "--seed", "120",
        ],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip


@pytest.mark.long
def test_the_service_keeps_to_its_document_in_some_requests(url: str) -> None:
    outcome = fuzzed(url, phases="examples,fuzzing", examples=2)

    assert outcome.returncode == 0, outcome.stdout


@pytest.mark.fuzz
def test_the_service_keeps_to_its_document_in_many_requests(url: str) -> None:
    outcome = fuzzed(url, phases="examples,coverage,fuzzing", examples=100)

    assert outcome.returncode == 0, outcome.stdout

"""Who may do what: tokens, scopes, and what is open to everybody."""

from datetime import timedelta

import pytest

from api.security import Scope, Tokens
from tests.api.conftest import TOKENS, Client, token_of

OPEN = {
    ("GET", "/checkpoint"),
    ("GET", "/tile/{level}/{number}"),
    ("GET", "/v1/audit/key"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/metrics"),
    ("GET", "/v1/praise"),
}


def test_nothing_but_health_the_board_and_what_proves_is_open(client: Client) -> None:
    filled = "0191b1c2-0000-7000-8000-000000000000"
    for path, operations in client.http.get("/openapi.json").json()["paths"].items():
        for method in operations:
            if (method.upper(), path) in OPEN:
                continue
            url = path.replace("{inquiry_id}", filled).replace("{version}", "1")
            url = url.replace("{story_id}", f"{filled}.1").replace("{citizen}", filled)

            answer = client.http.request(method, url)

            assert answer.status_code == 401, (method, path)
            assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("scope", "path"),
    [
        (Scope.KPI_READ, "/v1/inquiries"),
        (Scope.INQUIRIES_READ, "/v1/kpi"),
        (Scope.INQUIRIES_WRITE, "/v1/events"),
    ],
)
def test_a_token_opens_what_its_scopes_say(client: Client, scope: Scope, path: str) -> None:
    client.token = token_of(scope)

    answer = client.get(path)

    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:dasan:problem:forbidden"


def test_a_reader_cannot_write(client: Client) -> None:
    client.token = token_of(Scope.INQUIRIES_READ)

    assert client.post("/v1/inquiries", {"channel": "sms"}).status_code == 403
    assert client.get("/v1/inquiries").status_code == 200


def test_a_writer_cannot_open_sealed_texts(client: Client) -> None:
    client.token = token_of(Scope.INQUIRIES_WRITE, Scope.INQUIRIES_READ)

    assert client.post("/v1/disclosures", {}).status_code == 403


def test_a_token_of_another_key_is_refused(client: Client) -> None:
    client.token = Tokens(b"another key, of thirty-two bytes").issue(
        "tests", frozenset({Scope.ADMIN}), timedelta(hours=1)
    )

    assert client.get("/v1/inquiries").status_code == 401


def test_an_expired_token_is_refused(client: Client) -> None:
    client.token = TOKENS.issue("tests", frozenset({Scope.ADMIN}), timedelta(seconds=-1))

    assert client.get("/v1/inquiries").status_code == 401


def test_a_token_that_is_no_token_is_refused(client: Client) -> None:
    client.token = "x.y.z"

    assert client.get("/v1/inquiries").status_code == 401


def test_keys_belong_to_the_client_that_sent_them(client: Client) -> None:
    body = {"channel": "sms"}
    first = client.post("/v1/inquiries", body, Idempotency_Key="k").json()["id"]

    client.token = token_of(Scope.ADMIN, client="another")

    assert client.post("/v1/inquiries", body, Idempotency_Key="k").json()["id"] != first

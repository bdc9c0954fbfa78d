"""What HTTP itself promises (RFC 9110), on every route of the service."""

import re
import socket
from collections.abc import Iterator
from http.client import HTTPMessage, parse_headers
from typing import Any

import httpx2 as httpx
import pytest
from starlette.routing import Route

from api.__main__ import unopened
from api.app import create_app
from api.security import Scope
from tests.api.conftest import TOKENS, Client, serving, token_of
from tests.api.waiting import caught_up, until
from tests.conftest import Servers

SERVICE = unopened()
ROUTES = [route for route in SERVICE.routes if isinstance(route, Route)]
METHODS = {
    path: {m for route in ROUTES if route.path == path for m in route.methods or ()} - {"HEAD"}
    for path in sorted({route.path for route in ROUTES})
}
READ = [path for path, methods in METHODS.items() if "GET" in methods]
OPERATIONS: list[tuple[str, str, dict[str, Any]]] = [
    (path, method.upper(), operation)
    for path, operations in SERVICE.openapi()["paths"].items()
    for method, operation in operations.items()
]
WITH_BODY = [one for one in OPERATIONS if "requestBody" in one[2]]
SINGLE = [
    (path, method, parameter["name"])
    for path, method, operation in OPERATIONS
    for parameter in operation.get("parameters", ())
    if parameter["in"] == "query" and parameter["schema"].get("type") != "array"
]
QUERY = {"/v1/audit/consistency": "?first=0&second=1"}


class City:
    """A running service with an inquiry in it, and its paths filled in with that."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._inquiry = client.received(question="막차가 언제인가요?").rpartition("/")[2]
        caught_up(client)
        until(lambda: client.http.get("/checkpoint").is_success or None)

    def filled(self, path: str) -> str:
        values = {
            "inquiry_id": self._inquiry,
            "stream": self._inquiry,
            "citizen": self._inquiry,
            "story_id": f"{self._inquiry}.1",
            "version": "1",
            "position": "1",
            "level": "0",
            "number": "000.p/1",
            "name": "swagger-ui.css",
        }
        return re.sub(r"{(\w+)(?::path)?}", lambda match: values[match[1]], path)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {
            "Authorization": f"Bearer {self.client.token}",
            "Idempotency-Key": f"key-{next(self.client.keys)}",
        } | options.pop("headers", {})
        http, url = self.client.http, self.filled(path)
        with http.stream(method, url, headers=headers, **options) as answer:
            if answer.headers.get("content-type", "").partition(";")[0] != "text/event-stream":
                answer.read()
        return answer

    def head_of(self, method: str, path: str) -> tuple[str, HTTPMessage, bytes]:
        """Return the status and the headers, of a HEAD also what comes after them until the end."""
        url = self.client.http.base_url
        head = f"{method} {self.filled(path)}{QUERY.get(path, '')} HTTP/1.1\r\nHost: dasan\r\n"
        head += f"Authorization: Bearer {self.client.token}\r\nConnection: close\r\n\r\n"
        with (
            socket.create_connection((url.host, url.port), timeout=20) as connection,
            connection.makefile("rb") as answer,
        ):
            connection.sendall(head.encode())
            status = answer.readline().decode()
            headers = parse_headers(answer)
            return status, headers, answer.read() if method == "HEAD" else b""


@pytest.fixture(scope="module")
def city(servers: Servers) -> Iterator[City]:
    with servers.database("http") as database:
        app = create_app(servers.settings, database, servers.keys, TOKENS)
        with serving(app) as url, httpx.Client(base_url=url, timeout=60) as http:
            yield City(Client(http, token_of(Scope.ADMIN)))


@pytest.mark.parametrize("path", READ)
def test_a_head_is_answered_as_a_get_without_its_body(city: City, path: str) -> None:
    status, of_get, _ = city.head_of("GET", path)

    headed, of_head, rest = city.head_of("HEAD", path)

    assert headed == status
    assert status.split()[1] in {"200", "204"}, status
    varying = {"date", "transfer-encoding"}  # the latter is about a body
    assert [one for one in of_head.items() if one[0] not in varying] == [
        one for one in of_get.items() if one[0] not in varying
    ]
    assert rest == b""


@pytest.mark.parametrize("path", METHODS)
def test_a_method_that_a_path_does_not_have_is_answered_with_those_that_it_has(
    city: City, path: str
) -> None:
    allowed = METHODS[path] | ({"HEAD"} if "GET" in METHODS[path] else set())

    answer = city.request("PATCH", path)

    assert answer.status_code == 405
    assert answer.headers["allow"] == ", ".join(sorted(allowed))
    assert answer.json()["type"] == "urn:dasan:problem:method-not-allowed"


def test_a_path_that_has_no_get_has_no_head(city: City) -> None:
    answer = city.request("HEAD", "/v1/inquiries/{inquiry_id}/annul")

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("path", [*METHODS, "/docs/assets"])
def test_a_path_with_a_slash_behind_it_is_another_one(city: City, path: str) -> None:
    method = min(METHODS.get(path, {"GET"}))

    answer = city.request(method, f"{path}/", params=QUERY.get(path, ""))

    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:dasan:problem:not-found"


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_a_parameter_that_an_operation_does_not_have_is_refused_by_name(
    city: City, path: str, method: str, operation: dict[str, Any]
) -> None:
    known = sorted(one["name"] for one in operation.get("parameters", ()) if one["in"] == "query")

    answer = city.request(method, path, params={"pgae": "2"})

    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {
            "at": "query.pgae",
            "message": "there is no such parameter here; there are: "
            + (", ".join(known) or "none"),
        }
    ]
    assert "422" in operation["responses"]


@pytest.mark.parametrize(("path", "method", "name"), SINGLE)
def test_a_parameter_that_is_not_a_list_is_refused_when_it_comes_twice(
    city: City, path: str, method: str, name: str
) -> None:
    answer = city.request(method, path, params=[(name, "1"), (name, "2")])

    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"at": f"query.{name}", "message": "it came 2 times: send it once"}
    ]


@pytest.mark.long
@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_the_ends_of_the_calendar_and_endless_digits_are_no_error_of_ours(
    city: City, path: str, method: str, operation: dict[str, Any]
) -> None:
    for parameter in operation.get("parameters", ()):
        for value in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9" * 5_000):
            place = {"query": "params", "header": "headers"}.get(parameter["in"])
            options = {place: {parameter["name"]: value}} if place else {}
            url = path if place else re.sub(rf"{{{parameter['name']}(:path)?}}", value, path)

            answer = city.request(method, url, **options)

            assert answer.status_code < 500, (parameter["name"], value)


def test_a_list_may_come_with_several_values(city: City) -> None:
    answer = city.request("GET", "/v1/inquiries", params={"channel": ["internet", "sms"]})

    assert (answer.status_code, len(answer.json()["inquiries"])) == (200, 1)


@pytest.mark.parametrize(("path", "method", "operation"), WITH_BODY)
def test_a_body_in_an_encoding_is_refused_by_its_name(
    city: City, path: str, method: str, operation: dict[str, Any]
) -> None:
    answer = city.request(method, path, json={}, headers={"Content-Encoding": "identity, gzip"})

    assert answer.status_code == 415
    assert answer.json()["type"] == "urn:dasan:problem:unsupported-media-type"
    assert "gzip" in answer.json()["detail"]
    assert answer.headers["accept-encoding"] == "identity"
    assert "415" in operation["responses"]


def test_a_body_that_is_encoded_as_itself_is_read(city: City) -> None:
    headers = {"Content-Encoding": "Identity"}

    answer = city.request("POST", "/v1/inquiries", json={"channel": "sms"}, headers=headers)

    assert answer.status_code == 201

"""A running service on a database of its own, and clients of it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

import httpx2 as httpx
import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from api.connections import Places, bounded
from api.security import Scope, Tokens
from eventlog.database import Database
from tests.conftest import Servers

KEY = b"the key that tokens are signed with"
TOKENS = Tokens(KEY)
EVERYTHING = frozenset({Scope.ADMIN})


@dataclass
class Client:
    """A client of the service, with a token; each write gets a new key unless it names one."""

    http: httpx.Client
    token: str
    keys: Iterator[int] = field(default_factory=lambda: count(1))

    def get(self, path: str, **params: Any) -> httpx.Response:
        return self.http.get(path, params=params, headers=self._headers({}))

    def post(self, path: str, body: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
        return self.http.post(path, json=body or {}, headers=self._headers(headers, writes=True))

    def delete(self, path: str, **params: str) -> httpx.Response:
        return self.http.delete(path, params=params, headers=self._headers({}, writes=True))

    def put(self, path: str, **params: str) -> httpx.Response:
        return self.http.put(path, params=params, headers=self._headers({}, writes=True))

    def received(self, **body: Any) -> str:
        """Receive an inquiry and return its path."""
        answer = self.post("/v1/inquiries", {"channel": "internet", **body})
        assert answer.status_code == 201, answer.text
        return answer.headers["location"]

    def _headers(self, given: dict[str, str], *, writes: bool = False) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {self.token}"}
        if writes:
            headers["Idempotency-Key"] = f"key-{next(self.keys)}"
        return headers | {name.replace("_", "-"): value for name, value in given.items()}


def token_of(*scopes: Scope, client: str = "tests") -> str:
    return TOKENS.issue(client, frozenset(scopes), timedelta(hours=1))


@pytest.fixture
def app(servers: Servers, database: Database) -> FastAPI:
    return create_app(servers.settings, database, servers.keys, TOKENS)


@pytest.fixture
def client(app: FastAPI) -> Iterator[Client]:
    """A client that may do everything."""
    with TestClient(app) as http:
        yield Client(http, token_of(Scope.ADMIN))


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Run a service on a port of its own, for clients that speak HTTP, and yield its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        protocol = bounded(Places(most=1_000, most_of_one=0))
        server = uvicorn.Server(uvicorn.Config(app, http=protocol, ws="none", log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def url(app: FastAPI) -> Iterator[str]:
    """The service on a port of its own."""
    with serving(app) as url:
        yield url

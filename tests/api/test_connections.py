"""Heads of requests: how large they may be, and how long they may take."""

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.responses import PlainTextResponse

from api.connections import MAX_HEAD_BYTES, MAX_HEADERS, BoundedProtocol


class Hasty(BoundedProtocol):
    """Waits for a head less long, so that the test does."""

    head_s = 0.3


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of a server that answers `ok`."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(PlainTextResponse("ok"), http=Hasty, ws="none", log_level="error")
    server = uvicorn.Server(config)
    running = threading.Thread(target=asyncio.run, args=(server.serve([listener]),))
    running.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    running.join()


def answered(port: int, *parts: bytes) -> bytes:
    """Return all that the server says until it closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        said = b""
        try:
            for part in parts:
                connection.sendall(part)
            while read := connection.recv(65_536):
                said += read
        except ConnectionError:
            pass
        return said


GET = b"GET / HTTP/1.1\r\nhost: a\r\n"
CLOSE = b"connection: close\r\n\r\n"


def test_a_common_head_is_answered(port: int) -> None:
    assert answered(port, GET + CLOSE).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("sent", [b"", b"GET /", GET, b"\r\n"])
def test_a_connection_without_a_whole_head_is_closed(port: int, sent: bytes) -> None:
    assert answered(port, sent) == b""


def test_empty_lines_after_a_request_do_not_hold_the_connection(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=3) as connection:
        connection.sendall(GET + b"\r\n")
        while not connection.recv(65_536).endswith(b"ok"):
            pass

        connection.sendall(b"\r\n")

        assert connection.recv(1) == b""


def test_too_many_headers_are_refused(port: int) -> None:
    headers = b"".join(b"x-%d: y\r\n" % number for number in range(MAX_HEADERS))

    assert answered(port, GET + headers + CLOSE).startswith(b"HTTP/1.1 431")


@pytest.mark.parametrize("begun", [b"GET /", GET + b"x: "])
def test_a_head_without_end_is_cut_off(port: int, begun: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(begun)

        with pytest.raises(ConnectionError):
            connection.sendall(b"a" * 256 * MAX_HEAD_BYTES)

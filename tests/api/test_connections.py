"""Connections: how many, how large and slow a head may be, how slowly an answer may be read."""

import asyncio
import resource
import select
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager

import pytest
import uvicorn
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from api.connections import (
    MAX_HEAD_BYTES,
    MAX_HEADERS,
    OTHER_FILES,
    BoundedProtocol,
    Places,
    address_of,
    bounded,
    room_for,
)

BOUNDLESS = Places(1_000, 0)


class Hasty(BoundedProtocol):
    """Waits less long, so that the test does."""

    head_s = 0.3
    read_s = 0.3


async def zeros() -> AsyncIterator[bytes]:
    while True:
        yield bytes(1_000_000)
        await asyncio.sleep(0)  # to a client that has gone nothing is sent, and nothing waits


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer `ok`, or without end."""
    answer = StreamingResponse(zeros()) if scope["path"] == "/zeros" else PlainTextResponse("ok")
    await answer(scope, receive, send)


@contextmanager
def serving(protocol: type[BoundedProtocol], places: Places) -> Iterator[int]:
    """Run a server and yield its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, http=bounded(places, protocol), ws="none", lifespan="off", log_level="critical"
    )
    server = uvicorn.Server(config)
    running = threading.Thread(target=asyncio.run, args=(server.serve([listener]),))
    running.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        running.join()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of a server that is soon out of patience."""
    with serving(Hasty, BOUNDLESS) as port:
        yield port


def answered(port: int, *parts: bytes, source: str = "127.0.0.1") -> bytes:
    """Return all that the server says until it closes the connection."""
    with socket.create_connection(
        ("127.0.0.1", port), timeout=5, source_address=(source, 0)
    ) as connection:
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


@pytest.mark.parametrize(
    "begun",
    [
        b"GET /",
        GET + b"x: ",
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: ",
    ],
    ids=["line", "header", "trailer"],
)
def test_a_head_without_end_is_cut_off(port: int, begun: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(begun)

        with pytest.raises(ConnectionError):
            connection.sendall(b"a" * 256 * MAX_HEAD_BYTES)


ZEROS = b"GET /zeros HTTP/1.1\r\nhost: a\r\n\r\n"


def test_a_client_that_does_not_read_its_answer_is_cut_off(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(ZEROS)

        ended = select.poll()
        ended.register(connection, 0)  # told of all the same when the other side hangs up
        assert ended.poll(5_000)


def test_of_requests_that_come_at_once_the_first_is_answered_and_the_connection_ends(
    port: int,
) -> None:
    assert answered(port, (GET + b"\r\n") * 1_000).count(b"HTTP/1.1 200") == 1


def silent(stack: ExitStack, port: int, source: str = "127.0.0.1") -> socket.socket:
    """Return a connection that says nothing."""
    connection = socket.create_connection(("127.0.0.1", port), 5, source_address=(source, 0))
    return stack.enter_context(connection)


def said(connection: socket.socket, request: bytes = GET + b"\r\n") -> bytes:
    """Return the first of what the server says to a request; nothing if it is closed."""
    try:
        connection.sendall(request)
        return connection.recv(12)
    except ConnectionError:
        return b""


def test_one_address_has_so_many_connections_and_others_are_answered() -> None:
    with serving(BoundedProtocol, Places(1_000, 3)) as port, ExitStack() as stack:
        held = [silent(stack, port, "127.0.0.2") for _ in range(3)]

        refused = answered(port, GET + CLOSE, source="127.0.0.2")

        assert refused.startswith((b"HTTP/1.1 503", b""))
        assert b"200" not in refused
        assert said(silent(stack, port)) == b"HTTP/1.1 200"
        assert said(held[0]) == b"HTTP/1.1 200"


def test_a_connection_that_ends_leaves_its_place() -> None:
    with serving(BoundedProtocol, Places(1, 1)) as port:
        assert [answered(port, GET + CLOSE)[:12] for _ in range(5)] == [b"HTTP/1.1 200"] * 5


def test_connections_that_say_nothing_make_room_for_others_the_oldest_first() -> None:
    with serving(BoundedProtocol, Places(3, 0)) as port, ExitStack() as stack:
        speaking = silent(stack, port)
        assert said(speaking) == b"HTTP/1.1 200"
        oldest, other = silent(stack, port), silent(stack, port)

        assert said(silent(stack, port)) == b"HTTP/1.1 200"

        assert said(oldest) == b""
        assert said(other) == b"HTTP/1.1 200"


def test_where_everybody_is_answered_there_is_no_room() -> None:
    with serving(BoundedProtocol, Places(2, 0)) as port, ExitStack() as stack:
        for _ in range(2):
            assert said(silent(stack, port)) == b"HTTP/1.1 200"

        assert b"200" not in answered(port, GET + CLOSE)


@pytest.mark.parametrize(
    ("peers", "is_one"),
    [
        (("2001:db8::1", "2001:db8::ffff"), True),
        (("2001:db8::1", "2001:db8:0:1::1"), False),
        (("::ffff:192.0.2.1", "192.0.2.1"), True),
        (("fe80::1%eth0", "fe80::2%eth0"), True),
        (("192.0.2.1", "192.0.2.2"), False),
    ],
)
def test_the_network_of_a_subscriber_is_one_address(peers: tuple[str, str], is_one: bool) -> None:
    one, other = map(address_of, peers)

    assert (one == other) is is_one


def test_the_process_may_open_as_many_files_as_there_may_be_connections() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1_024, before[1]))
    try:
        assert room_for(2_000) == 2_000
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (2_000 + OTHER_FILES, before[1])
        assert room_for(before[1]) == before[1] - OTHER_FILES
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

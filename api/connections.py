"""The connections of the server: how many, how large and slow heads may be, how slow readers.

uvicorn bounds none of it: a client that sends no head, or does not read its answer, holds a
connection for ever, and one that sends a head without end takes memory and time, since the parser
joins its parts anew with each.
"""

import resource
import socket
import struct
from asyncio import TimerHandle, Transport
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv6Address, ip_network
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 32 * 1024
"""For the line and the headers of one request; what comes in one reading is counted whole."""
MAX_HEADERS = 100
LEAST_READ_BYTES = 64 * 1024
"""To be read of an answer in `read_s`, or all of it."""
OTHER_FILES = 512
"""Files that are no connections of clients: databases, the archive, what the system holds."""

_AT_ONCE = struct.pack("ii", 1, 0)
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
)
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\n"
    b"connection: close\r\n\r\n"
)


@dataclass(slots=True)
class Places:
    """How many connections there may be, in all and from one address; 0 is no bound of these.

    Where all are taken, the connection that has waited longest for its first head makes room: so
    many that say nothing keep nobody out.
    """

    most: int
    most_of_one: int
    _taken: int = 0
    _of: Counter[str] = field(default_factory=Counter)
    _silent: "OrderedDict[BoundedProtocol, None]" = field(default_factory=OrderedDict)

    def taken(self, connection: "BoundedProtocol", address: str) -> bool:
        """Take a place for a connection that has said nothing yet; tell whether there was one."""
        if self.most_of_one and self._of[address] >= self.most_of_one:
            return False
        if self._taken >= self.most:
            if not self._silent:
                return False
            next(iter(self._silent)).end()
        self._taken += 1
        self._of[address] += 1
        self._silent[connection] = None
        return True

    def heard(self, connection: "BoundedProtocol") -> None:
        """Remember that a connection has sent a head."""
        self._silent.pop(connection, None)

    def left(self, connection: "BoundedProtocol", address: str) -> None:
        """Give back a place."""
        self._silent.pop(connection, None)
        self._taken -= 1
        self._of[address] -= 1
        if not self._of[address]:
            del self._of[address]


class BoundedProtocol(HttpToolsProtocol):
    """HTTP as uvicorn speaks it, with bounds."""

    head_s = 10.0
    """From the beginning of a connection or of a head to the end of that head."""
    read_s = 30.0
    """For a client to read some more of what it is sent."""

    def __init__(self, *arguments: Any, places: Places, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._places = places
        self._address: str | None = None
        self._unheard_bytes = 0
        self._is_deaf = False
        self._awaiting_head: TimerHandle | None = None
        self._awaiting_reader: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Expect a head within its time, if there is a place."""
        super().connection_made(transport)
        # What a client does not read is noticed at once, and little of it is kept.
        transport.set_write_buffer_limits(high=0)
        host, *_ = transport.get_extra_info("peername") or ("",)
        address = address_of(host)
        if self._places.taken(self, address):
            self._address = address
            self._expect_head()
        else:
            transport.write(_FULL)
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._stop_awaiting_head()
        self._stop_awaiting_reader()
        self._leave()
        super().connection_lost(exc)

    def end(self) -> None:
        """Close the connection at once, and give its place back."""
        self._leave()
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Count what the parser keeps: what came since it last handed anything on."""
        if self._has_ended:
            return
        # A body may come behind a head in one reading, so the last part is not counted yet.
        if self._unheard_bytes > MAX_HEAD_BYTES:
            self._refuse_head()
            return
        self._unheard_bytes += len(data)
        if self._awaiting_head is None and self.cycle.response_complete:
            self._expect_head()  # what comes behind a request may begin none: empty lines, a body
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Expect the whole of a head that begins."""
        super().on_message_begin()
        if self._awaiting_head is None and not self._has_ended:
            self._expect_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header while there are not too many."""
        if len(self.headers) < MAX_HEADERS:
            super().on_header(name, value)
        else:
            self._refuse_head()

    def on_headers_complete(self) -> None:
        """Answer the request, if its head was within the bounds.

        One that comes before the answer to an earlier one is not heard, and the connection ends
        with that answer: uvicorn would keep any number of them, and forget the first when the
        client leaves, so that its answer goes on for ever.
        """
        self._stop_awaiting_head()
        self._unheard_bytes = 0
        self._places.heard(self)
        if self._has_ended:
            return
        # Null before the first, whatever its annotation says.
        if self.cycle is not None and not self.cycle.response_complete:  # type: ignore[redundant-expr]
            self.cycle.keep_alive = False
            self._is_deaf = True
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body of a request that was taken."""
        self._unheard_bytes = 0
        if not self._has_ended:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request that was taken."""
        if not self._has_ended:
            super().on_message_complete()

    def pause_writing(self) -> None:
        """Expect that the client reads some of what it has not read yet."""
        super().pause_writing()
        self._expect_reader()

    def resume_writing(self) -> None:
        """Go on: the client has read everything."""
        self._stop_awaiting_reader()
        super().resume_writing()

    @property
    def _has_ended(self) -> bool:
        """Whether nothing that still comes is heard."""
        return self._is_deaf or self.transport.is_closing()

    def _expect_head(self) -> None:
        self._awaiting_head = self.loop.call_later(self.head_s, self.end)

    def _stop_awaiting_head(self) -> None:
        if self._awaiting_head is not None:
            self._awaiting_head.cancel()
            self._awaiting_head = None

    def _expect_reader(self) -> None:
        self._awaiting_reader = self.loop.call_later(
            self.read_s, self._require_read, self.transport.get_write_buffer_size()
        )

    def _require_read(self, unread_bytes: int) -> None:
        if self.transport.get_write_buffer_size() > unread_bytes - LEAST_READ_BYTES:
            # A reset: the system would try for minutes to deliver what is not read.
            connection = self.transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            self.end()
        else:
            self._expect_reader()

    def _stop_awaiting_reader(self) -> None:
        if self._awaiting_reader is not None:
            self._awaiting_reader.cancel()
            self._awaiting_reader = None

    def _leave(self) -> None:
        if self._address is not None:
            self._places.left(self, self._address)
            self._address = None

    def _refuse_head(self) -> None:
        if self.transport.is_closing():
            return
        reason = b"a head has at most %d bytes and %d headers" % (MAX_HEAD_BYTES, MAX_HEADERS)
        self.transport.write(_TOO_LARGE % (len(reason), reason))
        self.transport.close()


def bounded(places: Places, protocol: type[BoundedProtocol] = BoundedProtocol) -> Any:
    """Return what makes the protocol of each connection, as uvicorn takes it for `http`."""
    return partial(protocol, places=places)


def room_for(connections: int) -> int:
    """Return for how many connections the process can open files, having asked for as many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + OTHER_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return connections
    granted = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (granted, hard))
    return max(granted - OTHER_FILES, 1)


def address_of(host: str) -> str:
    """Return what counts as one address: of IPv6 the network that one subscriber has."""
    if ":" not in host:
        return host
    address = IPv6Address(host.partition("%")[0])
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ip_network((address, 64), strict=False))

"""The connections of the server: how long and how large the head of a request may be.

uvicorn bounds neither: a client that sends no head holds a connection for ever, and one that sends
a head without end takes memory and time, since the parser joins its parts anew with each.
"""

from asyncio import TimerHandle, Transport

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 32 * 1024
"""For the line and the headers of one request; what comes in one reading is counted whole."""
MAX_HEADERS = 100
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
)


class BoundedProtocol(HttpToolsProtocol):
    """HTTP as uvicorn speaks it, with bounds on heads."""

    head_s = 10.0
    """From the beginning of a connection or of a head to the end of that head."""

    _head_bytes = 0
    _in_head = True
    _timer: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Expect a head within its time."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a head before the parser keeps it."""
        if self.transport.is_closing():
            return
        if self._in_head:
            # A body may come behind it in one reading, so the last part is not counted yet.
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse_head()
                return
            self._head_bytes += len(data)
        elif self._timer is None and self.cycle.response_complete:
            self._expect_head()  # empty lines between requests begin none
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Begin to count a head."""
        super().on_message_begin()
        self._in_head = True
        if self._timer is None:
            self._expect_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header while there are not too many."""
        if len(self.headers) < MAX_HEADERS:
            super().on_header(name, value)
        else:
            self._refuse_head()

    def on_headers_complete(self) -> None:
        """Answer the request, if its head was within the bounds."""
        self._stop_waiting()
        self._in_head, self._head_bytes = False, 0
        if not self.transport.is_closing():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body of a request that was taken."""
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request that was taken."""
        if not self.transport.is_closing():
            super().on_message_complete()

    def _expect_head(self) -> None:
        self._timer = self.loop.call_later(self.head_s, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse_head(self) -> None:
        if self.transport.is_closing():
            return
        reason = b"a head has at most %d bytes and %d headers" % (MAX_HEAD_BYTES, MAX_HEADERS)
        self.transport.write(_TOO_LARGE % (len(reason), reason))
        self.transport.close()

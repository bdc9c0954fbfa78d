"""A line to the server that can be cut: after a commit, before its acknowledgement arrives."""

import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from eventlog.database import Database

ACCEPTED = b"accepted"
READY_FOR_QUERY = b"Z\0\0\0\x05I"
"""Ends every reply outside a transaction: what was to be committed is."""


class Line:
    """Forwards everything, until it is told to swallow the acknowledgement of an append."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._armed = False
        self.cuts = 0

    def cut_after_next_append(self) -> None:
        self._armed = True

    def serve(self, client: socket.socket) -> None:
        """Forward until one side closes, or until the cut."""
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(self._server)
            asking = threading.Thread(target=_forward, args=(client, server), daemon=True)
            asking.start()
            with suppress(OSError):
                self._forward_replies(server, client)
            for end in (client, server):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            asking.join()

    def _forward_replies(self, server: socket.socket, client: socket.socket) -> None:
        while reply := server.recv(65_536):
            if self._armed and ACCEPTED in reply:
                while not reply.endswith(READY_FOR_QUERY) and (more := server.recv(65_536)):
                    reply += more
                self._armed = False
                self.cuts += 1
                return
            client.sendall(reply)


def _forward(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while octets := source.recv(65_536):
            sink.sendall(octets)
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def line_to(database: Database) -> Iterator[tuple[Line, Database]]:
    """Yield a line and the database as it is reached over it."""
    address = conninfo_to_dict(database.url)
    name = f".s.PGSQL.{address['port']}"
    line = Line(str(Path(str(address["host"])) / name))
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="dasan-line-"))
        entrance = stack.enter_context(socket.socket(socket.AF_UNIX))
        entrance.bind(str(Path(folder) / name))
        entrance.listen()
        threading.Thread(target=_accept, args=(entrance, line), daemon=True).start()
        stack.callback(entrance.shutdown, socket.SHUT_RDWR)
        yield line, replace(database, url=make_conninfo(database.url, host=folder))


def _accept(entrance: socket.socket, line: Line) -> None:
    with suppress(OSError):
        while True:
            client, _ = entrance.accept()
            threading.Thread(target=line.serve, args=(client,), daemon=True).start()

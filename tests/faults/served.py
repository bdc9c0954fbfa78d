"""`dasan serve` in a process of its own that can be killed and started again where it was."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

import aiohttp

from eventlog.database import Database
from tests.faults.harness import LOOK_EVERY_S
from tests.program import Program


class Served:
    """One server at one address; what it says goes to a file, through all its lives."""

    def __init__(self, home: Path, database: Database, said: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._program = Program(
            ["serve", "--port", str(port)],
            {"DASAN_HOME": str(home), "DASAN_DATABASE_URL": database.admin_url},
            said,
        )
        self.start, self.kill = self._program.start, self._program.kill

    async def await_ready(self, http: aiohttp.ClientSession) -> None:
        """Wait until it serves; fail with what it said when it ended instead."""
        while not await self._is_ready(http):
            self._program.require_alive()
            await asyncio.sleep(LOOK_EVERY_S)

    async def _is_ready(self, http: aiohttp.ClientSession) -> bool:
        try:
            async with http.get(f"{self.url}/health/ready") as answer:
                return answer.status == HTTPStatus.OK
        except aiohttp.ClientError:
            return False


@contextmanager
def served_twice(home: Path, database: Database, folder: Path) -> Iterator[list[Served]]:
    """Yield two servers on one log, under one home, so that they have the same keys."""
    servers = [Served(home, database, folder / f"server-{number}.txt") for number in (1, 2)]
    try:
        yield servers
    finally:
        for server in servers:
            server.kill()


async def await_until(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds; the caller bounds how long."""
    while not condition():
        await asyncio.sleep(LOOK_EVERY_S)

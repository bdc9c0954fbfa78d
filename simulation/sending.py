"""The city as a client of the service: its commands over HTTP, as any other client sends them.

Every command adds one version to its inquiry. So the version that the service tells of an inquiry
says how many of its commands were carried out before, and `If-Match` lets each in once only,
whenever it is sent again.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import orjson

from simulation.command import Command

PATH = "/v1/inquiries"
LINES = 64
"""Connections at a time: as many clients as wait for an answer together."""
AHEAD = 64
"""Commands that wait for one connection at most."""
ANSWER_S = 60.0
PAUSE_S, MAX_PAUSE_S, GIVE_UP_AFTER_S = 0.05, 2.0, 60.0

_TRY_AGAIN = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.SERVICE_UNAVAILABLE}
_IN_FLIGHT = "urn:dasan:problem:key-in-flight"


class SendingError(RuntimeError):
    """The service refused a command or does not answer; says which, and why."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent, and by how many events the log has grown meanwhile."""

    commands: int
    events: int


async def send(
    commands: Iterable[Command],
    *,
    url: str,
    token: str,
    progress: Callable[[int], None] | None = None,
) -> Sent:
    """Send the commands, those of one inquiry one after the other.

    `progress` is told how many were handed out. What broke off is continued by sending it again.

    Raises:
        SendingError: the service refuses a command, or does not answer for `GIVE_UP_AFTER_S`.
    """
    number = 0
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    async with aiohttp.ClientSession(
        url,
        headers=headers,
        connector=aiohttp.TCPConnector(limit=LINES),
        timeout=aiohttp.ClientTimeout(total=ANSWER_S),
    ) as session:
        before = await _position(session)
        lines = [_Line(session) for _ in range(LINES)]
        try:
            async with asyncio.TaskGroup() as group:
                for line in lines:
                    group.create_task(line.work())
                for number, command in enumerate(commands, 1):
                    await lines[command.inquiry.int % LINES].waiting.put(command)
                    if progress and number % LINES == 0:
                        progress(number)
                for line in lines:
                    await line.waiting.put(None)
        except* SendingError as refused:
            raise refused.exceptions[0] from None
        return Sent(number, await _position(session) - before)


async def _position(session: aiohttp.ClientSession) -> int:
    async with session.get("/health/ready") as response:
        ready = orjson.loads(await response.read())
    if not response.ok:
        raise SendingError(f"the service is not ready: {ready.get('detail')}")
    position: int = ready["position"]
    return position


@dataclass(slots=True)
class _Told:
    """An inquiry: its id at the service, its version there, and the commands told of so far."""

    id: str
    version: int
    commands: int = 1


@dataclass(slots=True)
class _Line:
    """Sends one command at a time."""

    session: aiohttp.ClientSession
    waiting: "asyncio.Queue[Command | None]" = field(default_factory=lambda: asyncio.Queue(AHEAD))
    inquiries: dict[UUID, _Told] = field(default_factory=dict)

    async def work(self) -> None:
        while (command := await self.waiting.get()) is not None:
            await self._carry_out(command)

    async def _carry_out(self, command: Command) -> None:
        """Send a command, unless the inquiry's version says that it was carried out before."""
        if command.name == "receive":
            answer = await self._answered(command, "", command.body, {})
            self.inquiries[command.inquiry] = _Told(answer["id"], answer["version"])
            return
        inquiry = self.inquiries[command.inquiry]
        inquiry.commands += 1
        if inquiry.commands <= inquiry.version:
            return
        path, body = f"/{inquiry.id}/{command.name}", command.body
        if command.name == "report":
            path = f"/{inquiry.id}/follow-ups/{body['of']}/report"
            body = {name: value for name, value in body.items() if name != "of"}
        answer = await self._answered(command, path, body, {"If-Match": f'"{inquiry.version}"'})
        inquiry.version = answer["version"]

    async def _answered(
        self, command: Command, path: str, body: dict[str, Any], headers: dict[str, str]
    ) -> Any:
        """Return the service's answer; the same request again while there is none."""
        headers["Idempotency-Key"] = uuid4().hex
        give_up_at = time.monotonic() + GIVE_UP_AFTER_S
        pause_s = PAUSE_S
        while True:
            try:
                async with self.session.post(
                    PATH + path, data=orjson.dumps(body), headers=headers
                ) as response:
                    answer = orjson.loads(await response.read())
                if response.ok:
                    return answer
                trouble = f"{response.status} {answer.get('detail')}"
                passing = response.status in _TRY_AGAIN or answer.get("type") == _IN_FLIGHT
            except (aiohttp.ClientConnectionError, TimeoutError) as error:
                trouble, passing = str(error) or type(error).__name__, True
            if not passing or time.monotonic() > give_up_at:
                raise SendingError(
                    f"{command.name} of inquiry {command.inquiry} at {command.at.isoformat()}"
                    f" was not carried out: {trouble}"
                )
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, MAX_PAUSE_S)

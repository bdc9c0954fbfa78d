"""Clients of two servers: each command is sent until it has an answer, whoever gives it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import count, cycle
from random import Random

import aiohttp

from tests.faults.made_up import Answer, Command, Inventor
from tests.faults.served import Served, await_until

IN_FLIGHT = "urn:dasan:problem:key-in-flight"
BACK_OFF_S = 0.05
SENT_AGAIN = 0.1
SENT_TO_BOTH = 0.1
MOST_BETWEEN_KILLS = 6
AFTER_KILLS = 8
"""Acceptances for each client, between two kills at most and after the last."""
PATIENCE_S = 500.0


@dataclass
class Market:
    """What the clients share: two servers, and the inquiries that they know of."""

    servers: Sequence[Served]
    http: aiohttp.ClientSession
    known: dict[str, int] = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list)
    accepted: int = 0
    broken: int = 0
    """Requests that a server was killed over."""

    def learn(self, command: Command) -> None:
        for _, inquiry, version, _ in command.acceptances:
            self.known[inquiry] = max(version, self.known.get(inquiry, 0))
            self.accepted += 1

    async def await_accepted(self, more: int) -> None:
        """Wait until as many more commands have been accepted."""
        goal = self.accepted + more
        await await_until(lambda: self.accepted >= goal)


async def run(
    servers: Sequence[Served],
    token: Callable[[str], str],
    chance: Random,
    *,
    clients: int,
    kills: int,
    careless: bool = False,
) -> Market:
    """Let clients work, each with the token of its name, while servers are killed at random."""
    async with (
        asyncio.timeout(PATIENCE_S),
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http,
        asyncio.TaskGroup() as group,
    ):
        market = Market(servers, http)
        for server in servers:
            await server.await_ready(http)
        enough = asyncio.Event()
        for number in range(1, clients + 1):
            inventor = Inventor(number, Random(chance.getrandbits(32)))
            client = Client(market, inventor, token(inventor.client), careless=careless)
            group.create_task(client.work(enough))
        for _ in range(kills):
            await kill(
                chance.choice(servers),
                market,
                after=chance.randint(1, MOST_BETWEEN_KILLS * clients),
            )
        for server in servers:
            await server.await_ready(http)
        await market.await_accepted(AFTER_KILLS * clients)
        enough.set()
    return market


async def kill(victim: Served, market: Market, *, after: int) -> None:
    """Kill a server that serves, after so many more acceptances; start it again at once."""
    await victim.await_ready(market.http)
    await market.await_accepted(after)
    victim.kill()
    victim.start()


class Client:
    """One client with its token. A careless one sends each time under a new key."""

    def __init__(self, market: Market, inventor: Inventor, token: str, *, careless: bool) -> None:
        self._market = market
        self._inventor = inventor
        self._chance = inventor.chance
        self._token = token
        self._careless = careless
        self._keys = count(1)

    async def work(self, enough: asyncio.Event) -> None:
        while not enough.is_set():
            command = self._inventor.command(self._market.known)
            self._market.commands.append(command)
            await self._send(command)
            self._market.learn(command)

    async def _send(self, command: Command) -> None:
        """Send a command once, or once more as a channel does that missed the answer."""
        key = str(next(self._keys))
        first, other = self._chance.sample(self._market.servers, 2)
        manner = self._chance.random()
        if manner < SENT_TO_BOTH:
            await asyncio.gather(self._ask(command, key, first), self._ask(command, key, other))
        else:
            await self._ask(command, key, first)
        if manner < SENT_TO_BOTH + SENT_AGAIN:  # one of both may have been refused
            await self._ask(command, key, other)

    async def _ask(self, command: Command, key: str, first: Served) -> None:
        """Send until a server says what became of it, now to this one and now to that one."""
        servers = sorted(self._market.servers, key=lambda server: server is not first)
        for server in cycle(servers):
            answer = await self._answer(command, key, server)
            if answer is not None:
                command.answers.append(answer)
                return
            await asyncio.sleep(BACK_OFF_S)

    async def _answer(self, command: Command, key: str, server: Served) -> Answer | None:
        """Return a definite answer; null where nobody knows, or where it has to be asked for."""
        if self._careless:
            key = str(next(self._keys))
        command.keys.add(key)
        headers = {"Authorization": f"Bearer {self._token}", "Idempotency-Key": key}
        if command.if_match is not None:
            headers["If-Match"] = f'"{command.if_match}"'
        try:
            async with self._market.http.post(
                server.url + command.path, json=command.body, headers=headers
            ) as response:
                told = await response.json(content_type=None)
        except aiohttp.ClientConnectorError:
            return None
        except aiohttp.ClientError:
            self._market.broken += 1
            return None
        answer = Answer(
            response.status, told.get("id", ""), told.get("version", 0), told.get("type", "")
        )
        waits = answer.status == HTTPStatus.SERVICE_UNAVAILABLE or answer.problem == IN_FLIGHT
        return None if waits else answer

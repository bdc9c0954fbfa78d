"""The service under load: one client process with 64 connections, as internal services have."""

import asyncio
import itertools
import threading
import time
from bisect import bisect_left
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import aiohttp
import orjson

from benchmarks.callers import Measured, Run, in_tasks
from benchmarks.figures import Ratio
from benchmarks.saves import QUESTION
from benchmarks.served import VALIDATED, Served
from benchmarks.server import Case

CONNECTIONS = 64
EVENTS_A_SECOND = 1_000
SAMPLE_S = 0.005

RECEIVE, VALIDATE = "POST /v1/inquiries", "the same, validated only"
COMMAND, READ = "POST …/note, known inquiries", "GET /v1/inquiries/{id}"
LIST, KPI = "GET /v1/inquiries, 50 of them", "GET /v1/kpi of a day by queue"
HALF_P50, HALF_P99 = "POST at half that rate, p50", "POST at half that rate, p99"
LAG_P50, LAG_P99 = "write to view at 1,000 events/s, p50", "write to view at 1,000 events/s, p99"
MEMORY = "resident memory of dasan serve"

RATIOS = (
    Ratio("POST /v1/inquiries / validated only", RECEIVE, VALIDATE, aim=0.5),
    Ratio("POST at half load, p99", HALF_P99, most=50),
    Ratio("write to view, p99", LAG_P99, most=200),
    Ratio("resident memory", MEMORY, most=300),
)

Ask = Callable[[], Awaitable[object]]


class Load:
    """What clients ask of a service, and how it answers."""

    def __init__(self, served: Served, seconds: float, warm_up_seconds: float) -> None:
        self._served = served
        self._seconds = seconds
        self._warm_up_seconds = warm_up_seconds
        self._known: list[str] = []
        self._received = Run(0, 1)

    def cases(self) -> list[Case]:
        """Return the cases; those at half load and the reads stand on what came before."""
        samples: dict[str, Measured] = {}

        def first(name: str, measure: Callable[[], tuple[Measured, Measured]], other: str) -> Case:
            def run() -> Measured:
                samples[name], samples[other] = measure()
                return samples[name]

            return Case(name, "ms", run)

        def second(name: str) -> Case:
            return Case(name, "ms", lambda: samples[name])

        return [
            Case(VALIDATE, "requests/s", partial(self._closed, self._validate)),
            Case(RECEIVE, "requests/s", self._receiving),
            first(HALF_P50, self._half, HALF_P99),
            second(HALF_P99),
            Case(COMMAND, "requests/s", partial(self._closed, self._note)),
            Case(READ, "requests/s", partial(self._closed, self._read)),
            Case(LIST, "requests/s", partial(self._closed, self._list)),
            Case(KPI, "requests/s", partial(self._closed, self._kpi)),
            first(LAG_P50, self._lag, LAG_P99),
            second(LAG_P99),
            Case(MEMORY, "MB", lambda: Measured(1, 0, self._served.resident_mb)),
        ]

    def _closed(self, make: Callable[[aiohttp.ClientSession], Ask]) -> Run:
        """Let every connection ask again as soon as it has its answer."""

        async def run() -> Run:
            async with self._session() as session:
                ask = make(session)
                await in_tasks(ask, CONNECTIONS, self._warm_up_seconds)
                return await in_tasks(ask, CONNECTIONS, self._seconds)

        return asyncio.run(run())

    def _receiving(self) -> Run:
        self._received = self._closed(self._receive)
        return self._received

    def _half(self) -> tuple[Measured, Measured]:
        """Receive at half the rate that was just reached; from the time at which each was due."""
        return _p50_p99(self._paced(self._received.value / 2))

    def _lag(self) -> tuple[Measured, Measured]:
        """Write 1,000 events a second, and watch how far the slowest view is behind the log."""
        with self._watched() as seen:
            self._paced(EVENTS_A_SECOND)
        heads, views = ([positions[n] for _, *positions in seen] for n in (0, 1))
        waits = []
        for position in range(heads[0] + 1, views[-1] + 1):
            written, shown = bisect_left(heads, position), bisect_left(views, position)
            waits.append(seen[shown][0] - seen[written][0])
        return _p50_p99(waits)

    def _paced(self, rate: float) -> list[float]:
        """Receive inquiries at a rate and return how long each took, in seconds."""

        async def run() -> list[float]:
            waits: list[float] = []
            async with self._session() as session:
                ask = self._receive(session)
                numbers = itertools.count()
                begin = time.perf_counter()

                async def line() -> None:
                    while (due := begin + next(numbers) / rate) < begin + self._seconds:
                        await asyncio.sleep(due - time.perf_counter())
                        await ask()
                        waits.append(time.perf_counter() - due)

                async with asyncio.TaskGroup() as lines:
                    for _ in range(CONNECTIONS):
                        lines.create_task(line())
            return waits

        return asyncio.run(run())

    @contextmanager
    def _watched(self) -> Iterator[list[tuple[float, int, int]]]:
        """Yield what grows by (time, position of the log, of the slowest view) until it is left."""
        seen: list[tuple[float, int, int]] = []
        stopped = threading.Event()

        def watch() -> None:
            with self._served.place.database.connect_as_owner() as owner:
                while not stopped.wait(SAMPLE_S) or seen[-1][1] > seen[-1][2]:
                    row = owner.execute(
                        "SELECT position, (SELECT min(position) FROM projection) FROM log_head"
                    ).fetchone()
                    assert row
                    seen.append((time.perf_counter(), *row))

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield seen
        finally:
            stopped.set()
            watcher.join()

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[aiohttp.ClientSession]:
        headers = {
            "Authorization": f"Bearer {self._served.token}",
            "Content-Type": "application/json",
        }
        async with aiohttp.ClientSession(
            self._served.url, headers=headers, connector=aiohttp.TCPConnector(limit=CONNECTIONS)
        ) as session:
            yield session

    def _receive(self, session: aiohttp.ClientSession) -> Ask:
        async def ask() -> None:
            answer = await _posted(session, "/v1/inquiries", _body(), HTTPStatus.CREATED)
            self._known.append(answer["id"])

        return ask

    def _validate(self, session: aiohttp.ClientSession) -> Ask:
        return lambda: _posted(session, VALIDATED, _body(), HTTPStatus.CREATED)

    def _note(self, session: aiohttp.ClientSession) -> Ask:
        numbers = itertools.count()

        async def ask() -> None:
            number = next(numbers)
            path = f"/v1/inquiries/{self._known[number % len(self._known)]}/note"
            body = {"ref": uuid4().hex, "kind": "memo", "note": QUESTION}
            await _posted(session, path, body, HTTPStatus.OK)

        return ask

    def _read(self, session: aiohttp.ClientSession) -> Ask:
        known = itertools.cycle(self._known)
        return lambda: _got(session, f"/v1/inquiries/{next(known)}")

    def _list(self, session: aiohttp.ClientSession) -> Ask:
        return lambda: _got(session, "/v1/inquiries?channel=phone&limit=50")

    def _kpi(self, session: aiohttp.ClientSession) -> Ask:
        return lambda: _got(session, "/v1/kpi?from=2012-02-29&to=2012-03-01&by=day,queue")


async def _posted(
    session: aiohttp.ClientSession, path: str, body: dict[str, Any], status: HTTPStatus
) -> Any:
    async with session.post(
        path, data=orjson.dumps(body), headers={"Idempotency-Key": uuid4().hex}
    ) as response:
        answer = orjson.loads(await response.read())
    assert response.status == status, answer
    return answer


async def _got(session: aiohttp.ClientSession, path: str) -> None:
    async with session.get(path) as response:
        answer = await response.read()
    assert response.ok, answer


def _body() -> dict[str, Any]:
    return {
        "at": "2012-02-29T09:00:04+09:00",
        "channel": "phone",
        "language": "ko",
        "category": "transport",
        "contact": {"source": "pbx", "id": uuid4().hex},
        "question": QUESTION,
    }


def _p50_p99(waits: list[float]) -> tuple[Measured, Measured]:
    """Return the percentiles in ms."""
    waits.sort()
    return tuple(  # type: ignore[return-value]  # two of them
        Measured(len(waits), sum(waits), 1_000 * waits[int(len(waits) * share)])
        for share in (0.5, 0.99)
    )

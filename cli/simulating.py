"""`dasan simulate` and `dasan demo`: a city's day, through the service like any other client's."""

import asyncio
import multiprocessing
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.progress import progress_bar
from cli.serving import HOST, PORT, listening, serve_on

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from eventlog.log import Log

COMMANDS_AN_INQUIRY = 6.6
"""About; for the progress bar."""
LEAP_DAY = date(2012, 2, 29)
"""Of the month whose figures the city published."""
INQUIRIES, AGENTS, SEED = 37_000, 524, 120

Inquiries = Annotated[int, typer.Option(min=0, help="How many arrive on the day.")]


def simulate(
    day: Annotated[date, typer.Option(metavar="YYYY-MM-DD", help="The day.")] = LEAP_DAY,
    inquiries: Inquiries = INQUIRIES,
    agents: Annotated[int, typer.Option(min=0, help="How many there are, in shifts.")] = AGENTS,
    seed: Annotated[int, typer.Option(help="Another seed is another day.")] = SEED,
    url: Annotated[
        str | None, typer.Option(help="A running service; by default one for as long as it takes.")
    ] = None,
) -> None:
    """Send a simulated day to the service; the same day again adds nothing."""
    from cli.opening import prepared_city
    from eventlog.settings import zone

    with prepared_city() as (settings, _, _), _service(url) as (address, _):
        print(_sent(address, settings.home, day, zone(settings.timezone), inquiries, agents, seed))


def demo(
    port: Annotated[int, typer.Option(help="Port to serve on; 0 takes a free one.")] = PORT,
    inquiries: Inquiries = INQUIRIES,
) -> None:
    """Serve, and run the press release's day through it; a second time adds nothing.

    On a terminal it goes on serving until Ctrl-C.
    """
    from cli.opening import city
    from eventlog.settings import zone

    with city() as log, _service(port=port) as (address, server):
        timezone, home = zone(log.settings.timezone), log.settings.home
        print(_sent(address, home, LEAP_DAY, timezone, inquiries, AGENTS, SEED), end="\n\n")
        _show(log, LEAP_DAY, timezone)
        if server and sys.stdout.isatty():
            print(f"\nDasan goes on serving on {address}/docs. Ctrl-C ends it.")
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server has heard it, too
            server.join()


def _sent(
    address: str,
    home: Path,
    day: date,
    timezone: "ZoneInfo",
    inquiries: int,
    agents: int,
    seed: int,
) -> str:
    """Send a day and say what it made of the log."""
    from api.security import Scope, Tokens, token_key
    from simulation import sending
    from simulation.simulate import simulate as simulated

    token = Tokens(token_key(home)).issue(
        "simulation", frozenset({Scope.INQUIRIES_WRITE}), timedelta(days=1)
    )
    commands = simulated(day=day, timezone=timezone, inquiries=inquiries, agents=agents, seed=seed)
    with progress_bar(f"{day}", round(inquiries * COMMANDS_AN_INQUIRY)) as progress:
        sent = asyncio.run(sending.send(commands, url=address, token=token, progress=progress))
    return (
        f"{day}: {inquiries:,} inquiries, {sent.commands:,} commands: {sent.events:,} events added"
    )


def _show(log: "Log", day: date, timezone: "ZoneInfo") -> None:
    """Print the KPIs of a day by queue, and the published ones beside those of the whole."""
    from cli.answering import caught_up, print_answer
    from cli.press_release import print_beside
    from projections.answer import answer
    from projections.question import Question

    begin, end = (datetime.combine(at, time(), timezone) for at in (day, day + timedelta(days=1)))
    question = Question(begin, end, timezone, by=("queue",))
    with caught_up(log) as connection:
        print_answer(connection, question)
        print()
        print_beside(answer(connection, replace(question, by=("total",))).rows[0])


@contextmanager
def _service(url: str | None = None, port: int = 0) -> Iterator[tuple[str, BaseProcess | None]]:
    """Yield where a service listens: the one of `url`, else one in a process of its own."""
    if url is not None:
        yield url.rstrip("/"), None
        return
    with listening(HOST, port) as listener:
        host, taken, *_ = listener.getsockname()
        # Started afresh: this process has threads, which a fork would tear.
        server = multiprocessing.get_context("spawn").Process(target=serve_on, args=(listener,))
        server.start()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # not without it
    try:
        yield f"http://{host}:{taken}", server
    finally:
        server.terminate()
        server.join()

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

from cli.history import SCALE, fill_log
from cli.progress import progress_bar
from cli.serving import HOST, PORT, listening, serve_on
from domain.times import read_date

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from eventlog.log import Log

COMMANDS_AN_INQUIRY = 6.6
"""About; for the progress bar."""
LEAP_DAY = date(2012, 2, 29)
"""Of the month whose figures the city published."""
INQUIRIES, AGENTS, SEED = 37_000, 524, 120

Inquiries = Annotated[int, typer.Option(min=0, help="How many arrive on the day.")]


def simulate(  # noqa: PLR0913, PLR0917 - the options of the command
    day: Annotated[
        date | None,
        typer.Option(
            metavar="YYYY-MM-DD", parser=read_date, help="The day.", show_default=f"{LEAP_DAY}"
        ),
    ] = None,
    inquiries: Annotated[
        int | None,
        typer.Option(min=0, help="How many arrive on the day.", show_default=f"{INQUIRIES}"),
    ] = None,
    agents: Annotated[
        int | None,
        typer.Option(min=0, help="How many there are, in shifts.", show_default=f"{AGENTS}"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed is another day.")] = SEED,
    url: Annotated[
        str | None, typer.Option(help="A running service; by default one for as long as it takes.")
    ] = None,
    first: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="YYYY-MM",
            help="First month, or date, of the history.",
            show_default="2007-09",
        ),
    ] = None,
    last: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="YYYY-MM",
            help="Its last month, or date, itself in it.",
            show_default="2012-02",
        ),
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option(help="How large it is; 1 is 38 million inquiries.", show_default=f"{SCALE}"),
    ] = None,
    bulk: Annotated[
        bool, typer.Option("--bulk", help="Fill an empty log with the history of the line.")
    ] = False,
) -> None:
    """Send a simulated day to the service, or with --bulk fill an empty log with the history.

    The same again adds nothing; what broke off goes on.
    """
    from cli.opening import prepared_city
    from eventlog.settings import zone

    if bulk:
        _refuse(
            {"--day": day, "--inquiries": inquiries, "--agents": agents, "--url": url},
            "it is for a single day: leave it out, or --bulk",
        )
        fill_log(first, last, scale, seed)
        return
    _refuse(
        {"--from": first, "--to": last, "--scale": scale},
        "it is for the history, so with --bulk: the service would record it as of now",
    )
    with prepared_city() as (settings, _, _), _service(url) as (address, _):
        print(
            _sent(
                address,
                settings.home,
                day or LEAP_DAY,
                zone(settings.timezone),
                INQUIRIES if inquiries is None else inquiries,
                AGENTS if agents is None else agents,
                seed,
            )
        )


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


def _refuse(options: dict[str, object], reason: str) -> None:
    for name, value in options.items():
        if value is not None:
            raise typer.BadParameter(reason, param_hint=name)


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

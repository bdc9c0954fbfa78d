"""`dasan audit search`: who did what, when, and who opened whose sealed texts."""

import os
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import typer

if TYPE_CHECKING:
    from projections.searching import Entry, Found

_TIME = "date or time, in the city's zone"


def search(  # noqa: PLR0913, PLR0917 - the filters
    actor: Annotated[str | None, typer.Option(help="Who did it, such as agent:a017.")] = None,
    agent: Annotated[
        str | None, typer.Option(help="The agent it is about, or to whom it was handed.")
    ] = None,
    stream: Annotated[
        UUID | None, typer.Option(help="An inquiry, with the disclosures of its sealed texts.")
    ] = None,
    type_: Annotated[
        str | None, typer.Option("--type", help="Of the event, such as disclosure.made.")
    ] = None,
    begin: Annotated[
        str | None, typer.Option("--from", help=f"Recorded at or after: {_TIME}.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help=f"Recorded before: {_TIME}.")] = None,
    time_from: Annotated[str | None, typer.Option(help=f"Happened at or after: {_TIME}.")] = None,
    time_to: Annotated[str | None, typer.Option(help=f"Happened before: {_TIME}.")] = None,
    oldest_first: Annotated[bool, typer.Option("--oldest", help="The oldest first.")] = False,
    after: Annotated[
        int | None, typer.Option(min=1, help="Go on behind this position of the page before.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Entries of a page.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show who did what, the newest first: docs/access-records.md.

    `--stream INQUIRY --type disclosure.made`: who has read its sealed texts, and what for.
    """
    from cli.answering import caught_up, print_document
    from cli.opening import city
    from eventlog.settings import read_settings
    from projections.question import instant
    from projections.searching import Search
    from projections.searching import search as search_view

    zone = ZoneInfo(read_settings(os.environ).timezone)

    def at(text: str | None) -> datetime | None:
        return None if text is None else instant(text, zone)

    wanted = Search(
        actor=actor,
        agent=agent,
        stream=stream,
        type=type_,
        recorded_from=at(begin),
        recorded_to=at(end),
        time_from=at(time_from),
        time_to=at(time_to),
        oldest_first=oldest_first,
        after=after,
        limit=limit,
    )
    with city() as log, caught_up(log, "audit") as connection:
        found = search_view(connection, wanted)
    if as_json:
        entries = [entry._asdict() for entry in found.entries]
        print_document({**found._asdict(), "entries": entries})
    else:
        _print_table(found, zone)


def _print_table(found: "Found", zone: ZoneInfo) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from cli.kpi_table import WIDTH

    table = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    for title in ("position", "recorded", "happened", "actor", "event", "stream/version", "about"):
        table.add_column(title, overflow="fold")
    for entry in found.entries:
        recorded, happened = (
            f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}" for at in (entry.recordedtime, entry.time)
        )
        table.add_row(
            str(entry.position),
            recorded,
            happened,
            entry.actor,
            entry.type,
            f"{entry.stream}/{entry.version}",
            _about(entry),
        )
    console = Console(width=WIDTH)
    console.print(table, highlight=False)
    more = f"; more with --after {found.next}" if found.next else ""
    print(f"{zone.key}, log position {found.position:,}{more}")


def _about(entry: "Entry") -> str:
    """Return whom it concerns, what it holds sealed, and what a disclosure opened."""
    told: list[Any] = [entry.agent, entry.to_agent and f"to {entry.to_agent}"]
    if entry.sealed:
        told.append(f"sealed: {', '.join(entry.sealed)}")
    if entry.opened:
        told.append(f"for {entry.purpose}:")
        told += (f"{one['stream']}/{one['version']} {one['field']}" for one in entry.opened)
    return " ".join(part for part in told if part)

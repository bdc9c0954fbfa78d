"""`dasan backlog`: what is open at an instant and how old it is; now also who waits and talks."""

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

if TYPE_CHECKING:
    from projections.backlog import Backlog, Open

DAY_MS = 86_400_000


def backlog(
    at: Annotated[
        str | None, typer.Option(help="Date or time in the city's zone; by default now.")
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", help="As known at a log position, or at a time of recording."),
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="queue, channel, language, category or district.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the backlog as JSON.")] = False,
) -> None:
    """Show the inquiries that are open: received, and neither resolved nor abandoned.

    At an instant it is made of the facts until then, from the archive and the log. Now the view
    knows it, and who waits in the queues.
    """
    from cli.answering import caught_up, print_document, recalling
    from cli.opening import city
    from eventlog.settings import read_settings
    from projections.as_of import position_or_time
    from projections.backlog import read_backlog, require_label
    from projections.question import instant

    timezone = ZoneInfo(read_settings(os.environ).timezone)
    require_label(by)
    instant_asked = None if at is None else instant(at, timezone)
    known_by = None if as_of is None else position_or_time(as_of, timezone)
    groupings = [by] if as_json or by is None else [by, None]
    with (
        city() as log,
        caught_up(log, "inquiries") as connection,
        recalling(log, connection) as past,
    ):
        told = read_backlog(
            past, groupings, at=instant_asked, known_by=known_by, now=datetime.now(UTC)
        )
    if as_json:
        print_document(told[0].as_json())
    else:
        _print_table(told)


def _print_table(told: "Sequence[Backlog]") -> None:
    """Print the rows, those of all together last, and what they stand for."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from cli.kpi_table import UNKNOWN, WIDTH

    asked = told[0]
    table = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    table.add_column(asked.by or "")
    columns = _columns(told)
    for title in columns:
        table.add_column(title, justify="right", vertical="bottom")
    for one in told:
        for row in one.rows:
            label = row.label or UNKNOWN if one.by else "total"
            table.add_row(label, *(shown(row) for shown in columns.values()))
        table.add_section()
    console = Console(width=WIDTH)
    console.print(table, highlight=False)
    console.print(_standing_for(asked), highlight=False)


def _columns(told: "Sequence[Backlog]") -> "dict[str, Callable[[Open], str]]":
    columns: dict[str, Callable[[Open], str]] = {
        "open": lambda row: f"{row.counts['open']:,}",
        "< 1 d": lambda row: f"{row.counts['under_1d']:,}",
        "1-7 d": lambda row: f"{row.counts['from_1d_to_7d']:,}",
        "7-30 d": lambda row: f"{row.counts['from_7d_to_30d']:,}",
        "from 30 d": lambda row: f"{row.counts['from_30d']:,}",
        "age p50": lambda row: _duration(row.ages["age_p50_ms"]),
        "p90": lambda row: _duration(row.ages["age_p90_ms"]),
        "oldest": lambda row: _duration(row.ages["age_max_ms"]),
    }
    if any(row.now for one in told for row in one.rows):
        columns |= {
            "waiting": lambda row: f"{row.now['waiting'] or 0:,}",
            "longest\nwait": lambda row: _duration(row.now["longest_wait_ms"]),
            "talking": lambda row: f"{row.now['conversations'] or 0:,}",
        }
    return columns


def _duration(milliseconds: int | None) -> str:
    """Return days with a tenth, or of less than one hours, minutes and seconds."""
    from cli.kpi_table import UNKNOWN

    if milliseconds is None:
        return UNKNOWN
    if milliseconds >= DAY_MS:
        return f"{milliseconds / DAY_MS:,.1f} d"
    minutes, seconds = divmod(milliseconds // 1000, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"


def _standing_for(told: "Backlog") -> str:
    recorded = told.as_of and told.as_of.recordedtime
    known = f", recorded {recorded.astimezone(told.at.tzinfo):%Y-%m-%d %H:%M}" if recorded else ""
    return f"{told.at.tzinfo}, {told.at:%Y-%m-%d %H:%M:%S}; log position {told.position:,}{known}"

"""`dasan import`: files in, events and a report out."""

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.progress import progress_bar

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from eventlog.log import Log
    from importers.contact_report import ContactReport
    from importers.report import NamedLines, Report

NAMED_LINES_SHOWN = 20


def queue_log(
    file: Annotated[Path, typer.Argument(help="The queue_log to read.")],
    timezone: Annotated[str, typer.Option(help="IANA zone of the telephone system.")],
    source: Annotated[
        str, typer.Option(help="Names the telephone system; files of one continue each other.")
    ] = "queue_log",
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail, too, when a line has an event that is unknown.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Import an Asterisk queue_log. Importing it again adds nothing; one that grew is continued."""
    from cli.opening import city
    from eventlog.settings import zone

    with city() as log:
        report = _imported(log, file, zone(timezone), source)
    print(json.dumps(_as_json(report), indent=1) if as_json else _as_text(report))
    if report.unreadable.count or (strict and report.unknown_events):
        raise typer.Exit(1)


def contacts(
    file: Annotated[Path, typer.Argument(help="Steps of contacts: see docs/contacts.md.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Import what channel gateways report, one CloudEvents envelope a line.

    Importing it again adds nothing. A step whose predecessor has not come waits for an hour.
    """
    from cli.opening import city
    from importers.contacts import import_contacts

    size = file.stat().st_size if file.is_file() else 0  # what is none is refused when it is read
    with city() as log, progress_bar(file.name, size) as progress:
        report = import_contacts(log, file, progress=progress)
    print(json.dumps(_contacts_as_json(report), indent=1) if as_json else _contacts_as_text(report))
    if report.unreadable.count or report.given_up:
        raise typer.Exit(1)


def _imported(log: "Log", file: Path, timezone: "ZoneInfo", source: str) -> "Report":
    from importers.queue_log import import_queue_log

    size = file.stat().st_size if file.is_file() else 0  # what is none is refused when it is read
    with progress_bar(file.name, size) as progress:
        return import_queue_log(log, file, timezone=timezone, source=source, progress=progress)


def _as_json(report: "Report") -> dict[str, Any]:
    told = asdict(report)
    told["ignored"] = dict(report.ignored)  # asdict makes a counter of pairs of it
    for name in ("unreadable", "differing", "warnings"):
        told[name] = getattr(report, name).as_json()
    for name in ("first", "last"):
        told[name] = told[name] and told[name].isoformat()
    return told


def _contacts_as_json(report: "ContactReport") -> dict[str, Any]:
    told = asdict(report)
    for name in ("unreadable", "warnings", "waiting"):
        told[name] = getattr(report, name).as_json()
    return told


def _as_text(report: "Report") -> str:
    lines = [
        f"{report.lines:,} lines, {report.calls:,} calls: {report.events:,} events added,"
        f" {report.repeated:,} lines known before"
    ]
    if report.first and report.last:
        lines.append(f"from {report.first.isoformat()} to {report.last.isoformat()}")
    if report.lost:
        lines.append(f"{report.lost:,} visits ended unseen when the telephone system went down")
    for name, count in sorted(report.ignored.items()):
        known = "not an event of a call" if name not in report.unknown_events else "unknown"
        lines.append(f"{count:,} {name}: {known}")
    lines += _named("not read", report.unreadable) + _named("read, but", report.differing)
    lines += _named("read, but", report.warnings)
    return "\n".join(lines + _unfinished(report))


def _contacts_as_text(report: "ContactReport") -> str:
    lines = [
        f"{report.lines:,} lines, {report.contacts:,} contacts: {report.events:,} events added,"
        f" {report.repeated:,} lines known before"
    ]
    lines += _named("not read", report.unreadable) + _named("waits", report.waiting)
    lines += _named("read, but", report.warnings)
    lines += [f"given up: {step}" for step in report.given_up_steps[:NAMED_LINES_SHOWN]]
    lines += _more(report.given_up)
    return "\n".join(lines + _unfinished(report))


def _named(what: str, named: "NamedLines") -> list[str]:
    """Return the first lines of each reason, and how many more there are of it."""
    from importers.report import kind_of

    shown: Counter[str] = Counter()
    told = []
    for number, reason in named.lines:
        shown[kind_of(reason)] += 1
        if shown[kind_of(reason)] <= NAMED_LINES_SHOWN:
            told.append(f"line {number} {what}: {reason}")
    for kind, count in named.reasons.items():
        told += [f"{kind}: {more}" for more in _more(count)]
    return told


def _more(count: int) -> list[str]:
    more = count - NAMED_LINES_SHOWN
    return [f"… and {more:,} more ({count:,} in all)"] if more > 0 else []


def _unfinished(report: "Report | ContactReport") -> list[str]:
    if report.unfinished is None:
        return []
    return [f"line {report.unfinished} has no end yet: import the file again when it has grown"]

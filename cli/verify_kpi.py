"""`dasan verify-kpi`: imports a log into a scratch city and compares its KPIs with a file."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

if TYPE_CHECKING:
    from eventlog.log import Log
    from importers.report import Report
    from projections.expected import Expected, Figure


def verify_kpi(
    log: Annotated[Path, typer.Argument(help="The queue_log to import.")],
    expected: Annotated[Path, typer.Argument(help="The figures, as JSON.")],
    timezone: Annotated[
        str | None, typer.Option(help="IANA zone of the days; by default that of EXPECTED.")
    ] = None,
) -> None:
    """Compare every figure of EXPECTED with the KPIs of LOG, to the unit.

    The log is imported into a database of its own that is thrown away; the city's stays untouched.
    """
    from eventlog.settings import SettingsError, zone
    from importers.text_file import ImportFileError
    from projections.expected import ExpectedError, read_expected
    from projections.question import QuestionError

    try:
        figures = read_expected(_octets(expected))
        days = zone(timezone or figures.timezone or _no_zone())
        compared = _compared(log, figures, days)
    except (ImportFileError, SettingsError) as error:
        raise _refused(error) from error
    except (ExpectedError, QuestionError) as error:
        raise _refused(f"{expected}: {error}") from error
    differing = [figure for figure in compared if not figure.is_equal]
    for bucket, name, wanted, found in differing:
        print(f"{bucket} {name}: expected {wanted}, found {found}")
    print(f"{len(compared):,} figures compared, {len(differing):,} differ")
    raise typer.Exit(1 if differing else 0)


def _refused(reason: object) -> typer.Exit:
    print(f"dasan: {reason}", file=sys.stderr)
    return typer.Exit(2)


def _octets(path: Path) -> bytes:
    from projections.expected import ExpectedError

    try:
        return path.read_bytes()
    except OSError as error:
        raise ExpectedError(f"it cannot be read: {error.strerror}") from error


def _no_zone() -> str:
    from projections.expected import ExpectedError

    raise ExpectedError("it names no timezone: say --timezone, in which its days are counted")


def _compared(path: Path, expected: "Expected", timezone: ZoneInfo) -> "list[Figure]":
    from cli.answering import caught_up
    from cli.progress import progress_bar
    from importers.queue_log import import_queue_log
    from importers.text_file import read_lines
    from projections.expected import compare, compare_report

    next(read_lines(path), None)  # refuses a file that cannot be read before anything is made
    with _scratch(timezone.key) as log:
        with progress_bar(path.name, path.stat().st_size) as progress:
            report = import_queue_log(log, path, timezone=timezone, progress=progress)
        with caught_up(log) as connection:
            return [
                *compare_report(expected, _told(report)),
                *compare(connection, expected, timezone),
            ]


@contextmanager
def _scratch(timezone: str) -> Iterator["Log"]:
    """Yield an empty log with its views that is gone afterwards."""
    from eventlog.log import opened
    from eventlog.settings import Settings
    from projections.runner import prepare

    with tempfile.TemporaryDirectory(prefix="dasan-verify-") as folder:
        Path(folder).chmod(0o711)  # for root the server runs as another user, who passes through
        settings = Settings(None, Path(folder) / "home", city="verify", timezone=timezone)
        with opened(settings) as log:
            prepare(log.database, timezone)
            yield log


def _told(report: "Report") -> dict[str, Any]:
    return {
        "lines": report.lines,
        "unreadable_lines": [number for number, _ in report.unreadable.lines],
        "calls": report.calls,
        "events": report.events,
        "ignored": dict(report.ignored),
    }

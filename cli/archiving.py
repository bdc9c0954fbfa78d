"""`dasan archive seal | verify`: the log as Parquet files, and whether they are what they claim."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from projections.archive_checking import Verified
    from projections.sealing import Sealed

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


class UnfinishedError(RuntimeError):
    """Long work was broken off where it wrote; says why."""


def seal(as_json: AsJson = False) -> None:
    """Write every whole segment that the log has and the archive has not: see docs/archive.md.

    A run that was killed left whole segments behind; the next one goes on after them.
    """
    from cli.opening import prepared_city
    from cli.progress import progress_bar
    from eventlog.archive import Archive
    from eventlog.reader import head
    from projections.sealing import seal as seal_archive

    with prepared_city() as (settings, database, _), long_work():
        archive = Archive(settings.archive)
        with database.connect() as connection:
            total = head(connection)
        with progress_bar("sealing", total) as progress:
            sealed = seal_archive(database, archive, progress=progress)
    if as_json:
        _print(_sealed_document(archive.url, sealed))
    else:
        print(_sealed_line(archive.url, sealed))


def verify(
    archive: Annotated[
        str | None, typer.Argument(help="A folder or an fsspec URL. [default: DASAN_ARCHIVE]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check an archive by itself, and name the first thing that is wrong: see docs/archive.md.

    Needs no database: every hash, the order, the roots, and every typed row against its record.
    """
    from cli.progress import progress_bar
    from eventlog.archive import Archive
    from eventlog.settings import read_settings
    from projections.archive_checking import verify as verify_archive

    opened = Archive(archive or read_settings(os.environ).archive)
    with long_work(), progress_bar("verifying", 100) as bar:
        verified = verify_archive(opened, (lambda share: bar(round(100 * share))) if bar else None)
    if as_json:
        _print(_verified_document(opened.url, verified))
    else:
        print(_verified_line(opened.url, verified))
    raise typer.Exit(1 if verified.fault else 0)


@contextmanager
def long_work() -> Iterator[None]:
    """Say in one line that a disk is full; whoever is told to stop leaves no temporary files."""
    import duckdb

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    except (OSError, duckdb.Error) as error:
        reason = str(error).partition("\n")[0]
        raise UnfinishedError(f"{reason}: is there room in TMPDIR?") from error


def _sealed_document(url: str, sealed: "Sealed") -> dict[str, object]:
    return {
        "archive": url,
        "sealed": [segment.name for segment in sealed.made],
        "events": sum(segment.size for segment in sealed.made),
        "bytes": sum(segment.records.bytes + segment.events.bytes for segment in sealed.made),
        "position": sealed.position,
        "waiting": sealed.waiting,
    }


def _sealed_line(url: str, sealed: "Sealed") -> str:
    events = sum(segment.size for segment in sealed.made)
    made = f"{_segments(len(sealed.made))} of {events:,} events sealed" if events else "nothing new"
    return (
        f"{made}: {url} holds the positions up to {sealed.position:,}, and {sealed.waiting:,} more"
        " wait for a whole segment"
    )


def _verified_document(url: str, verified: "Verified") -> dict[str, object]:
    last = verified.segments[-1] if verified.segments else None
    return {
        "archive": url,
        "segments": len(verified.segments),
        "position": verified.position,
        "source": last and last.source,
        "log_id": last and str(last.log_id),
        "root": last and last.model_dump(mode="json")["root"],
        "fault": verified.fault and verified.fault._asdict(),
    }


def _verified_line(url: str, verified: "Verified") -> str:
    if verified.fault:
        return f"wrong: {verified.fault}"
    last = verified.segments[-1]
    root = last.model_dump(mode="json")["root"]
    return (
        f"nothing is wrong: {url} holds the positions 1 to {last.last:,} of {last.source},"
        f" id {last.log_id}, in {_segments(len(verified.segments))}; root {root}"
    )


def _segments(number: int) -> str:
    return f"{number:,} segment{'' if number == 1 else 's'}"


def _print(document: dict[str, object]) -> None:
    import orjson

    print(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())

"""Importing contacts: a file of steps, one CloudEvents envelope a line, as gateways report them.

The file is read once, in bounded memory. Steps of one contact may be out of order: within
`CHUNK_LINES` they are put in order, further apart they wait in the database, beyond the end of the
import if need be (`importers/contact_taking.py`). Importing a file again adds nothing.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from eventlog.log import Log
from importers.contact_envelope import Step, StepError, parse_step
from importers.contact_report import ContactReport, Reading
from importers.contact_taking import Contacts
from importers.text_file import FileLine, read_lines

CHUNK_LINES = 2_000
"""How many lines are decided on together."""


def import_contacts(
    log: Log, path: Path, *, progress: Callable[[int], None] | None = None
) -> ContactReport:
    """Record what a file of steps tells; `progress` hears how many bytes have been read.

    Raises:
        ImportFileError: the file cannot be read, or is not text.
        eventlog.writer.WriterError: the log cannot be written; import the file again later.
    """
    with log.database.connect() as connection:
        reading = Reading(Contacts(log, connection))
        chunk: dict[int, Step] = {}
        for number, step in _steps(path, reading.report, progress):
            chunk[number] = step
            if len(chunk) == CHUNK_LINES:
                reading.take(chunk)
                chunk = {}
        reading.take(chunk)
        reading.finish()
    return reading.report


def _steps(
    path: Path, report: ContactReport, progress: Callable[[int], None] | None
) -> Iterator[tuple[int, Step]]:
    """Yield steps by line number; report the lines that are none."""
    size = 0
    for line in read_lines(path):
        size += line.size
        if progress and line.number % CHUNK_LINES == 0:
            progress(size)
        try:
            step = _parsed(line)
        except StepError as error:
            if line.unfinished:
                report.unfinished = line.number
                return
            report.unreadable.add(line.number, str(error))
        else:
            yield line.number, step
        report.lines += 1
    if progress:
        progress(size)


def _parsed(line: FileLine) -> Step:
    if line.text is None:
        raise StepError(line.fault)
    return parse_step(line.text)

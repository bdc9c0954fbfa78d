"""Importing contacts: a file of steps, one CloudEvents envelope a line, as gateways report them.

The file is read once, in bounded memory. Steps of one contact may be out of order: within
`CHUNK_LINES` they are put in order, further apart they wait in the database, beyond the end of the
import if need be (`importers/contact_taking.py`). Importing a file again adds nothing.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from eventlog.log import Log
from importers.contact_deciding import Sent
from importers.contact_envelope import Step, StepError, StepReader
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
        contacts = Contacts(log, connection)
        reading = Reading(contacts)
        chunk: list[Sent] = []
        for sent in _steps(path, contacts.reader, reading.report, progress):
            chunk.append(sent)
            if len(chunk) == CHUNK_LINES:
                reading.take(chunk)
                chunk = []
        reading.take(chunk)
        reading.finish()
    return reading.report


def _steps(
    path: Path,
    reader: StepReader,
    report: ContactReport,
    progress: Callable[[int], None] | None,
) -> Iterator[Sent]:
    """Yield the steps of a file; report the lines that are none, and what was odd."""
    size = 0
    for line in read_lines(path):
        size += line.size
        if progress and line.number % CHUNK_LINES == 0:
            progress(size)
        try:
            step, warnings = _read(reader, line)
        except StepError as error:
            if line.unfinished:
                report.unfinished = line.number
                return
            report.unreadable.add(line.number, str(error))
        else:
            for warning in warnings:
                report.warnings.add(line.number, warning)
            yield Sent(step, line=line.number)
        report.lines += 1
    if progress:
        progress(size)


def _read(reader: StepReader, line: FileLine) -> tuple[Step, list[str]]:
    if line.text is None:
        raise StepError(line.fault)
    return reader.read(line.text)

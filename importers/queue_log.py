"""Importing an Asterisk queue_log: lines become inquiries, as `importers/queue_log_calls.py` says.

The file is read once, in bounded memory. Lines that are out of order by up to `CHUNK_LINES` are put
in order; a line whose call has not arrived yet is held until the arrival is read. Nothing is
remembered of a file: lines that were imported before, from this file or another of the same
source, say what is known and add nothing.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from zoneinfo import ZoneInfo

from domain.errors import FactTimeError
from domain.vocabulary import Code
from eventlog.log import Log
from importers.naming import Naming
from importers.queue_log_lines import Line, LineError, parse
from importers.queue_log_taking import Calls
from importers.report import Report
from importers.text_file import FileLine, read_lines
from projections.catalogue_tables import add_queues, queue_codes

CHUNK_LINES = 2_000
"""How many lines are decided on together, and by how many places a line may be out of order."""

_in_order = attrgetter("order")


def import_queue_log(
    log: Log,
    path: Path,
    *,
    timezone: ZoneInfo,
    source: str = "queue_log",
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Record what a queue_log tells; `progress` hears how many bytes have been read.

    `source` names the telephone system: files with the same one continue each other's calls.
    `timezone` is its zone: of the times in the report, and of those in the file that are not
    seconds since 1970.

    Raises:
        ImportFileError: the file cannot be read, or is not text.
        VocabularyError, RequestError: `source` is no code of letters, digits and ``._@-``.
        ViewStoppedError: the telephone system started again, and who waits cannot be known.
        eventlog.writer.WriterError: the log cannot be written; import the file again later.
    """
    report = Report()
    with log.database.connect() as connection:
        naming = Naming(log.keys, queue_codes(connection))
    calls = Calls(log, source, report)
    pending: list[Line] = []
    for line in _Lines(log, report, _SourceNames(naming, source), timezone).of(
        path, progress or _ignore
    ):
        pending.append(line)
        at = line.at.astimezone(timezone)
        report.first = min(at, report.first or at)
        report.last = max(at, report.last or at)
        if len(pending) == 2 * CHUNK_LINES:
            pending.sort(key=_in_order)
            calls.take(pending[:CHUNK_LINES])
            del pending[:CHUNK_LINES]
    calls.take(sorted(pending, key=_in_order))
    calls.give_up()
    with log.database.connect() as connection:
        add_queues(connection, naming.new_queues)
    for named in (report.unreadable, report.warnings):
        named.lines.sort()
    return report


class _SourceNames:
    """The codes of one telephone system's agents and queues."""

    def __init__(self, naming: Naming, source: str) -> None:
        self._naming = naming
        self._source = source

    def agent(self, name: str) -> Code:
        return self._naming.agent(self._source, name)

    def queue(self, name: str) -> Code:
        return self._naming.queue(name)


class _Lines:
    """Reads the lines about calls, and reports the others."""

    def __init__(self, log: Log, report: Report, names: _SourceNames, timezone: ZoneInfo) -> None:
        self._times = log.settings.times
        self._report = report
        self._names = names
        self._timezone = timezone

    def of(self, path: Path, progress: Callable[[int], None]) -> Iterator[Line]:
        """Yield the lines of a file that are about calls."""
        size = 0
        for read in read_lines(path):
            size += read.size
            if read.number % CHUNK_LINES == 0:
                progress(size)
            if read.unfinished:
                self._report.unfinished = read.number
                break
            self._report.lines += 1
            try:
                line = self._parsed(read)
            except (LineError, FactTimeError) as error:
                self._report.unreadable.add(read.number, str(error))
                continue
            if isinstance(line, Line):
                yield line
            else:
                self._report.ignore(line)
        progress(size)

    def _parsed(self, read: FileLine) -> Line | str:
        if read.text is None:
            raise LineError(read.fault)
        line = parse(read.number, read.text, self._names, self._timezone)
        if isinstance(line, Line):
            self._times.require(line.at, datetime.now(UTC))
        return line


def _ignore(_: int) -> None:
    """Hear nothing."""

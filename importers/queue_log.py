"""Importing an Asterisk queue_log: lines become inquiries, as `importers/queue_log_calls.py` says.

The file is read once, in bounded memory. Lines that are out of order by up to `CHUNK_LINES` are put
in order; a line that comes before its call's arrival is held until the arrival is read. Nothing is
remembered of a file: lines that were imported before, from this file or another of the same
source, say what is known and add nothing.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.inquiries import MAX_TRIES, StaleVersionError
from domain.request import Request
from domain.vocabulary import code
from eventlog.log import Log

from importers.queue_log_calls import Call
from importers.queue_log_lines import Line, LineError, parse
from importers.text_file import FileLine, ImportFileError, read_lines

__all__ = ["ImportFileError", "Report", "import_queue_log"]

CHUNK_LINES = 2_000
"""How many lines are decided on together, and by how many a line may be out of order."""

MAX_HELD_LINES = 10_000
MAX_NAMED_LINES = 1_000
MAX_RECENT_CALLS = 100_000


@dataclass(slots=True)
class Named:
    """Lines counted, and the first `MAX_NAMED_LINES` of them by number and reason."""

    count: int = 0
    lines: list[tuple[int, str]] = field(default_factory=list)

    def add(self, number: int, reason: str) -> None:
        """Count a line; name it while there is room."""
        self.count += 1
        if len(self.lines) < MAX_NAMED_LINES:
            self.lines.append((number, reason))


@dataclass(slots=True)
class Report:
    """What an import read and did.

    `calls` have a line that was taken or was known; each counts once unless its lines are
    `MAX_RECENT_CALLS` calls apart. `events` were added; `repeated` lines said what was known.
    `unreadable` lines could not be read, or contradict what is known. `differing` lines have a
    holdtime other than answer minus entry; it was taken all the same. `ignored` counts lines by
    event. `unfinished` is the number of a last line without newline: not read, nor in `lines`.
    `first` and `last` are the earliest and latest time read, in the source's zone.
    """

    lines: int = 0
    calls: int = 0
    events: int = 0
    repeated: int = 0
    unreadable: Named = field(default_factory=Named)
    differing: Named = field(default_factory=Named)
    ignored: Counter[str] = field(default_factory=Counter)
    unfinished: int | None = None
    first: datetime | None = None
    last: datetime | None = None


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
    `timezone` is its zone, for the times in the report; those in the file are UTC.

    Raises:
        ImportFileError: the file cannot be read, or is not text.
        VocabularyError, RequestError: `source` is no code, or one with other signs than ``._@-``.
        eventlog.writer.WriterError: the log cannot be written; import the file again later.
    """
    lines = _Lines(log, source)
    epochs: list[int] = []
    pending: list[Line] = []
    size = 0
    for read in read_lines(path):
        size += read.size
        if line := _parsed(read, lines.report):
            pending.append(line)
            epochs = [min(line.epoch, *epochs), max(line.epoch, *epochs)]
        if len(pending) == 2 * CHUNK_LINES:
            pending.sort(key=attrgetter("order"))
            lines.take(pending[:CHUNK_LINES])
            del pending[:CHUNK_LINES]
        if progress is not None and read.number % CHUNK_LINES == 0:
            progress(size)
    lines.take(sorted(pending, key=attrgetter("order")))
    lines.give_up()
    if progress is not None:
        progress(size)
    return _completed(lines.report, epochs, timezone)


def _parsed(read: FileLine, report: Report) -> Line | None:
    if read.unfinished:
        report.unfinished = read.number
        return None
    report.lines += 1
    try:
        if read.text is None:
            raise LineError(read.fault)
        line = parse(read.number, read.text)
    except LineError as error:
        report.unreadable.add(read.number, str(error))
        return None
    if isinstance(line, str):
        report.ignored[line] += 1
        return None
    return line


def _completed(report: Report, epochs: list[int], timezone: ZoneInfo) -> Report:
    if epochs:
        report.first, report.last = (datetime.fromtimestamp(epoch, timezone) for epoch in epochs)
    report.unreadable.lines.sort()
    report.differing.lines.sort()
    return report


class _Lines:
    """Takes lines in order, holding those whose arrival has not been read."""

    def __init__(self, log: Log, source: str) -> None:
        self._log = log
        self._source = code(source)
        self._actor = f"import:{source}"
        self._request("")  # refuses a source that is no actor before anything is read
        self._held: OrderedDict[str, list[Line]] = OrderedDict()
        self._recent: OrderedDict[str, None] = OrderedDict()
        self.report = Report()

    def take(self, lines: Iterable[Line]) -> None:
        """Record what the lines tell, with those held for the same calls."""
        by_call: dict[str, list[Line]] = {}
        for line in lines:
            by_call.setdefault(line.call, []).append(line)
        for call in by_call.keys() & self._held.keys():
            by_call[call] = sorted(by_call[call] + self._held.pop(call), key=attrgetter("order"))
        self._record(by_call, is_last=False)
        if sum(map(len, self._held.values())) > MAX_HELD_LINES:
            self.give_up(calls=(len(self._held) + 1) // 2)

    def give_up(self, calls: int | None = None) -> None:
        """Report what is held longest, by default all, as lines without their arrival."""
        oldest = list(self._held)[:calls]
        for start in range(0, len(oldest), CHUNK_LINES):
            chunk = oldest[start : start + CHUNK_LINES]
            self._record({call: self._held.pop(call) for call in chunk}, is_last=True)

    def _record(self, by_call: Mapping[str, list[Line]], *, is_last: bool) -> None:
        left = dict(by_call)
        for _ in range(MAX_TRIES):
            calls = self._decided(left, is_last=is_last)
            before = {call: one.inquiry.version - len(one.inquiry.pending_events)
                      for call, one in calls.items() if one.inquiry}
            changed = [...]

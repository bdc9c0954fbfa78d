"""Importing an Asterisk queue_log: lines become inquiries, as `importers/queue_log_calls.py` says.

The file is read once, in bounded memory. Lines that are out of order by up to `CHUNK_LINES` are put
in order; a line whose call has not arrived yet is held until the arrival is read. Nothing is
remembered of a file: lines that were imported before, from this file or another of the same
source, say what is known and add nothing.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import attrgetter
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.inquiries import MAX_TRIES, StaleVersionError
from domain.request import Request
from domain.vocabulary import Code, code
from eventlog.log import Log
from importers.queue_log_calls import Call
from importers.queue_log_lines import Line, LineError, parse
from importers.report import Report
from importers.text_file import FileLine, read_lines

CHUNK_LINES = 2_000
"""How many lines are decided on together, and by how many places a line may be out of order."""

MAX_HELD_LINES = 10_000
MAX_RECENT_CALLS = 100_000
"""A call whose lines are further apart than this many calls is counted twice in the report."""

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
    `timezone` is its zone, for the times in the report; those in the file are UTC.

    Raises:
        ImportFileError: the file cannot be read, or is not text.
        VocabularyError, RequestError: `source` is no code of letters, digits and ``._@-``.
        eventlog.writer.WriterError: the log cannot be written; import the file again later.
    """
    report = Report()
    calls = _Calls(log, source, report)
    pending: list[Line] = []

    def pseudonym(name: str) -> Code:
        return Code(f"agent-{log.keys.hashed('agent', source, name)[:6].hex()}")

    for line in _lines(path, report, pseudonym, progress or _ignore):
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
    report.unreadable.lines.sort()
    return report


def _lines(
    path: Path,
    report: Report,
    pseudonym: Callable[[str], Code],
    progress: Callable[[int], None],
) -> Iterator[Line]:
    """Yield the lines about calls; report the others."""
    size = 0
    for read in read_lines(path):
        size += read.size
        if read.number % CHUNK_LINES == 0:
            progress(size)
        if read.unfinished:
            report.unfinished = read.number
            break
        report.lines += 1
        try:
            line = _parsed(read, pseudonym)
        except LineError as error:
            report.unreadable.add(read.number, str(error))
            continue
        if isinstance(line, Line):
            yield line
        else:
            report.ignored[line] += 1
    progress(size)


def _parsed(read: FileLine, pseudonym: Callable[[str], Code]) -> Line | str:
    if read.text is None:
        raise LineError(read.fault)
    return parse(read.number, read.text, pseudonym)


def _ignore(_: int) -> None:
    """Hear nothing."""


class _Calls:
    """Records what lines tell of calls, and holds lines of calls that have not arrived."""

    def __init__(self, log: Log, source: str, report: Report) -> None:
        self._log = log
        self._source = code(source)
        self._report = report
        self._held: OrderedDict[str, list[Line]] = OrderedDict()
        self._recent: OrderedDict[str, None] = OrderedDict()
        self._request("")  # refuses a source that is no actor, before anything is recorded

    def take(self, lines: Iterable[Line]) -> None:
        """Record lines, which are in order, with those held for the same calls."""
        by_call: dict[str, list[Line]] = {}
        for line in lines:
            by_call.setdefault(line.call, []).append(line)
        for name in by_call.keys() & self._held.keys():
            by_call[name] = sorted(self._held.pop(name) + by_call[name], key=_in_order)
        for name, call in self._record(by_call):
            if call.missing:
                self._held[name] = call.missing
            self._settle(name, call)
        if sum(map(len, self._held.values())) > MAX_HELD_LINES:
            self.give_up((len(self._held) + 1) // 2)

    def give_up(self, calls: int | None = None) -> None:
        """Report what was held longest, by default all, unless its arrival is known by now."""
        oldest = list(self._held)[:calls]
        for start in range(0, len(oldest), CHUNK_LINES):
            chunk = oldest[start : start + CHUNK_LINES]
            for name, call in self._record({name: self._held.pop(name) for name in chunk}):
                call.give_up()
                self._settle(name, call)

    def _record(self, by_call: Mapping[str, list[Line]]) -> list[tuple[str, Call]]:
        """Save what the calls' inquiries decide; again for those that somebody else changed."""
        saved: list[tuple[str, Call]] = []
        left = dict(by_call)
        for _ in range(MAX_TRIES):
            calls = self._decided(left)
            changed = [name for name, call in calls.items() if call.events]
            answers = self._log.inquiries.save_each(
                (inquiry, self._request(name))
                for name in changed
                if (inquiry := calls[name].inquiry) is not None
            )
            lost = {name for name, is_saved in zip(changed, answers, strict=True) if not is_saved}
            saved += [(name, call) for name, call in calls.items() if name not in lost]
            if not lost:
                return saved
            left = {name: lines for name, lines in left.items() if name in lost}
        raise StaleVersionError(f"{len(left)} calls are changed too often by others: import again")

    def _decided(self, by_call: Mapping[str, list[Line]]) -> dict[str, Call]:
        keys = self._log.keys
        ids = {name: keys.inquiry_id(self._source, name) for name in by_call}
        known = self._log.inquiries.get_each(list(ids.values()))
        calls = {
            name: Call(inquiry_id, keys.contact(self._source, name), known.get(inquiry_id))
            for name, inquiry_id in ids.items()
        }
        citizens = self._citizens(
            caller for name, call in calls.items() if (caller := call.caller(by_call[name]))
        )
        for name, call in calls.items():
            call.take(by_call[name], citizens)
        return calls

    def _citizens(self, callers: Iterable[str]) -> dict[str, UUID]:
        hashes = {caller: self._log.keys.hashed("telephone", caller) for caller in callers}
        if not hashes:
            return {}
        citizens = self._log.vault.citizens(list(hashes.values()))
        return {caller: citizens[hash_] for caller, hash_ in hashes.items()}

    def _request(self, call: str) -> Request:
        cause = self._log.keys.cause("message", self._source, call)
        return Request(actor=f"import:{self._source}", cause=cause)

    def _settle(self, name: str, call: Call) -> None:
        report = self._report
        report.events += call.events
        report.repeated += call.repeated
        for number, reason in call.refused:
            report.unreadable.add(number, reason)
        for number, reason in call.differing:
            report.differing.add(number, reason)
        if call.is_known:
            report.calls += name not in self._recent
            self._recent[name] = None
            self._recent.move_to_end(name)
            if len(self._recent) > MAX_RECENT_CALLS:
                self._recent.popitem(last=False)

"""Taking lines of calls: each is recorded once, refused, or held until its arrival is read.

Nothing is remembered of a file: what a call's inquiry knows already is a repeat.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from domain.inquiries import MAX_TRIES, StaleVersionError
from domain.inquiry import Inquiry
from domain.request import Request
from domain.vocabulary import code
from eventlog.log import Log
from eventlog.telephone import NoSubscriberError, subscriber
from importers.queue_log_calls import Call
from importers.queue_log_entries import Entries
from importers.queue_log_lines import RESTART, Arrival, Line, Restart, Waited
from importers.report import Report
from projections.feeding import bring_to_head

AT_ONCE = 2_000
"""How many calls that are given up are decided on together."""

MAX_HELD_LINES = 10_000
MAX_RECENT_CALLS = 100_000
"""A call whose lines are further apart than this many calls is counted twice in the report."""

_in_order = attrgetter("order")


class Calls:
    """Records what lines tell of calls, and holds lines of calls that have not arrived."""

    def __init__(self, log: Log, source: str, report: Report) -> None:
        self._log = log
        self._source = code(source)
        self._report = report
        self._held: OrderedDict[str, list[Line]] = OrderedDict()
        self._recent: OrderedDict[str, None] = OrderedDict()
        self._entries = Entries()
        self._request("")  # refuses a source that is no actor, before anything is recorded

    def take(self, lines: Iterable[Line]) -> None:
        """Record lines, which are in order, with those held for the same calls."""
        for is_restart, some in groupby(lines, key=lambda line: isinstance(line, Restart)):
            if is_restart:
                for line in some:
                    self._restart(line)
            else:
                self._take(some)

    def _take(self, lines: Iterable[Line]) -> None:
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
        """Report what was held longest, by default all, unless its arrival is known by now.

        After an attended transfer two calls go on under each other's names: a line may be about a
        visit that began in another call.
        """
        oldest = list(self._held)[:calls]
        held = sorted((line for name in oldest for line in self._held.pop(name)), key=_in_order)
        left: dict[str, list[Line]] = {}
        for line in held:
            if not (isinstance(line, Waited) and self._adopt(line)):
                left.setdefault(line.call, []).append(line)
        names = list(left)
        for start in range(0, len(names), AT_ONCE):
            chunk = names[start : start + AT_ONCE]
            for name, call in self._record({name: left[name] for name in chunk}):
                call.give_up()
                self._settle(name, call)

    def _restart(self, line: Line) -> None:
        """Let end what was open at this source when the telephone system started again."""
        self._report.ignore(RESTART)
        self.give_up()  # whoever answered under another call's name did so before
        left = self._open_streams()
        for _ in range(MAX_TRIES):
            calls = [call for call in self._loaded(left) if call.lose(line.at)]
            saved = self._save((call, f"{RESTART} {line.at.isoformat()}") for call in calls)
            over = [call for call, is_saved in zip(calls, saved, strict=True) if is_saved]
            self._report.lost += sum(call.events for call in over)
            self._report.events += sum(call.events for call in over)
            left = [c.inquiry_id for c, is_saved in zip(calls, saved, strict=True) if not is_saved]
            if not left:
                return
        raise _changed_too_often(len(left))

    def _open_streams(self) -> list[UUID]:
        """Return the inquiries in which somebody waits or talks, whatever their source."""
        bring_to_head(self._log.database, "inquiries")
        with self._log.database.connect() as connection:
            rows = connection.execute("SELECT DISTINCT stream_id FROM inquiries.visit")
            return [stream for (stream,) in rows]

    def _loaded(self, streams: Iterable[UUID]) -> list[Call]:
        """Return the calls of this source among inquiries."""
        found = self._log.inquiries.get_each(list(streams))
        return [
            Call(inquiry.id, inquiry.contact, inquiry)
            for inquiry in found.values()
            if inquiry.contact is not None and inquiry.contact.source == self._source
        ]

    def _adopt(self, line: Waited) -> bool:
        """Take a line that is about the one visit, of another call, which its times fit.

        The two inquiries are linked: the call that came later belongs to the other.
        """
        if line.entered is None:
            return False
        if not self._entries.has_open:
            self._entries.add_open(self._loaded(self._open_streams()))
        own_id = self._inquiry_id(line.call)
        for _ in range(MAX_TRIES):
            others = self._loaded(self._entries.near(line) - {own_id})
            meant = [(call, visit) for call in others for visit in call.open_for(line)] or [
                (call, visit)
                for call in others
                for visit in call.told_by(line)
                if self._has_told(call.inquiry_id, line.call)
            ]
            if len(meant) != 1:
                return False
            [(call, visit)] = meant
            call.adopt(line, visit)
            linked = _linked([call, *self._loaded([own_id])], line.at)
            if all(self._save((one, line.call) for one in linked if one.events)):
                for one in linked:
                    self._settle(line.call, one)
                return True
        raise _changed_too_often(1)

    def _has_told(self, stream: UUID, call: str) -> bool:
        """Whether a line of a call was taken for an inquiry: it stands as the cause."""
        with self._log.database.connect() as connection:
            row = connection.execute(
                "SELECT FROM log WHERE stream_id = %s AND position(%b IN record) > 0",
                [stream, self._request(call).cause.encode()],
            ).fetchone()
        return row is not None

    def _record(self, by_call: Mapping[str, list[Line]]) -> list[tuple[str, Call]]:
        """Save what the calls' inquiries decide; again for those that somebody else changed."""
        saved: list[tuple[str, Call]] = []
        left = dict(by_call)
        for _ in range(MAX_TRIES):
            calls = self._decided(left)
            changed = [name for name, call in calls.items() if call.events]
            answers = self._save((calls[name], name) for name in changed)
            lost = {name for name, is_saved in zip(changed, answers, strict=True) if not is_saved}
            saved += [(name, call) for name, call in calls.items() if name not in lost]
            if not lost:
                return saved
            left = {name: lines for name, lines in left.items() if name in lost}
        raise _changed_too_often(len(left))

    def _save(self, changes: Iterable[tuple[Call, str]]) -> list[bool]:
        """Save calls, each because of lines of a name; False where somebody else was faster."""
        inquiries: list[tuple[Inquiry, Request]] = [
            (call.inquiry, self._request(name))
            for call, name in changes
            if call.inquiry is not None
        ]
        return list(self._log.inquiries.save_each(inquiries))

    def _decided(self, by_call: Mapping[str, list[Line]]) -> dict[str, Call]:
        ids = {name: self._inquiry_id(name) for name in by_call}
        known = self._log.inquiries.get_each(list(ids.values()))
        calls = {
            name: Call(
                inquiry_id, self._log.keys.contact(self._source, name), known.get(inquiry_id)
            )
            for name, inquiry_id in ids.items()
        }
        citizens = self._citizens(
            caller for name, call in calls.items() if (caller := call.caller(by_call[name]))
        )
        for name, call in calls.items():
            call.take(by_call[name], citizens)
            call.warned += list(_odd_callers(by_call[name], self._log.settings.country))
            self._entries.add(call)
        return calls

    def _inquiry_id(self, call: str) -> UUID:
        return self._log.keys.inquiry_id(self._source, call)

    def _citizens(self, callers: Iterable[str]) -> dict[str, UUID]:
        """Return who calls, by what the caller's field holds; nobody is left out."""
        hashes: dict[str, bytes] = {}
        for caller in callers:
            try:
                digits = subscriber(caller, self._log.settings.country)
            except NoSubscriberError:
                continue
            hashes[caller] = self._log.keys.hashed("telephone", digits)
        if not hashes:
            return {}
        citizens = self._log.vault.citizens(list(hashes.values()))
        return {caller: citizens[hash_] for caller, hash_ in hashes.items()}

    def _request(self, cause: str) -> Request:
        return Request(
            actor=f"import:{self._source}",
            cause=self._log.keys.cause("message", self._source, cause),
        )

    def _settle(self, name: str, call: Call) -> None:
        report = self._report
        report.events += call.events
        report.repeated += call.repeated
        for named, lines in (
            (report.unreadable, call.refused),
            (report.warnings, call.warned),
            (report.differing, call.differing),
        ):
            for number, reason in lines:
                named.add(number, reason)
        if call.is_known:
            report.calls += name not in self._recent
            self._recent[name] = None
            self._recent.move_to_end(name)
            if len(self._recent) > MAX_RECENT_CALLS:
                self._recent.popitem(last=False)


def _linked(calls: Sequence[Call], at: datetime) -> Sequence[Call]:
    """Return two calls, of which the later is linked to the earlier, or the one that there is."""
    known = [call for call in calls if call.inquiry is not None]
    known.sort(key=lambda call: call.inquiry.received_at if call.inquiry else at)
    if len(known) > 1:
        known[-1].belong_to(known[0].inquiry_id, at)
    return known


def _odd_callers(lines: Iterable[Line], country: str) -> Iterator[tuple[int, str]]:
    """Yield the lines whose caller's field names nobody, each with the reason."""
    for line in lines:
        if isinstance(line, Arrival) and line.caller:
            try:
                subscriber(line.caller, country)
            except NoSubscriberError as error:
                yield line.number, f"caller: {error}: taken as nobody"


def _changed_too_often(count: int) -> StaleVersionError:
    return StaleVersionError(f"{count} calls are changed too often by others: import again")

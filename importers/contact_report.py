"""What an import of contacts read and did, in bounded memory."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from domain.vocabulary import Code
from importers.contact_deciding import Fate, Sent, Told
from importers.contact_taking import Contacts
from importers.report import MAX_NAMED_LINES, NamedLines

MAX_RECENT = 100_000
"""A contact whose lines are further apart than this many contacts is counted twice.

Of more lines than this that wait, the oldest are reported to wait even if they do not in the end.
"""


@dataclass(slots=True)
class ContactReport:
    """What became of a file's lines, and of steps that waited since an earlier import.

    `contacts` have a line that was taken or was known before. `events` were added; `repeated` lines
    said what was known. `unreadable` lines are no steps, or contradict what is known. `warnings`
    name what of a line was left out, or taken otherwise than it came. `waiting` lines need a step
    that has not come. `given_up` are steps of earlier imports, by contact, that waited for an hour
    in vain, or proved wrong; the first `MAX_NAMED_LINES` are named. `unfinished` is the number of a
    last line that ends before its step does: it was not read and is not in `lines`, and neither
    are blank ones.
    """

    lines: int = 0
    contacts: int = 0
    events: int = 0
    repeated: int = 0
    unreadable: NamedLines = field(default_factory=NamedLines)
    warnings: NamedLines = field(default_factory=NamedLines)
    waiting: NamedLines = field(default_factory=NamedLines)
    given_up: int = 0
    given_up_steps: list[str] = field(default_factory=list)
    unfinished: int | None = None


class Reading:
    """Counts what becomes of lines, and knows which of them wait."""

    def __init__(self, contacts: Contacts) -> None:
        self.report = ContactReport()
        self._contacts = contacts
        self._waiting: OrderedDict[Code, tuple[int, str]] = OrderedDict()
        self._recent: OrderedDict[UUID, None] = OrderedDict()

    def take(self, chunk: Iterable[Sent]) -> None:
        """Take the steps of some lines."""
        taken = self._contacts.take(chunk)
        for told in taken.told:
            self._count(told, told.reported.line or 0)
        self._release(taken.released)

    def finish(self) -> None:
        """Report the lines that wait, and give up what has waited for too long."""
        while self._contacts.give_up(self._release):
            pass
        for number, reason in self._waiting.values():
            self.report.waiting.add(number, reason)
        self.report.waiting.lines.sort()
        self.report.unreadable.lines.sort()

    def _release(self, released: Iterable[Told]) -> None:
        for told in released:
            if waited := self._waiting.pop(told.reported.ref, None):
                self._count(told, waited[0])
            elif told.fate is Fate.TAKEN:
                self.report.events += told.events
            elif told.fate is not Fate.REPEATED:
                self._give_up(told)

    def _count(self, told: Told, number: int) -> None:
        report = self.report
        match told.fate:
            case Fate.TAKEN | Fate.REPEATED:
                report.events += told.events
                report.repeated += told.fate is Fate.REPEATED
                self._meet(told.reported.stream)
            case Fate.REFUSED:
                report.unreadable.add(number, told.reason)
            case Fate.WAITING:
                self._waiting[told.reported.ref] = (number, told.reason)
                if len(self._waiting) > MAX_RECENT:
                    _, oldest = self._waiting.popitem(last=False)
                    report.waiting.add(*oldest)

    def _give_up(self, told: Told) -> None:
        step = told.reported.step
        self.report.given_up += 1
        if len(self.report.given_up_steps) < MAX_NAMED_LINES:
            self.report.given_up_steps.append(
                f"{step.type} {step.id} of {step.source}, contact {step.subject},"
                f" {step.time.isoformat()}: {told.reason}"
            )

    def _meet(self, stream: UUID) -> None:
        self.report.contacts += stream not in self._recent
        self._recent[stream] = None
        self._recent.move_to_end(stream)
        if len(self._recent) > MAX_RECENT:
            self._recent.popitem(last=False)

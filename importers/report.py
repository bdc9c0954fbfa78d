"""What an import read and did, in bounded memory."""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from importers.queue_log_lines import IGNORED

MAX_NAMED_LINES = 1_000
"""Of each reason, so that one that is common hides no other."""

MAX_REASONS = 100
_PARTICULARS = re.compile(r"'[^']*'|\"[^\"]*\"|[0-9][0-9T:.+-]*")


@dataclass(slots=True)
class NamedLines:
    """Lines counted, and the first `MAX_NAMED_LINES` for each reason by number and reason.

    Reasons that differ in numbers and quoted texts only are one; `reasons` counts the lines of each
    of the first `MAX_REASONS`, and those of all others as one.
    """

    count: int = 0
    lines: list[tuple[int, str]] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, number: int, reason: str) -> None:
        """Count a line; name it while there is room."""
        kind = kind_of(reason)
        if kind not in self.reasons and len(self.reasons) >= MAX_REASONS:
            kind = OTHER_REASONS
        self.count += 1
        self.reasons[kind] += 1
        if self.reasons[kind] <= MAX_NAMED_LINES:
            self.lines.append((number, reason))

    def as_json(self) -> dict[str, Any]:
        """Return the document of a report."""
        return {"count": self.count, "lines": self.lines, "reasons": dict(self.reasons)}


OTHER_REASONS = "other reasons"
MAX_EVENTS = 100
OTHER_EVENTS = "other events"


def kind_of(reason: str) -> str:
    """Return a reason without its particulars."""
    return _PARTICULARS.sub("…", reason)


@dataclass(slots=True)
class Report:
    """What became of a file's lines.

    `calls` have a line that was taken or was known before. `events` were added; `repeated` lines
    said what was known. `unreadable` lines could not be read, or contradict what is known.
    `differing` lines have a wait other than answer minus entry; theirs was taken all the same.
    `warnings` name what else of a line was not believed. `ignored` counts lines by event.
    `unfinished` is the number of a last line without newline: it was not read and is not in
    `lines`, and neither are blank ones. `first` and `last` are the earliest and the latest time
    read, in the source's zone. `lost` visits ended unseen when the telephone system went down.
    """

    lines: int = 0
    calls: int = 0
    events: int = 0
    repeated: int = 0
    unreadable: NamedLines = field(default_factory=NamedLines)
    differing: NamedLines = field(default_factory=NamedLines)
    warnings: NamedLines = field(default_factory=NamedLines)
    lost: int = 0
    ignored: Counter[str] = field(default_factory=Counter)
    unfinished: int | None = None
    first: datetime | None = None
    last: datetime | None = None

    @property
    def unknown_events(self) -> list[str]:
        """Return the names of events that no version of the telephone system is known to have."""
        return sorted(self.ignored.keys() - IGNORED)

    def ignore(self, event: str) -> None:
        """Count a line that is no event of an inquiry; of names there are not more than some."""
        is_counted = event in self.ignored or len(self.ignored) < MAX_EVENTS
        self.ignored[event if is_counted else OTHER_EVENTS] += 1

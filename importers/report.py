"""What an import read and did, in bounded memory."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

MAX_NAMED_LINES = 1_000


@dataclass(slots=True)
class NamedLines:
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
    """What became of a file's lines.

    `calls` have a line that was taken or was known before. `events` were added; `repeated` lines
    said what was known. `unreadable` lines could not be read, or contradict what is known.
    `differing` lines have a wait other than answer minus entry; theirs was taken all the same.
    `ignored` counts lines by event. `unfinished` is the number of a last line without newline: it
    was not read and is not in `lines`. `first` and `last` are the earliest and the latest time
    read, in the source's zone.
    """

    lines: int = 0
    calls: int = 0
    events: int = 0
    repeated: int = 0
    unreadable: NamedLines = field(default_factory=NamedLines)
    differing: NamedLines = field(default_factory=NamedLines)
    ignored: Counter[str] = field(default_factory=Counter)
    unfinished: int | None = None
    first: datetime | None = None
    last: datetime | None = None

"""What a long-running program says of itself: how far it is, how far behind, how fast."""

import logging
import time

REPORT_S = 10.0


class Meter:
    """Counts what was done, and says so now and then."""

    def __init__(self, name: str, unit: str) -> None:
        self._name = name
        self._unit = unit
        self._log = logging.getLogger(__name__)
        self._done = 0
        self._since = time.monotonic()

    def add(self, done: int) -> None:
        """Count what was done."""
        self._done += done

    def is_due(self) -> bool:
        """Whether it is time for a line."""
        return time.monotonic() >= self._since + REPORT_S

    def say(self, where: str, behind: int) -> None:
        """Log a line, and begin to count again."""
        now = time.monotonic()
        rate = self._done / max(now - self._since, 0.001)
        self._log.info(
            "%s: %s, %s behind, %s %s/s",
            self._name, where, f"{behind:,}", f"{rate:,.0f}", self._unit,
        )  # fmt: skip
        self._done, self._since = 0, now

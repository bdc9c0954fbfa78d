"""Which calls entered which queue when: where a line under another call's name may belong."""

from collections import OrderedDict
from collections.abc import Iterable
from uuid import UUID

from domain.vocabulary import Code
from importers.queue_log_calls import Call
from importers.queue_log_lines import Waited

MAX_ENTRIES = 100_000


class Entries:
    """When which calls entered a queue: those seen last, and those that are open."""

    def __init__(self) -> None:
        self.has_open = False
        self._streams: OrderedDict[tuple[Code, int], set[UUID]] = OrderedDict()

    def add(self, call: Call) -> None:
        """Note when a call entered its queues."""
        for visit in call.inquiry.visits.values() if call.inquiry else ():
            second = int(visit.enqueued_at.timestamp())
            self._streams.setdefault((visit.queue, second), set()).add(call.inquiry_id)
        while len(self._streams) > MAX_ENTRIES:
            self._streams.popitem(last=False)

    def add_open(self, calls: Iterable[Call]) -> None:
        """Note the calls that were open before, once."""
        self.has_open = True
        for call in calls:
            self.add(call)

    def near(self, line: Waited) -> set[UUID]:
        """Return the inquiries that entered the line's queue about when it says."""
        if line.entered is None:
            return set()
        second = int(line.entered.timestamp())
        return {
            stream
            for at in (second - 1, second, second + 1)
            for stream in self._streams.get((line.queue, at), ())
        }

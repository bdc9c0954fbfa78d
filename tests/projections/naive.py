"""KPI counted naively: each inquiry by itself, at its end, by the words of the definitions.

Nothing here is incremental and nothing is taken back: an annulled inquiry is left out, and every
count stands under the labels that the inquiry has in the end.
"""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import singledispatchmethod
from typing import Any
from zoneinfo import ZoneInfo

from domain import events
from domain.vocabulary import REFUSALS, TEXT_CHANNELS, Delivery, TransferKind

THRESHOLDS_S = (5, 10, 15, 20, 30, 60, 120)
CITY = ZoneInfo("Asia/Seoul")

Fact = events.InquiryEvent
FirstAnswer = events.Answered | events.Replied
Tables = defaultdict[str, defaultdict[tuple[Any, ...], Counter[str]]]


def kpi(inquiries: Iterable[Sequence[Fact]]) -> Tables:
    """Return table -> dimensions -> sums of the inquiries, each given as its facts in order."""
    tables: Tables = defaultdict(lambda: defaultdict(Counter))
    for facts in inquiries:
        if not any(isinstance(fact, events.Annulled) for fact in facts):
            _Inquiry(facts, tables).count_all()
    return tables


class _Inquiry:
    def __init__(self, facts: Sequence[Fact], tables: Tables) -> None:
        self._facts = facts
        self._tables = tables
        self._labels = facts[-1]
        self._is_live = facts[-1].channel not in TEXT_CHANNELS
        self._entries = {f.visit: f for f in facts if isinstance(f, events.Queued)}
        self._hops = 0

    def count_all(self) -> None:
        for fact in self._facts:
            self._count(fact)
        if first := self._first_answer():
            queue = first.queue if isinstance(first, events.Answered) else None
            self._add(_begun(first), {"answered_inquiries": 1}, queue=queue, agent=first.agent)

    @singledispatchmethod
    def _count(self, fact: Fact) -> None:
        """Count nothing, as for most kinds of fact."""

    @_count.register
    def _(self, fact: events.Received) -> None:
        self._add(fact.timestamp, {"received": 1})

    # Visits: all in the bucket of their entry, and of channels with a live queue only

    @_count.register
    def _(self, fact: events.Queued) -> None:
        self._add_visit(fact.visit, {"offered": 1})

    @_count.register
    def _(self, fact: events.LeftQueue) -> None:
        if fact.reason not in REFUSALS:
            self._add_visit(fact.visit, {"left_queue": 1})
        elif self._is_live:
            self._add(fact.timestamp, {"offered": 1, "blocked": 1}, queue=fact.queue)

    @_count.register
    def _(self, fact: events.Answered) -> None:
        if fact.visit is not None and fact.waited_ms is not None:
            sums = {"answered": 1, "waited_ms": fact.waited_ms}
            sums |= _within("answered", fact.waited_ms)
            self._add_visit(fact.visit, sums, agent=fact.agent)
            self._add_wait(fact.visit, fact.waited_ms, "answered")

    @_count.register
    def _(self, fact: events.Abandoned) -> None:
        sums = {"abandoned": 1, "abandoned_waited_ms": fact.waited_ms}
        self._add_visit(fact.visit, sums | _within("abandoned", fact.waited_ms))
        self._add_wait(fact.visit, fact.waited_ms, "abandoned")

    @_count.register
    def _(self, fact: events.Ended) -> None:
        sums = {"ended": 1}
        if fact.talk_ms is not None:
            sums |= {"ended_with_talk": 1, "talk_ms": fact.talk_ms}
            sums |= {"hold_ms": fact.hold_ms or 0, "wrapup_ms": fact.wrapup_ms or 0}
        if fact.visit is not None:
            self._add_visit(fact.visit, sums, agent=fact.agent)
        elif self._is_live:
            self._add(fact.timestamp, sums, agent=fact.agent)

    # The rest: all channels, in the bucket of their own time or of what they are about

    @_count.register
    def _(self, fact: events.Replied) -> None:
        if not self._is_live:
            sums = {"replied": 1, "reply_ms": fact.reply_ms}
            self._add(fact.timestamp, sums, agent=fact.agent)

    @_count.register
    def _(self, fact: events.Transferred) -> None:
        sums = {f"transferred_{fact.kind}": 1}
        if fact.hop > self._hops:
            sums |= {"transfer_hops": 1, "transferred": int(self._hops == 0)}
        self._hops = fact.hop
        agency = fact.to if fact.kind is TransferKind.AGENCY else None
        self._add(fact.timestamp, sums, agent=fact.from_agent, agency=agency)

    @_count.register
    def _(self, fact: events.AgencyReplied) -> None:
        sums = {"agency_replied": 1, "agency_took_ms": fact.took_ms}
        self._add(fact.timestamp, sums, agency=fact.agency)

    @_count.register
    def _(self, fact: events.Resolved) -> None:
        self._add(fact.timestamp, {"resolutions": 1}, agent=fact.agent)
        first = self._first_answer(before=fact.originator_version)
        if fact.by_first_agent and first:
            self._add(_begun(first), {"resolved_by_first_agent": 1}, agent=fact.agent)

    @_count.register
    def _(self, fact: events.Reopened) -> None:
        self._add(fact.timestamp, {"reopened": 1})
        withdrawn = self._facts[fact.of - 1]
        assert isinstance(withdrawn, events.Resolved)
        self._add(withdrawn.timestamp, {"resolutions_withdrawn": 1}, agent=withdrawn.agent)

    @_count.register
    def _(self, fact: events.Rated) -> None:
        sums = {"rated": 1, "satisfied": int(fact.score in (4, 5)), "score_sum": fact.score}
        self._add(fact.timestamp, sums, agent=fact.agent)

    @_count.register
    def _(self, fact: events.Praised) -> None:
        self._add(fact.timestamp, {"praised": 1}, agent=fact.agent)

    @_count.register
    def _(self, fact: events.FollowedUp) -> None:
        self._add(fact.timestamp, {"followed_up": 1, f"followed_up_{fact.medium}": 1})

    @_count.register
    def _(self, fact: events.FollowUpReported) -> None:
        if fact.outcome is Delivery.DELIVERED:
            self._add(self._facts[fact.of - 1].timestamp, {"delivered": 1})

    # Adding up

    def _add_visit(self, visit: int, sums: Mapping[str, int], *, agent: str | None = None) -> None:
        entry = self._entries[visit]
        if self._is_live:
            self._add(entry.timestamp, sums, queue=entry.queue, agent=agent)

    def _add_wait(self, visit: int, waited_ms: int, what: str) -> None:
        entry = self._entries[visit]
        if self._is_live:
            seconds = -(-waited_ms // 1000)
            row = _hour(entry.timestamp), *self._of_hours(), entry.queue, seconds
            self._tables["waits"][row][what] += 1

    def _add(
        self,
        at: datetime,
        sums: Mapping[str, int],
        *,
        queue: str | None = None,
        agent: str | None = None,
        agency: str | None = None,
    ) -> None:
        day, labels = at.astimezone(CITY).date(), self._of_hours()
        subject = self._labels.category or "", self._labels.district or ""
        rows: dict[str, tuple[Any, ...]] = {
            "hourly": (_hour(at), *labels, queue or ""),
            "daily": (day, *labels, queue or "", *subject),
        }
        if agent:
            rows["daily_agent"] = (day, *labels, queue or "", agent)
        if agency:
            rows["daily_agency"] = (day, *labels, *subject, agency)
        for table, row in rows.items():
            for name, count in sums.items():
                if count:
                    self._tables[table][row][name] += count

    def _of_hours(self) -> tuple[str, str]:
        return str(self._labels.channel), self._labels.language or ""

    def _first_answer(self, before: int = sys.maxsize) -> FirstAnswer | None:
        """Return the first answer in the world's time of those told before a version."""
        answers = [
            fact
            for fact in self._facts
            if isinstance(fact, FirstAnswer) and fact.originator_version < before
        ]
        return min(answers, key=lambda fact: fact.timestamp, default=None)


def _begun(answer: FirstAnswer) -> datetime:
    """Return when the visit that was answered entered its queue, if there was one."""
    entered = answer.enqueued_at if isinstance(answer, events.Answered) else None
    return entered or answer.timestamp


def _hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _within(what: str, waited_ms: int) -> dict[str, int]:
    return {f"{what}_within_{s}": 1 for s in THRESHOLDS_S if waited_ms <= s * 1000}

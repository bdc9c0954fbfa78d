"""KPI counted naively: each inquiry by itself, at its end, by the words of the definitions.

Nothing here is incremental and nothing is taken back: an annulled inquiry is left out, and every
count stands under the labels that the inquiry has in the end.
"""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from domain import events
from domain.vocabulary import REFUSALS, TEXT_CHANNELS, Delivery, Medium, TransferKind

THRESHOLDS_S = (5, 10, 15, 20, 30, 60, 120)
CITY = ZoneInfo("Asia/Seoul")

Sums = Counter[str]
Tables = defaultdict[str, defaultdict[tuple[Any, ...], Sums]]
Fact = events.InquiryEvent


def kpi(inquiries: Iterable[Sequence[Fact]]) -> Tables:
    """Return table -> dimensions -> sums of the inquiries, each given as its facts in order."""
    tables: Tables = defaultdict(lambda: defaultdict(Counter))
    for facts in inquiries:
        if not any(isinstance(fact, events.Annulled) for fact in facts):
            _Inquiry(facts, tables).count()
    return tables


class _Inquiry:
    def __init__(self, facts: Sequence[Fact], tables: Tables) -> None:
        self._facts = facts
        self._tables = tables
        self._labels = facts[-1]
        self._is_live = facts[-1].channel not in TEXT_CHANNELS
        self._entries = {f.visit: f for f in facts if isinstance(f, events.Queued)}
        self._hops = 0

    def count(self) -> None:
        for fact in self._facts:
            match fact:
                case events.Received():
                    self._add(fact.timestamp, received=1)
                case events.Queued() | events.LeftQueue() | events.Abandoned() | events.Ended():
                    if self._is_live:
                        self._visit(fact)
                case events.Answered(visit=int()) if self._is_live:
                    self._visit(fact)
                case events.Replied() if not self._is_live:
                    self._add(fact.timestamp, agent=fact.agent, replied=1, reply_ms=fact.reply_ms)
                case events.Transferred() | events.AgencyReplied():
                    self._passing_on(fact)
                case events.Resolved() | events.Reopened() | events.Rated():
                    self._settling(fact)
                case events.Praised():
                    self._add(fact.timestamp, agent=fact.agent, praised=1)
                case events.FollowedUp():
                    medium = {f"followed_up_{m}": 1 for m in Medium if m is fact.medium}
                    self._add(fact.timestamp, followed_up=1, **medium)
                case events.FollowUpReported(outcome=Delivery.DELIVERED):
                    self._add(self._of(fact.of).timestamp, delivered=1)
        first = self._first_answer()
        if isinstance(first, events.Answered):
            self._add(_given_at(first), queue=first.queue, agent=first.agent, answered_inquiries=1)
        elif first:
            self._add(first.timestamp, agent=first.agent, answered_inquiries=1)

    def _visit(self, fact: Fact) -> None:
        match fact:
            case events.Queued():
                self._add(fact.timestamp, queue=fact.queue, offered=1)
            case events.LeftQueue() if fact.reason in REFUSALS:
                self._add(fact.timestamp, queue=fact.queue, offered=1, blocked=1)
            case events.LeftQueue():
                self._add(self._entered(fact.visit), queue=fact.queue, left_queue=1)
            case events.Answered(visit=int(visit), waited_ms=int(waited_ms)):
                self._add(
                    self._entered(visit),
                    queue=fact.queue,
                    agent=fact.agent,
                    answered=1,
                    waited_ms=waited_ms,
                    **_within("answered", waited_ms),
                )
                self._add_wait(visit, waited_ms, "answered")
            case events.Abandoned():
                self._add(
                    self._entered(fact.visit),
                    queue=fact.queue,
                    abandoned=1,
                    abandoned_waited_ms=fact.waited_ms,
                    **_within("abandoned", fact.waited_ms),
                )
                self._add_wait(fact.visit, fact.waited_ms, "abandoned")
            case events.Ended():
                entry = self._entries.get(fact.visit or 0)
                at, queue = (entry.timestamp, entry.queue) if entry else (fact.timestamp, None)
                self._add(at, queue=queue, agent=fact.agent, ended=1)
                if fact.talk_ms is not None:
                    self._add(
                        at,
                        queue=queue,
                        agent=fact.agent,
                        ended_with_talk=1,
                        talk_ms=fact.talk_ms,
                        hold_ms=fact.hold_ms or 0,
                        wrapup_ms=fact.wrapup_ms or 0,
                    )

    def _passing_on(self, fact: Fact) -> None:
        match fact:
            case events.Transferred():
                agency = fact.to if fact.kind is TransferKind.AGENCY else None
                sums = {f"transferred_{fact.kind}": 1}
                if fact.hop > self._hops:
                    sums["transfer_hops"] = 1
                    if self._hops == 0:
                        sums["transferred"] = 1
                self._hops = fact.hop
                self._add(fact.timestamp, agent=fact.from_agent, agency=agency, **sums)
            case events.AgencyReplied():
                self._add(
                    fact.timestamp,
                    agency=fact.agency,
                    agency_replied=1,
                    agency_took_ms=fact.took_ms,
                )

    def _settling(self, fact: Fact) -> None:
        match fact:
            case events.Resolved():
                self._add(fact.timestamp, agent=fact.agent, resolutions=1)
                first = self._first_answer(before=fact.originator_version)
                if fact.by_first_agent and first:
                    self._add(_given_at(first), agent=fact.agent, resolved_by_first_agent=1)
            case events.Reopened():
                self._add(fact.timestamp, reopened=1)
                withdrawn = self._of(fact.of)
                assert isinstance(withdrawn, events.Resolved)
                self._add(withdrawn.timestamp, agent=withdrawn.agent, resolutions_withdrawn=1)
            case events.Rated():
                self._add(
                    fact.timestamp,
                    agent=fact.agent,
                    rated=1,
                    satisfied=int(fact.score in (4, 5)),
                    score_sum=fact.score,
                )

    def _add(
        self,
        at: datetime,
        *,
        queue: str | None = None,
        agent: str | None = None,
        agency: str | None = None,
        **sums: int,
    ) -> None:
        label = self._labels
        channel, language = str(label.channel), label.language or ""
        category, district = label.category or "", label.district or ""
        day = at.astimezone(CITY).date()
        rows: dict[str, tuple[Any, ...]] = {
            "hourly": (_hour(at), channel, language, queue or ""),
            "daily": (day, channel, language, queue or "", category, district),
        }
        if agent:
            rows["daily_agent"] = (day, channel, language, queue or "", agent)
        if agency:
            rows["daily_agency"] = (day, channel, language, category, district, agency)
        counts = {name: count for name, count in sums.items() if count}
        for table, row in rows.items():
            if counts:
                self._tables[table][row].update(counts)

    def _add_wait(self, visit: int, waited_ms: int, what: str) -> None:
        seconds = -(-waited_ms // 1000)
        entry = self._entries[visit]
        row = _hour(entry.timestamp), str(self._labels.channel), self._labels.language or ""
        self._tables["waits"][(*row, entry.queue, seconds)][what] += 1

    def _entered(self, visit: int) -> datetime:
        return self._entries[visit].timestamp

    def _of(self, version: int) -> Fact:
        return self._facts[version - 1]

    def _first_answer(self, before: int = sys.maxsize) -> events.Answered | events.Replied | None:
        answers = [
            fact
            for fact in self._facts
            if isinstance(fact, events.Answered | events.Replied)
            and fact.originator_version < before
        ]
        return min(answers, key=lambda fact: fact.timestamp, default=None)


def _given_at(answer: events.Answered | events.Replied) -> datetime:
    """The moment that a first answer counts in: where its visit entered, if it had one."""
    entered = answer.enqueued_at if isinstance(answer, events.Answered) else None
    return entered or answer.timestamp


def _hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _within(what: str, waited_ms: int) -> dict[str, int]:
    return {f"{what}_within_{s}": 1 for s in THRESHOLDS_S if waited_ms <= s * 1000}

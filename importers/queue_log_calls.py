"""What the lines of one call mean for its inquiry.

A line names a queue and a time, not a visit; the visit is found among what is known. What is known
already is a repeat, wherever it was read before: this is why no file has to be remembered.
Arrivals of one call at one queue in the same second are one visit, as they are for the inquiry
itself, so that a line read twice is never a second visit.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from domain.errors import InquiryError
from domain.inquiry import Inquiry
from domain.state import Visit
from domain.vocabulary import (
    REFUSALS,
    Channel,
    Code,
    Contact,
    EndedBy,
    LeaveReason,
    LinkKind,
    TransferKind,
)
from importers.queue_log_lines import Arrival, Completion, Connection, Departure, Line, Waited

MS_PER_S = 1000
SECOND = timedelta(seconds=1)
LONGEST_SETBACK = timedelta(hours=1)
"""How far a clock may have been set back between the arrival of a call and its next line."""


@dataclass(slots=True)
class Call:
    """A call's inquiry, null until an arrival is taken, and what became of the lines.

    `missing` are lines whose visit is not known; `refused`, `warned` and `differing` (the source's
    wait is not answer minus entry) carry line numbers and reasons.
    """

    inquiry_id: UUID
    contact: Contact
    inquiry: Inquiry | None
    taken: int = 0
    repeated: int = 0
    events: int = 0
    missing: list[Line] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)
    warned: list[tuple[int, str]] = field(default_factory=list)
    differing: list[tuple[int, str]] = field(default_factory=list)

    def caller(self, lines: Iterable[Line]) -> str | None:
        """Return what tells who asks, unless that is known already.

        What is known is not looked up again: the caller may have been forgotten since.
        """
        if self.inquiry is not None and self.inquiry.citizen is not None:
            return None
        return next(
            (line.caller for line in lines if isinstance(line, Arrival) and line.caller), None
        )

    def take(self, lines: Iterable[Line], citizens: Mapping[str, UUID]) -> None:
        """Let the inquiry decide on lines, which are in order; `citizens` by `caller`."""
        left = list(lines)
        while left:
            # Again while it helps: a wait that is rounded up sorts a line before its arrival.
            self.missing = [line for line in left if not self._take(line, citizens)]
            if len(self.missing) == len(left):
                break
            left = self.missing
        self._count_events()

    @property
    def is_known(self) -> bool:
        """Whether any line told, or had told, something of the call."""
        return self.taken + self.repeated > 0

    def give_up(self) -> None:
        """Refuse the lines whose visit will not be known any more, each with the reason."""
        for line in self.missing:
            reason = "no arrival of this call in this queue"
            visits = self._visits(line)
            if isinstance(line, Waited) and visits:
                try:
                    self._tell(line, _nearest(visits, line))
                except InquiryError as error:
                    reason = str(error)
            self.refused.append((line.number, reason))
        self.missing = []

    def open_for(self, line: Waited) -> list[Visit]:
        """Return the open visits that a line of another call fits, by entry and by agent."""
        return [
            visit for visit in self._entered_with(line)
            if _fits(visit, line) and _is_of_agent(visit, line)
        ]  # fmt: skip

    def told_by(self, line: Waited) -> list[Visit]:
        """Return the visits that a line of another call may have told of before."""
        return [visit for visit in self._entered_with(line) if _knows(visit, line)]

    def _entered_with(self, line: Waited) -> list[Visit]:
        return [
            visit for visit in self._visits(line)
            if line.entered is not None and abs(visit.enqueued_at - line.entered) < SECOND
        ]  # fmt: skip

    def adopt(self, line: Waited, visit: Visit) -> None:
        """Take a line that came under another call's name."""
        try:
            self._take_told(line, visit)
        except InquiryError as error:
            self.refused.append((line.number, str(error)))
        self._count_events()

    def belong_to(self, other: UUID, at: datetime) -> None:
        """Link the call's inquiry, as soon as it has arrived, to that which it came of."""
        inquiry = self.inquiry
        if inquiry is not None and not inquiry.annulled:
            inquiry.link(other=other, kind=LinkKind.CHILD, at=max(at, inquiry.received_at))
        self._count_events()

    def lose(self, at: datetime) -> int:
        """Let end, unseen, whatever waited or talked when the telephone system started again.

        Return how many visits did.
        """
        inquiry = self.inquiry
        if inquiry is None or inquiry.annulled:
            return 0
        open_visits = [v for v in inquiry.visits.values() if v.waiting or v.talking]
        lost = [visit for visit in open_visits if _began(visit) <= at]
        for visit in lost:
            if visit.waiting:
                inquiry.leave_queue(reason=LeaveReason.LOST, at=at, visit=visit.number)
            else:
                inquiry.end(ended_by=EndedBy.UNKNOWN, at=at, visit=visit.number)
        self._count_events()
        return len(lost)

    def _count_events(self) -> None:
        self.events = len(self.inquiry.pending_events) if self.inquiry else 0

    def _take(self, line: Line, citizens: Mapping[str, UUID]) -> bool:
        """Return whether the line's visit is known, or its arrival is new."""
        try:
            if isinstance(line, Arrival):
                self._arrive(line, citizens)
            elif isinstance(line, Waited):
                visits = self._visits(line)
                for is_meant in (_knows, _fits, _fits_set_back):
                    if meant := [visit for visit in visits if is_meant(visit, line)]:
                        self._take_told(line, _nearest(meant, line))
                        break
                else:
                    return False
        except InquiryError as error:
            self.refused.append((line.number, str(error)))
        else:
            self.warned += [(line.number, warning) for warning in line.warnings]
        return True

    def _take_told(self, line: Waited, visit: Visit) -> None:
        """Let the inquiry decide on a line; it knows what it was told before."""
        inquiry = self.inquiry
        before = len(inquiry.pending_events) if inquiry else 0
        if inquiry and not (inquiry.annulled and _knows(visit, line)):
            self._tell(line, visit)
        if inquiry and len(inquiry.pending_events) > before:
            self.taken += 1
        else:
            self.repeated += 1

    def _visits(self, line: Line) -> list[Visit]:
        """Return the visits that a line may be about; for an arrival, those that it began."""
        visits = self.inquiry.visits.values() if self.inquiry else ()
        if isinstance(line, Arrival):
            arrival = (line.queue, line.at, line.refused)
            return [visit for visit in visits if _arrival(visit) == arrival]
        return [visit for visit in visits if visit.queue == line.queue]

    def _arrive(self, line: Arrival, citizens: Mapping[str, UUID]) -> None:
        if self._visits(line):
            self.repeated += 1
            return
        citizen = citizens.get(line.caller or "")
        if self.inquiry is None:
            self.inquiry = Inquiry.receive(
                self.inquiry_id,
                at=line.at,
                channel=Channel.PHONE,
                contact=self.contact,
                citizen=citizen,
            )
        number = len(self.inquiry.visits) + 1
        if line.refused is None:
            self.inquiry.queue(queue=line.queue, at=line.at, contact=self.contact, visit=number)
        else:
            self.inquiry.turn_away(
                queue=line.queue,
                reason=line.refused,
                at=line.at,
                contact=self.contact,
                visit=number,
            )
        if citizen is not None and self.inquiry.citizen is None:
            self.inquiry.identify(citizen=citizen, at=line.at)
        self.taken += 1

    def _tell(self, line: Waited, visit: Visit) -> None:
        inquiry = self.inquiry
        if inquiry is None:
            return
        at = self._over_at(visit, line)
        waited_ms = _ms(line.waited_s)
        match line:
            case Connection():
                inquiry.answer(agent=line.agent, at=at, visit=visit.number, waited_ms=waited_ms)
                self._compare(visit, line)
            case Departure(reason=None):
                inquiry.abandon(at=at, visit=visit.number, waited_ms=waited_ms)
            case Departure(reason=LeaveReason() as reason):
                inquiry.leave_queue(reason=reason, at=at, visit=visit.number, waited_ms=waited_ms)
            case Completion():
                self._complete(inquiry, visit, line)

    def _over_at(self, visit: Visit, line: Waited) -> datetime:
        """Return when a wait was over: not before it began, wherever the clock was set to."""
        if not _is_set_back(visit, line):
            return line.at
        seconds = (visit.enqueued_at - line.at).total_seconds()
        warning = f"{seconds:g} s before the call arrived: the clock was set back; no wait counted"
        self.warned.append((line.number, warning))
        return visit.enqueued_at

    def _complete(self, inquiry: Inquiry, visit: Visit, line: Completion) -> None:
        inquiry.end(
            ended_by=line.ended_by,
            at=line.at,
            visit=visit.number,
            agent=line.agent,
            talk_ms=_ms(line.talked_s),
        )
        if line.to is not None:
            inquiry.transfer(
                ref=_ref(visit, line),
                kind=TransferKind.AGENT,
                to=line.to,
                at=line.at,
                from_agent=line.agent,
            )

    def _compare(self, visit: Visit, line: Connection) -> None:
        elapsed_s = (line.at - visit.enqueued_at) / SECOND
        if line.waited_s is not None and abs(line.waited_s - elapsed_s) >= 1:
            self.differing.append(
                (line.number, f"holdtime {line.waited_s} s, answer minus entry {elapsed_s:g} s")
            )


def _arrival(visit: Visit) -> tuple[object, ...]:
    return (visit.queue, visit.enqueued_at, visit.left if visit.left in REFUSALS else None)


def _knows(visit: Visit, line: Waited) -> bool:
    """Whether a line may have told of a visit before; whether it says the same is to be seen."""
    at = visit.enqueued_at if _is_set_back(visit, line) else line.at
    match line:
        case Connection():
            return visit.answered is not None and visit.answered.at == at
        case Departure(reason=None):
            return visit.abandoned and visit.over_at == at
        case Departure():
            return visit.left is not None and visit.over_at == at
        case Completion():
            return visit.ended_at == at
    raise TypeError(f"{line} is not about a visit")


def _fits(visit: Visit, line: Waited) -> bool:
    if isinstance(line, Completion):
        return visit.talking and _began(visit) <= line.at
    return visit.waiting and visit.enqueued_at <= line.at


def _is_of_agent(visit: Visit, line: Waited) -> bool:
    """Whether a line about a conversation names the agent who is in it, if it names any."""
    agent = line.agent if isinstance(line, Completion) else None
    return agent is None or visit.answered is None or visit.answered.agent == agent


def _fits_set_back(visit: Visit, line: Waited) -> bool:
    return visit.waiting and _is_set_back(visit, line)


def _is_set_back(visit: Visit, line: Waited) -> bool:
    """Whether the clock went back while the call waited: then no wait was measured, or none to be.

    A line with a wait that is before an arrival is about an earlier one, which is missing.
    """
    if isinstance(line, Completion) or line.waited_s:
        return False
    return visit.enqueued_at - LONGEST_SETBACK <= line.at < visit.enqueued_at


def _began(visit: Visit) -> datetime:
    """Return when what a visit is in, a wait or a conversation, began."""
    return visit.answered.at if visit.answered else visit.enqueued_at


def _nearest(visits: Iterable[Visit], line: Waited) -> Visit:
    """Return the visit that entered nearest to when the line says; of equals the latest."""
    entered = line.entered or line.at
    return min(visits, key=lambda visit: (abs(visit.enqueued_at - entered), -visit.number))


def _ms(seconds: int | None) -> int | None:
    return None if seconds is None else seconds * MS_PER_S


def _ref(visit: Visit, line: Completion) -> Code:
    """Return a transfer's ref, which a repeat has again; made of what stands in the clear."""
    whole = line.at.microsecond == 0
    epoch = f"{line.at.timestamp():.0f}" if whole else line.at.isoformat()
    told = f"{visit.contact.id} {epoch} {line.queue} {line.to}"
    return Code(hashlib.sha256(told.encode()).hexdigest()[:32])

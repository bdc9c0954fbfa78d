"""What the lines of one call mean for its inquiry.

A line names a queue and a time, not a visit; the visit is found among what is known. What is known
already is a repeat, wherever it was read before: this is why no file has to be remembered.
Arrivals of one call at one queue in the same second are one visit, as they are for the inquiry
itself, so that a line read twice is never a second visit.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from domain.errors import InquiryError
from domain.inquiry import Inquiry
from domain.state import Visit
from domain.vocabulary import REFUSALS, Channel, Code, Contact, LeaveReason, TransferKind
from importers.queue_log_lines import Arrival, Completion, Connection, Departure, Line, Waited

MS_PER_S = 1000


@dataclass(slots=True)
class Call:
    """A call's inquiry, null until an arrival is taken, and what became of the lines.

    `missing` are lines whose visit is not known; `refused` and `differing` (the source's wait is
    not answer minus entry) carry line numbers and reasons.
    """

    inquiry_id: UUID
    contact: Contact
    inquiry: Inquiry | None
    taken: int = 0
    repeated: int = 0
    events: int = 0
    missing: list[Line] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)
    differing: list[tuple[int, str]] = field(default_factory=list)

    def caller(self, lines: Iterable[Line]) -> str | None:
        """Return the telephone number that tells who asks, unless that is known already.

        What is known is not looked up again: the caller may have been forgotten since.
        """
        if self.inquiry is not None and self.inquiry.citizen is not None:
            return None
        return next(
            (line.caller for line in lines if isinstance(line, Arrival) and line.caller), None
        )

    def take(self, lines: Iterable[Line], citizens: Mapping[str, UUID]) -> None:
        """Let the inquiry decide on lines, which are in order; `citizens` by telephone number."""
        left = list(lines)
        while left:
            # Again while it helps: a wait that is rounded up sorts a line before its arrival.
            self.missing = [line for line in left if not self._take(line, citizens)]
            if len(self.missing) == len(left):
                break
            left = self.missing
        self.events = len(self.inquiry.pending_events) if self.inquiry else 0

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

    def _take(self, line: Line, citizens: Mapping[str, UUID]) -> bool:
        """Return whether the line's visit is known, or its arrival is new."""
        try:
            if isinstance(line, Arrival):
                self._arrive(line, citizens)
            elif isinstance(line, Waited):
                visits = self._visits(line)
                if any(self._knows(visit, line) for visit in visits):
                    self.repeated += 1
                elif fitting := [visit for visit in visits if _fits(visit, line)]:
                    self._tell(line, _nearest(fitting, line))
                    self.taken += 1
                else:
                    return False
        except InquiryError as error:
            self.refused.append((line.number, str(error)))
        return True

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

    def _knows(self, visit: Visit, line: Waited) -> bool:
        match line:
            case Connection():
                answer = visit.answered
                known = answer is not None and (answer.at, answer.agent) == (line.at, line.agent)
                if known:
                    self._compare(visit, line)
                return known
            case Departure(reason=None):
                return visit.abandoned and visit.over_at == line.at
            case Departure():
                return visit.left is line.reason and visit.over_at == line.at
            case Completion(to=None):
                return visit.ended_at == line.at
            case Completion():
                return visit.ended_at == line.at and self._is_passed_on(visit, line)
        raise TypeError(f"{line} is no line about a visit")

    def _is_passed_on(self, visit: Visit, line: Completion) -> bool:
        refs = self.inquiry.refs if self.inquiry else ()
        return ("transfer", _ref(visit, line)) in refs

    def _tell(self, line: Waited, visit: Visit) -> None:
        inquiry = self.inquiry
        if inquiry is None:
            return
        waited_ms = line.waited_s * MS_PER_S
        match line:
            case Connection():
                inquiry.answer(
                    agent=line.agent, at=line.at, visit=visit.number, waited_ms=waited_ms
                )
                self._compare(visit, line)
            case Departure(reason=None):
                inquiry.abandon(at=line.at, visit=visit.number, waited_ms=waited_ms)
            case Departure(reason=LeaveReason() as reason):
                inquiry.leave_queue(
                    reason=reason, at=line.at, visit=visit.number, waited_ms=waited_ms
                )
            case Completion():
                self._complete(inquiry, visit, line)

    def _complete(self, inquiry: Inquiry, visit: Visit, line: Completion) -> None:
        inquiry.end(
            ended_by=line.ended_by,
            at=line.at,
            visit=visit.number,
            agent=line.agent,
            talk_ms=line.talked_s * MS_PER_S,
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
        elapsed_s = line.epoch - int(visit.enqueued_at.timestamp())
        if line.waited_s != elapsed_s:
            self.differing.append(
                (line.number, f"holdtime {line.waited_s} s, answer minus entry {elapsed_s} s")
            )


def _arrival(visit: Visit) -> tuple[object, ...]:
    return (visit.queue, visit.enqueued_at, visit.left if visit.left in REFUSALS else None)


def _fits(visit: Visit, line: Waited) -> bool:
    if isinstance(line, Completion):
        began = visit.answered.at if visit.answered else None
        is_open = visit.talking or (line.to is not None and visit.ended_at == line.at)
        return is_open and began is not None and began <= line.at
    return visit.waiting and visit.enqueued_at <= line.at


def _nearest(visits: Iterable[Visit], line: Waited) -> Visit:
    """Return the visit that entered nearest to when the line says; of equals the latest."""
    return min(
        visits,
        key=lambda visit: (abs(visit.enqueued_at.timestamp() - line.entered), -visit.number),
    )


def _ref(visit: Visit, line: Completion) -> Code:
    """Return a transfer's ref, which a repeat has again; made of what stands in the clear."""
    told = f"{visit.contact.id} {line.epoch} {line.queue} {line.to}"
    return Code(hashlib.sha256(told.encode()).hexdigest()[:32])

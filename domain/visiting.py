"""Deciding on visits to queues and on conversations."""

from datetime import datetime

from domain import errors, events
from domain.known import MILLISECOND, Known, duration, require_order
from domain.state import Answer, Visit
from domain.vocabulary import (
    REFUSALS,
    TEXT_CHANNELS,
    Code,
    Contact,
    EndedBy,
    LeaveReason,
)

_Arrival = tuple[Contact, Code, datetime, LeaveReason | None]


class Visiting(Known):
    """An inquiry in the queues."""

    def queue(
        self, *, queue: Code, at: datetime, contact: Contact | None = None, visit: int | None = None
    ) -> None:
        """Enter an agent queue. A `visit` that is known already is a repeat.

        Without `visit` the same contact, queue and time are a repeat.

        Raises:
            ContactMissingError: neither the command nor the inquiry names a contact.
            DifferentFactError: `visit` is known with another contact, queue or time, or refused.
        """
        self._require_live()
        contact = self._contact(contact)
        if self._is_new_visit(visit, (contact, queue, at, None)):
            self._record(
                events.Queued,
                at,
                contact=contact,
                queue=queue,
                visit=len(self.visits) + 1,
            )

    def turn_away(
        self,
        *,
        queue: Code,
        reason: LeaveReason,
        at: datetime,
        contact: Contact | None = None,
        visit: int | None = None,
    ) -> None:
        """Be refused on entry: the queue is full or closed."""
        self._require_live()
        if reason not in REFUSALS:
            raise errors.NoArrivalError(
                f"{reason} is no refusal on entry: queue first, then leave the queue"
            )
        contact = self._contact(contact)
        if self._is_new_visit(visit, (contact, queue, at, reason)):
            self._record(
                events.LeftQueue,
                at,
                contact=contact,
                queue=queue,
                visit=len(self.visits) + 1,
                enqueued_at=at,
                waited_ms=None,
                reason=reason,
            )

    def answer(
        self,
        *,
        agent: Code,
        at: datetime,
        visit: int | None = None,
        waited_ms: int | None = None,
    ) -> None:
        """Begin a conversation: with a waiting visit, or without one on a text or direct call.

        Without `visit` the only waiting visit is meant. `waited_ms` defaults to answer minus entry.

        Raises:
            NoArrivalError: no such visit has arrived, or several wait and none is named.
            VisitOverError: the visit was answered by somebody else, abandoned, or left.
            ConversationOpenError: a conversation without a visit is going on.
        """
        self._require_live()
        for known in self._meant(visit):
            if known.answered and (known.answered.agent, known.answered.at) == (agent, at):
                self._is_repeat(("answered", known.number), waited_ms=waited_ms)
                return
        if visit is None and not any(v.waiting for v in self.visits.values()):
            self._take_up(agent, at)
            return
        waiting = self._visit(visit)
        self._end_wait(events.Answered, waiting, at, waited_ms, agent=agent)

    def abandon(
        self, *, at: datetime, visit: int | None = None, waited_ms: int | None = None
    ) -> None:
        """Leave the queue by hanging up; a visit is abandoned once."""
        self._require_live()
        for known in self._meant(visit):
            if known.abandoned and known.over_at == at:
                self._is_repeat(("abandoned", known.number), waited_ms=waited_ms)
                return
        waiting = self._visit(visit)
        self._end_wait(events.Abandoned, waiting, at, waited_ms)

    def leave_queue(
        self,
        *,
        reason: LeaveReason,
        at: datetime,
        visit: int | None = None,
        waited_ms: int | None = None,
    ) -> None:
        """Leave the queue otherwise than by an agent or by hanging up.

        `waited_ms` defaults to leaving minus entry; of a visit that is lost it is unknown.

        Raises:
            DifferentFactError: `reason` is a refusal on entry, and the visit has entered.
        """
        self._require_live()
        for known in self._meant(visit):
            if known.left and known.over_at == at:
                self._is_repeat(("left-queue", known.number), reason=reason, waited_ms=waited_ms)
                return
        waiting = self._visit(visit)
        if reason in REFUSALS:
            raise errors.DifferentFactError(
                f"visit {waiting.number} has entered its queue: {reason} is a refusal on entry"
            )
        self._end_wait(events.LeftQueue, waiting, at, waited_ms, reason=reason)

    def end(
        self,
        *,
        ended_by: EndedBy,
        at: datetime,
        visit: int | None = None,
        agent: Code | None = None,
        talk_ms: int | None = None,
        hold_ms: int | None = None,
        wrapup_ms: int | None = None,
    ) -> None:
        """End a conversation: that of `visit`, else the only one going on.

        Raises:
            NoConversationError: none is going on, or several are and none is named.
        """
        self._require_live()
        over = self._conversation(visit, at)
        if isinstance(over, events.InquiryEvent):
            said = {"talk_ms": talk_ms, "hold_ms": hold_ms, "wrapup_ms": wrapup_ms}
            self.require_same(over, {"agent": agent, "ended_by": ended_by, **said})
            return
        answer = over if isinstance(over, Answer) else over.answered
        if answer is None:
            raise errors.NoConversationError(f"visit {visit} was never answered")
        require_order(answer.at, at, "a conversation cannot end before it began")
        talked = over if isinstance(over, Visit) else None
        self._record(
            events.Ended,
            at,
            contact=talked.contact if talked else None,
            visit=talked.number if talked else None,
            agent=agent or answer.agent,
            talk_ms=duration(talk_ms),
            hold_ms=duration(hold_ms),
            wrapup_ms=duration(wrapup_ms),
            ended_by=ended_by,
        )

    def _contact(self, contact: Contact | None) -> Contact:
        known = contact or self.contact
        if known is None:
            raise errors.ContactMissingError("a visit needs `contact`, the call that it belongs to")
        return known

    def _visit(self, number: int | None) -> Visit:
        if number is not None:
            if number not in self.visits:
                raise errors.NoArrivalError(f"visit {number} has not arrived")
            return self.visits[number]
        waiting = [visit for visit in self.visits.values() if visit.waiting]
        if len(waiting) == 1:
            return waiting[0]
        if waiting:
            raise errors.NoArrivalError(f"{len(waiting)} visits wait: name one by `visit`")
        if self.visits:
            return self.visits[len(self.visits)]
        raise errors.NoArrivalError("no visit has arrived: queue it first")

    def _meant(self, number: int | None) -> list[Visit]:
        """Return the visits that a repeat may be about: the named one, else any."""
        return list(self.visits.values()) if number is None else [self._visit(number)]

    def _conversation(
        self, number: int | None, at: datetime
    ) -> Visit | Answer | events.InquiryEvent:
        """Return what `end` is about, or that end itself when it is known already."""
        if number is not None:
            visit = self._visit(number)
            if visit.talking:
                return visit
            if visit.ended_at == at:
                return self.facts["ended", number]
            raise errors.NoConversationError(f"visit {number} is in no conversation")
        going_on: list[Visit | Answer] = [v for v in self.visits.values() if v.talking]
        going_on += [self.conversation] if self.conversation else []
        if len(going_on) == 1:
            return going_on[0]
        if going_on:
            raise errors.NoConversationError(
                f"{len(going_on)} conversations go on: name one by `visit`"
            )
        for fact in self.facts.values():
            if isinstance(fact, events.Ended) and fact.timestamp == at:
                return fact
        raise errors.NoConversationError("no conversation is going on")

    def _take_up(self, agent: Code, at: datetime) -> None:
        if self.channel not in TEXT_CHANNELS and self.visits:
            raise errors.VisitOverError("no visit is waiting for an answer")
        if any((known.agent, known.at) == (agent, at) for known in self.direct_answers):
            return
        if self.conversation is not None:
            raise errors.ConversationOpenError(f"{self.conversation.agent} has taken it up already")
        self._record(
            events.Answered,
            at,
            contact=self.contact,
            queue=None,
            visit=None,
            enqueued_at=None,
            agent=agent,
            waited_ms=None,
        )

    def _is_new_visit(self, number: int | None, arrival: _Arrival) -> bool:
        if number is None:
            return all(_arrival(visit) != arrival for visit in self.visits.values())
        known = self.visits.get(number)
        if known is not None and _arrival(known) != arrival:
            raise errors.DifferentFactError(
                f"visit {number} came to {known.queue} at {known.enqueued_at.isoformat()}"
                " or was reported with another contact or refusal"
            )
        if known is None and number != len(self.visits) + 1:
            raise errors.NoArrivalError(f"visit {len(self.visits) + 1} comes before {number}")
        return known is None

    def _end_wait(
        self,
        fact: type[events.InquiryEvent],
        visit: Visit,
        at: datetime,
        waited_ms: int | None,
        **data: object,
    ) -> None:
        self._require_waiting(visit, at)
        self._record(
            fact,
            at,
            contact=visit.contact,
            queue=visit.queue,
            visit=visit.number,
            enqueued_at=visit.enqueued_at,
            waited_ms=_waited(visit, at, waited_ms, data.get("reason")),
            **data,
        )

    def _require_waiting(self, visit: Visit, at: datetime) -> None:
        if not visit.waiting:
            how = "answered" if visit.answered else "abandoned" if visit.abandoned else "left"
            raise errors.VisitOverError(f"visit {visit.number} was {how} already")
        require_order(visit.enqueued_at, at, "a wait cannot end before it began")


def _arrival(visit: Visit) -> _Arrival:
    refused = visit.left if visit.left in REFUSALS else None
    return (visit.contact, visit.queue, visit.enqueued_at, refused)


def _waited(visit: Visit, at: datetime, given_ms: int | None, reason: object) -> int | None:
    if given_ms is None and reason is not LeaveReason.LOST:
        return (at - visit.enqueued_at) // MILLISECOND
    return duration(given_ms)

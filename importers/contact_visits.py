"""Steps about the end of a wait and about conversations.

A step names the queue, and where it can the time at which the visit entered it. Without the time
the latest visit to that queue is meant that the step could be about. A conversation that came of no
visit has no queue.
"""

# ruff: noqa: ARG002, D102 - every step is told alike, and its fields and name say what of

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import model_validator

from domain import events
from domain.errors import NoArrivalError, NoConversationError
from domain.inquiry import Inquiry
from domain.state import Visit
from domain.vocabulary import Code, EndedBy, LeaveReason
from importers.contact_fields import AgentName, Milliseconds, Odd, QueueName, Time
from importers.contact_steps import LaterData

_Test = Callable[[Visit], bool]


class _EndOfWait(LaterData):
    queue: QueueName
    enqueued_at: Annotated[Time | None, Odd] = None
    waited_ms: Annotated[Milliseconds | None, Odd] = None

    def _visit(self, inquiry: Inquiry, at: datetime) -> int:
        return _number(
            inquiry, self.queue, self.enqueued_at,
            known=lambda visit: visit.over_at == at,
            fits=lambda visit: visit.waiting and visit.enqueued_at <= at,
        )  # fmt: skip


class Abandoned(_EndOfWait):
    """The citizen left the queue."""

    TYPE = "contact.abandoned.v1"
    FACT = events.Abandoned

    def tell(self, inquiry: Inquiry, at: datetime, ref: Code) -> None:
        inquiry.abandon(at=at, visit=self._visit(inquiry, at), waited_ms=self.waited_ms)


class LeftQueue(_EndOfWait):
    """The contact left the queue without an agent and without hanging up."""

    TYPE = "contact.left-queue.v1"
    FACT = events.LeftQueue

    reason: Literal["timeout", "key", "empty", "callback", "lost"]

    def tell(self, inquiry: Inquiry, at: datetime, ref: Code) -> None:
        inquiry.leave_queue(
            reason=LeaveReason(self.reason),
            at=at,
            visit=self._visit(inquiry, at),
            waited_ms=self.waited_ms,
        )


class _OfConversation(LaterData):
    queue: Annotated[QueueName | None, Odd] = None
    enqueued_at: Annotated[Time | None, Odd] = None

    @model_validator(mode="after")
    def _require_queue(self) -> Self:
        if self.enqueued_at is not None and self.queue is None:
            raise ValueError("enqueued_at needs the queue that was entered then")
        return self


class Answered(_OfConversation):
    """An agent took the contact: a conversation began."""

    TYPE = "contact.answered.v1"
    FACT = events.Answered

    agent: AgentName
    waited_ms: Annotated[Milliseconds | None, Odd] = None

    def tell(self, inquiry: Inquiry, at: datetime, ref: Code) -> None:
        visit = self.queue and _number(
            inquiry, self.queue, self.enqueued_at,
            known=lambda visit: visit.answered is not None and visit.answered.at == at,
            fits=lambda visit: visit.waiting and visit.enqueued_at <= at,
        )  # fmt: skip
        inquiry.answer(agent=self.agent, at=at, visit=visit or None, waited_ms=self.waited_ms)


class Ended(_OfConversation):
    """A conversation is over; a duration that is left out is unknown, 0 counts."""

    TYPE = "contact.ended.v1"
    FACT = events.Ended

    ended_by: EndedBy
    agent: Annotated[AgentName | None, Odd] = None
    talk_ms: Annotated[Milliseconds | None, Odd] = None
    hold_ms: Annotated[Milliseconds | None, Odd] = None
    wrapup_ms: Annotated[Milliseconds | None, Odd] = None

    def tell(self, inquiry: Inquiry, at: datetime, ref: Code) -> None:
        inquiry.end(
            ended_by=self.ended_by,
            at=at,
            visit=self._visit(inquiry, at),
            agent=self.agent,
            talk_ms=self.talk_ms,
            hold_ms=self.hold_ms,
            wrapup_ms=self.wrapup_ms,
        )

    def _visit(self, inquiry: Inquiry, at: datetime) -> int | None:
        if self.queue is not None:
            return _number(
                inquiry, self.queue, self.enqueued_at,
                known=lambda visit: visit.ended_at == at,
                fits=lambda visit: visit.answered is not None
                    and visit.talking and visit.answered.at <= at,
            )  # fmt: skip
        if inquiry.conversation is None and inquiry.conversation_ended_at != at:
            raise NoConversationError("no conversation without a queue is going on")
        return None


def _number(
    inquiry: Inquiry, queue: Code, enqueued_at: datetime | None, *, known: _Test, fits: _Test
) -> int:
    """Return the number of the visit that a step is about, first one of which it is `known`.

    Raises:
        NoArrivalError: there is none yet.
    """
    visits = [
        visit for visit in inquiry.visits.values()
        if visit.queue == queue and enqueued_at in (None, visit.enqueued_at)
    ]  # fmt: skip
    # A visit that is named is meant even if the step does not fit it: the inquiry says why.
    fitting = visits if enqueued_at else list(filter(fits, visits))
    if not (meant := list(filter(known, visits)) or fitting):
        raise NoArrivalError(f"no visit to {queue} is known that could be meant")
    return max(meant, key=lambda visit: (visit.enqueued_at, visit.number)).number

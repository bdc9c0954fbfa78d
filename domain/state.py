"""What a decision about an inquiry has to know: visits, answers, transfers and their like."""

from dataclasses import dataclass
from datetime import datetime

from domain.vocabulary import Code, Contact, Delivery, LeaveReason, Outcome, TransferKind


@dataclass(frozen=True, slots=True)
class Answer:
    """An agent began a conversation or wrote back."""

    at: datetime
    version: int
    agent: Code


@dataclass(slots=True)
class Visit:
    """One stay in one queue, and the conversation that came of it."""

    number: int
    contact: Contact
    queue: Code
    enqueued_at: datetime
    answered: Answer | None = None
    abandoned: bool = False
    left: LeaveReason | None = None
    over_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def waiting(self) -> bool:
        """Whether the citizen still waits."""
        return self.over_at is None

    @property
    def talking(self) -> bool:
        """Whether the conversation goes on."""
        return self.answered is not None and self.ended_at is None


@dataclass(slots=True)
class Transfer:
    """Somebody else was given the inquiry, or was asked."""

    kind: TransferKind
    to: Code
    at: datetime
    outcome: Code | None = None
    replied_at: datetime | None = None


@dataclass(slots=True)
class Resolution:
    """The question was settled, until it was reopened."""

    at: datetime
    agent: Code | None
    outcome: Outcome
    reopened_at: datetime | None = None
    score: int | None = None


@dataclass(slots=True)
class FollowUp:
    """The line got back to the citizen."""

    at: datetime
    outcome: Delivery | None = None


@dataclass(slots=True)
class Praise:
    """A story for the board: null is not yet moderated."""

    at: datetime
    published: bool | None = None

"""What the steps of one contact mean for its inquiry; no database here."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from domain import errors
from domain.inquiry import Inquiry
from domain.vocabulary import Code, Contact, Plain
from importers.contact_envelope import Step
from importers.contact_steps import LaterData, Received

AWAITED = (
    errors.InquiryNotFoundError,
    errors.NoArrivalError,
    errors.NoConversationError,
    errors.NobodyAnsweredError,
    errors.InquiryNotResolvedError,
    errors.InquiryResolvedError,
)
"""What a step that is still to come can mend; any other broken rule stays broken."""


class Fate(StrEnum):
    """What became of a step."""

    TAKEN = "taken"
    REPEATED = "repeated"
    WAITING = "waiting"
    REFUSED = "refused"


class Sent(NamedTuple):
    """A step, and the place of its message in a topic; null for one of a file."""

    step: Step
    origin: str | None = None


class Reported(NamedTuple):
    """A step, the inquiry that it is about, the keyed hash that names it, and its origin."""

    step: Step
    stream: UUID
    ref: Code
    origin: str | None = None


class Told(NamedTuple):
    """What became of a step: how many `events`, or the `reason` why none."""

    reported: Reported
    fate: Fate
    events: int = 0
    reason: str = ""


class Decided(NamedTuple):
    """A step that recorded `events`, which wait in the inquiry to be saved."""

    reported: Reported
    inquiry: Inquiry
    events: int


@dataclass(slots=True)
class ContactSteps:
    """The steps of one contact that are `left`, in order, and what became of the others.

    `known` are the refs of the steps that the log holds events of; `citizen` is who asks.
    """

    contact: Contact
    left: list[Reported] = field(default_factory=list)
    inquiry: Inquiry | None = None
    citizen: UUID | None = None
    known: set[Code] = field(default_factory=set)
    told: list[Told] = field(default_factory=list)
    waiting: list[Told] = field(default_factory=list)

    def decide(self) -> Decided | None:
        """Let the inquiry decide on one step after the other until one records something.

        Without any that does, all that is left is `waiting`.
        """
        self.waiting = []
        for reported in list(self.left):
            try:
                if reported.ref not in self.known:
                    self._tell(reported)
            except AWAITED as error:
                self.waiting.append(Told(reported, Fate.WAITING, reason=str(error)))
            except errors.InquiryError as error:
                self._settle(Told(reported, Fate.REFUSED, reason=str(error)))
            else:
                if self.inquiry and self.inquiry.pending_events:
                    return Decided(reported, self.inquiry, len(self.inquiry.pending_events))
                self._settle(Told(reported, Fate.REPEATED))
        return None

    def saved(self, decided: Decided) -> None:
        """Note that the log has taken a step."""
        self.known.add(decided.reported.ref)
        self._settle(Told(decided.reported, Fate.TAKEN, decided.events))

    def _settle(self, told: Told) -> None:
        self.left.remove(told.reported)
        self.told.append(told)

    def _tell(self, reported: Reported) -> None:
        step, stream, ref, _ = reported
        if isinstance(step.data, Received):
            self.inquiry = self.inquiry or self._received(step.data, stream, step.time)
        elif self.inquiry is None:
            raise errors.InquiryNotFoundError("the contact has not been received")
        elif isinstance(step.data, LaterData):
            step.data.tell(self.inquiry, step.time, ref)

    def _received(self, data: Received, stream: UUID, at: datetime) -> Inquiry:
        return Inquiry.receive(
            stream,
            at=at,
            channel=data.channel,
            language=data.language,
            category=data.category,
            district=data.district,
            contact=self.contact,
            citizen=self.citizen,
            question=None if data.question is None else Plain(data.question),
            place=None if data.place is None else Plain(data.place),
        )

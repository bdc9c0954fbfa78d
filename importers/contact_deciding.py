"""What the steps of one contact mean for its inquiry; no database here."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from domain import errors
from domain.events import InquiryEvent
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
    """A step, and the place of its message in a topic, or its line of a file."""

    step: Step
    origin: str | None = None
    line: int | None = None


class Reported(NamedTuple):
    """A step, the inquiry that it is about, the keyed hash that names it, and where it came."""

    step: Step
    stream: UUID
    ref: Code
    origin: str | None = None
    line: int | None = None


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
    events: Sequence[Any]


@dataclass(slots=True)
class ContactSteps:
    """The steps of one contact that are `left`, in order, and what became of the others.

    `known` are the facts that came of steps, by the steps' refs; `citizen` is who asks.
    """

    contact: Contact
    left: list[Reported] = field(default_factory=list)
    inquiry: Inquiry | None = None
    citizen: UUID | None = None
    known: dict[Code, InquiryEvent] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    waiting: list[Told] = field(default_factory=list)

    def decide(self) -> Decided | None:
        """Let the inquiry decide on one step after the other until one records something.

        Without any that does, all that is left is `waiting`.
        """
        self.waiting = []
        for reported in list(self.left):
            try:
                if known := self.known.get(reported.ref):
                    self._require_same(reported.step, known)
                else:
                    self._tell(reported)
            except AWAITED as error:
                self.waiting.append(Told(reported, Fate.WAITING, reason=str(error)))
            except errors.InquiryError as error:
                self._settle(Told(reported, Fate.REFUSED, reason=str(error)))
            else:
                if self.inquiry and self.inquiry.pending_events:
                    return Decided(reported, self.inquiry, list(self.inquiry.pending_events))
                self._settle(Told(reported, Fate.REPEATED))
        return None

    def saved(self, decided: Decided) -> None:
        """Note that the log has taken a step."""
        self.known[decided.reported.ref] = decided.events[0]
        self._settle(Told(decided.reported, Fate.TAKEN, len(decided.events)))

    def _settle(self, told: Told) -> None:
        self.left.remove(told.reported)
        self.told.append(told)

    def _require_same(self, step: Step, known: InquiryEvent) -> None:
        """Refuse a step whose id is known for another one."""
        if (
            self.inquiry is None
            or type(known) is not step.data.FACT
            or known.timestamp != step.time
        ):
            kind = known.TYPE.split(".")[1]
            raise errors.DifferentFactError(
                f"the id of this step is that of {kind} at {known.timestamp.isoformat()}:"
                " another step needs another id"
            )
        self.inquiry.require_same(known, step.data.said())

    def _tell(self, reported: Reported) -> None:
        step, stream, ref = reported.step, reported.stream, reported.ref
        if isinstance(step.data, Received):
            told = self._received(step.data, stream, step.time)
            if self.inquiry is None:
                self.inquiry = told
            else:
                self.inquiry.require_same_arrival(told.facts["received",])
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

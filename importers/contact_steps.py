"""What a channel gateway can report of a contact: the steps, and what each tells an inquiry.

A step's fields are those of the event that comes of it (`domain/events.py`), less what the log
derives. `tell` lets the inquiry decide; it raises what the inquiry raises.
"""

# ruff: noqa: ARG002, D102 - every step is told alike, and its fields and name say what of

from abc import abstractmethod
from datetime import datetime
from typing import ClassVar, Literal

from domain.inquiry import Inquiry
from domain.vocabulary import (
    Channel,
    Code,
    LeaveReason,
    Plain,
    TransferKind,
)
from importers.contact_fields import (
    CodeField,
    Fields,
    Id,
    Milliseconds,
    ShortText,
    Telephone,
    Text,
)


class Data(Fields):
    """The `data` of one type of step."""

    TYPE: ClassVar[str]


class Received(Data):
    """The contact came. Who asks is known by telephone number, else by account at the gateway."""

    TYPE = "contact.received.v1"

    channel: Channel
    language: CodeField | None = None
    category: CodeField | None = None
    district: CodeField | None = None
    telephone: Telephone | None = None
    account: Id | None = None
    question: Text | None = None
    place: ShortText | None = None


class LaterData(Data):
    """What is reported of a contact that has come.

    `ref` names the step, for what a citizen or an agent may do twice.
    """

    @abstractmethod
    def tell(self, inquiry: Inquiry, at: datetime, ref: Code) -> None:
        """Let the inquiry decide on the step; repeating one records nothing."""


class Classified(LaterData):
    """Labels were learnt, as by a choice in a menu; those not given stay."""

    TYPE = "contact.classified.v1"

    language: CodeField | None = None
    category: CodeField | None = None
    district: CodeField | None = None

    def tell(self, inquiry: Inquiry, at: datetime, ref: Code) -> None:
        inquiry.classify(
            at=at, language=self.language, category=self.category, district=self.district
        )


class Queued(LaterData):
    """The contact entered an agent queue: a visit."""

    TYPE = "contact.queued.v1"

    queue: CodeField

    def tell(self, inquiry: Inquiry, at: datetime, ref: Code) -> None:
        inquiry.queue(queue=self.queue, at=at)


class TurnedAway(LaterData):
    """The contact was refused by a queue on entry."""

    TYPE = "contact.turned-away.v1"

    queue: CodeField
    reason: Literal["full", "closed"]

    def tell(self, inquiry: Inquiry, at: datetime, ref: Code) -> None:
        inquiry.turn_away(queue=self.queue, reason=LeaveReason(self.reason), at=at)


class Replied(LaterData):
    """An agent wrote back on a text channel."""

    TYPE = "contact.replied.v1"

    agent: CodeField
    message: Text
    reply_ms: Milliseconds | None = None

    def tell(self, inquiry: Inquiry, at: datetime, ref: Code) -> None:
        inquiry.reply(agent=self.agent, message=Plain(self.message), at=at, reply_ms=self.reply_ms)


class Transferred(LaterData):
    """The contact was passed on, or with `holds` false somebody joined or was asked."""

    TYPE = "contact.transferred.v1"

    kind: TransferKind
    to: CodeField
    from_agent: CodeField | None = None
    holds: bool = True

    def tell(self, inquiry: Inquiry, at: datetime, ref: Code) -> None:
        inquiry.transfer(
            ref=ref, kind=self.kind, to=self.to, at=at, from_agent=self.from_agent, holds=self.holds
        )

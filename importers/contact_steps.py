"""What a channel gateway can report of a contact: the steps, and what each tells an inquiry.

A step's fields are those of the event that comes of it (`domain/events.py`), less what the log
derives. `tell` lets the inquiry decide; it raises what the inquiry raises.
"""

# ruff: noqa: ARG002, D102 - every step is told alike, and its fields and name say what of

from abc import abstractmethod
from datetime import datetime
from typing import Annotated, ClassVar, Literal

from domain import events
from domain.inquiry import Inquiry
from domain.vocabulary import (
    Channel,
    Code,
    LeaveReason,
    Plain,
    TransferKind,
)
from importers.contact_fields import (
    AgentName,
    CodeField,
    Fields,
    Id,
    Milliseconds,
    Odd,
    QueueName,
    ShortText,
    TargetName,
    Telephone,
    Text,
)

TEXTS = frozenset({
    "question", "place", "message", "resolution", "comment", "title", "story", "author",
})  # fmt: skip
"""The fields that are sealed."""


class Data(Fields):
    """The `data` of one type of step; `FACT` is what comes of it."""

    TYPE: ClassVar[str]
    FACT: ClassVar[type[events.InquiryEvent]]

    def said(self) -> dict[str, object]:
        """Return what the step says of its fact, by the fact's fields."""
        return {
            name: Plain(value) if name in TEXTS else value
            for name in type(self).model_fields
            if name in self.FACT.__dataclass_fields__ and (value := getattr(self, name)) is not None
        }


class Received(Data):
    """The contact came. Who asks is known by telephone number, else by account at the gateway."""

    TYPE = "contact.received.v1"
    FACT = events.Received

    channel: Channel
    language: Annotated[CodeField | None, Odd] = None
    category: Annotated[CodeField | None, Odd] = None
    district: Annotated[CodeField | None, Odd] = None
    telephone: Annotated[Telephone | None, Odd] = None
    account: Annotated[Id | None, Odd] = None
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
    FACT = events.Classified

    language: Annotated[CodeField | None, Odd] = None
    category: Annotated[CodeField | None, Odd] = None
    district: Annotated[CodeField | None, Odd] = None

    def tell(self, inquiry: Inquiry, at: datetime, ref: Code) -> None:
        inquiry.classify(
            at=at, language=self.language, category=self.category, district=self.district
        )


class Queued(LaterData):
    """The contact entered an agent queue: a visit."""

    TYPE = "contact.queued.v1"
    FACT = events.Queued

    queue: QueueName

    def tell(self, inquiry: Inquiry, at: datetime, ref: Code) -> None:
        inquiry.queue(queue=self.queue, at=at)


class TurnedAway(LaterData):
    """The contact was refused by a queue on entry."""

    TYPE = "contact.turned-away.v1"
    FACT = events.LeftQueue

    queue: QueueName
    reason: Literal["full", "closed"]

    def tell(self, inquiry: Inquiry, at: datetime, ref: Code) -> None:
        inquiry.turn_away(queue=self.queue, reason=LeaveReason(self.reason), at=at)


class Replied(LaterData):
    """An agent wrote back on a text channel."""

    TYPE = "contact.replied.v1"
    FACT = events.Replied

    agent: AgentName
    message: Text
    reply_ms: Annotated[Milliseconds | None, Odd] = None

    def tell(self, inquiry: Inquiry, at: datetime, ref: Code) -> None:
        inquiry.reply(agent=self.agent, message=Plain(self.message), at=at, reply_ms=self.reply_ms)


class Transferred(LaterData):
    """The contact was passed on, or with `holds` false somebody joined or was asked."""

    TYPE = "contact.transferred.v1"
    FACT = events.Transferred

    kind: TransferKind
    to: TargetName
    from_agent: Annotated[AgentName | None, Odd] = None
    holds: bool = True

    def tell(self, inquiry: Inquiry, at: datetime, ref: Code) -> None:
        inquiry.transfer(
            ref=ref, kind=self.kind, to=self.to, at=at, from_agent=self.from_agent, holds=self.holds
        )

"""What can happen to an inquiry: the catalogue of facts, and what each does to the state.

A fact is plain values and its time (`timestamp`, when it happened in the world). Applying one only
assigns: it runs again on every replay, so rules live in the aggregate (`domain/inquiry.py`).
The names in `TYPE` and the fields are stored for ever; a new shape is a new version.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from eventsourcing.domain import AggregateCreated, AggregateEvent, DomainEvent

from domain.state import Answer, FollowUp, Praise, Resolution, Transfer, Visit
from domain.vocabulary import (
    AnnulReason,
    Attachment,
    Channel,
    Code,
    Contact,
    Delivery,
    Digest,
    EndedBy,
    FieldRef,
    LeaveReason,
    LinkKind,
    Medium,
    Outcome,
    Personal,
    Purpose,
    StatedFilter,
    StatedRow,
    TransferKind,
)

if TYPE_CHECKING:
    from domain.known import Known


Identity = tuple[object, ...]
"""The kind of a fact, and what tells it from others of its kind."""


class InquiryEvent(AggregateEvent):
    """A fact about an inquiry, with the labels that the inquiry had as known then."""

    TYPE: ClassVar[str]

    channel: Channel
    language: Code | None
    category: Code | None
    district: Code | None

    @property
    def identity(self) -> Identity | None:
        """What names the fact to whoever tells of it again; None: its message alone does."""
        return None

    def apply(self, aggregate: "Known") -> None:
        """Assign what the fact changes."""

    def mutate(self, aggregate: Any) -> Any:
        """Return the inquiry as it is with the fact, which it knows by its identity."""
        changed: Any = super().mutate(aggregate)
        if (identity := self.identity) is not None:
            changed.facts[identity] = self
        return changed


class Received(InquiryEvent, AggregateCreated):
    """The inquiry exists."""

    TYPE = "inquiry.received.v1"

    contact: Contact | None
    citizen: UUID | None
    question: Personal | None
    place: Personal | None
    attributes: Personal | None
    attachments: tuple[Attachment, ...] | None
    due_at: datetime | None

    @property
    def identity(self) -> Identity:
        return ("received",)


class Identified(InquiryEvent):
    """It was learnt later who asks."""

    TYPE = "inquiry.identified.v1"

    citizen: UUID

    def apply(self, aggregate: "Known") -> None:
        aggregate.citizen = self.citizen


class Classified(InquiryEvent):
    """The labels were learnt or mended; earlier counts move to those of this event."""

    TYPE = "inquiry.classified.v1"

    def apply(self, aggregate: "Known") -> None:
        aggregate.channel = self.channel
        aggregate.language = self.language
        aggregate.category = self.category
        aggregate.district = self.district


class Queued(InquiryEvent):
    """A visit entered an agent queue; visits count from 1."""

    TYPE = "inquiry.queued.v1"

    contact: Contact
    queue: Code
    visit: int

    def apply(self, aggregate: "Known") -> None:
        aggregate.visits[self.visit] = Visit(
            number=self.visit, contact=self.contact, queue=self.queue, enqueued_at=self.timestamp
        )


class Answered(InquiryEvent):
    """A conversation began. Without a visit an agent took up a text or a direct call."""

    TYPE = "inquiry.answered.v1"

    contact: Contact | None
    queue: Code | None
    visit: int | None
    enqueued_at: datetime | None
    agent: Code
    waited_ms: int | None

    @property
    def identity(self) -> Identity:
        return (
            "answered",
            *((self.agent, self.timestamp) if self.visit is None else (self.visit,)),
        )

    def apply(self, aggregate: "Known") -> None:
        answer = Answer(at=self.timestamp, version=self.originator_version, agent=self.agent)
        aggregate.answers.append(answer)
        aggregate.hold(self.agent, self.timestamp)
        if self.visit is None:
            aggregate.conversation = answer
            aggregate.direct_answers.append(answer)
        else:
            visit = aggregate.visits[self.visit]
            visit.answered = answer
            visit.over_at = self.timestamp


class Abandoned(InquiryEvent):
    """The citizen left the queue."""

    TYPE = "inquiry.abandoned.v1"

    contact: Contact
    queue: Code
    visit: int
    enqueued_at: datetime
    waited_ms: int

    @property
    def identity(self) -> Identity:
        return ("abandoned", self.visit)

    def apply(self, aggregate: "Known") -> None:
        visit = aggregate.visits[self.visit]
        visit.abandoned = True
        visit.over_at = self.timestamp


class LeftQueue(InquiryEvent):
    """The visit left its queue otherwise; `full` and `closed` are refusals on entry."""

    TYPE = "inquiry.left-queue.v1"

    contact: Contact
    queue: Code
    visit: int
    enqueued_at: datetime
    waited_ms: int | None
    reason: LeaveReason

    @property
    def identity(self) -> Identity:
        return ("left-queue", self.visit)

    def apply(self, aggregate: "Known") -> None:
        visit = aggregate.visits.setdefault(
            self.visit, Visit(self.visit, self.contact, self.queue, self.enqueued_at)
        )
        visit.left = self.reason
        visit.over_at = self.timestamp


class Ended(InquiryEvent):
    """A conversation is over. A duration of null is unknown; 0 counts."""

    TYPE = "inquiry.ended.v1"

    contact: Contact | None
    visit: int | None
    agent: Code | None
    talk_ms: int | None
    hold_ms: int | None
    wrapup_ms: int | None
    ended_by: EndedBy

    @property
    def identity(self) -> Identity:
        return ("ended", self.timestamp if self.visit is None else self.visit)

    def apply(self, aggregate: "Known") -> None:
        if self.visit is None:
            aggregate.conversation = None
            aggregate.conversation_ended_at = self.timestamp
        else:
            aggregate.visits[self.visit].ended_at = self.timestamp


class Transferred(InquiryEvent):
    """The holder changes (`holds`), or somebody joins or is asked while the agent holds.

    `hop` counts the changes of holder up to and with this one.
    """

    TYPE = "inquiry.transferred.v1"

    ref: Code
    from_agent: Code | None
    kind: TransferKind
    to: Code
    hop: int
    holds: bool

    @property
    def identity(self) -> Identity:
        return ("transfer", self.ref)

    def apply(self, aggregate: "Known") -> None:
        aggregate.hops = self.hop
        aggregate.transfers[self.originator_version] = Transfer(
            kind=self.kind, to=self.to, at=self.timestamp
        )
        if self.holds:
            aggregate.hold(self.to, self.timestamp)


class AgencyReplied(InquiryEvent):
    """An agency answered what it was asked in the transfer of version `of`."""

    TYPE = "inquiry.agency-replied.v1"

    of: int
    agency: Code
    outcome: Code
    reply: Personal | None
    took_ms: int

    @property
    def identity(self) -> Identity:
        return ("agency-reply", self.of)

    def apply(self, aggregate: "Known") -> None:
        transfer = aggregate.transfers[self.of]
        transfer.outcome = self.outcome
        transfer.replied_at = self.timestamp


class Replied(InquiryEvent):
    """An agent wrote back on a text channel, for the first time or later."""

    TYPE = "inquiry.replied.v1"

    agent: Code
    reply_ms: int
    message: Personal

    def apply(self, aggregate: "Known") -> None:
        reply = Answer(at=self.timestamp, version=self.originator_version, agent=self.agent)
        aggregate.answers.append(reply)
        aggregate.hold(self.agent, self.timestamp)


class Noted(InquiryEvent):
    """Somebody wrote something down."""

    TYPE = "inquiry.noted.v1"

    ref: Code
    kind: Code
    note: Personal

    @property
    def identity(self) -> Identity:
        return ("note", self.ref)


class Resolved(InquiryEvent):
    """The question is settled; `by_first_agent` and `ordinal` as known when recorded."""

    TYPE = "inquiry.resolved.v1"

    agent: Code | None
    outcome: Outcome
    by_first_agent: bool
    first_answered_at: datetime | None
    ordinal: int
    resolution: Personal | None

    @property
    def identity(self) -> Identity:
        return ("resolution", self.timestamp)

    def apply(self, aggregate: "Known") -> None:
        aggregate.resolutions[self.originator_version] = Resolution(
            at=self.timestamp, agent=self.agent, outcome=self.outcome
        )


class FollowedUp(InquiryEvent):
    """The line got back to the citizen of its own accord, while open or after."""

    TYPE = "inquiry.followed-up.v1"

    ref: Code
    medium: Medium
    purpose: Purpose
    message: Personal

    @property
    def identity(self) -> Identity:
        return ("follow-up", self.ref)

    def apply(self, aggregate: "Known") -> None:
        aggregate.follow_ups[self.originator_version] = FollowUp(at=self.timestamp)


class FollowUpReported(InquiryEvent):
    """It was learnt what became of the follow-up of version `of`."""

    TYPE = "inquiry.follow-up-reported.v1"

    of: int
    outcome: Delivery
    reason: Code | None

    @property
    def identity(self) -> Identity:
        return ("follow-up-report", self.of)

    def apply(self, aggregate: "Known") -> None:
        aggregate.follow_ups[self.of].outcome = self.outcome


class Reopened(InquiryEvent):
    """The resolution of version `of` did not hold."""

    TYPE = "inquiry.reopened.v1"

    of: int
    ordinal: int
    reason: Code

    @property
    def identity(self) -> Identity:
        return ("reopening", self.timestamp)

    def apply(self, aggregate: "Known") -> None:
        aggregate.resolutions[self.of].reopened_at = self.timestamp


class Rated(InquiryEvent):
    """The citizen rated the resolution of version `of`, 1 (bad) to 5 (good)."""

    TYPE = "inquiry.rated.v1"

    of: int
    score: int
    agent: Code | None
    comment: Personal | None

    @property
    def identity(self) -> Identity:
        return ("rating", self.of)

    def apply(self, aggregate: "Known") -> None:
        aggregate.resolutions[self.of].score = self.score


class Praised(InquiryEvent):
    """The citizen praised the line."""

    TYPE = "inquiry.praised.v1"

    ref: Code
    agent: Code | None
    title: Personal
    story: Personal
    author: Personal

    @property
    def identity(self) -> Identity:
        return ("praise", self.ref)

    def apply(self, aggregate: "Known") -> None:
        aggregate.praises[self.originator_version] = Praise(at=self.timestamp)


class PraisePublished(InquiryEvent):
    """The praise of version `of` stands on the board, in the moderated words if any."""

    TYPE = "inquiry.praise-published.v1"

    of: int
    moderator: Code
    title: Personal | None
    story: Personal | None
    reason: Code | None

    @property
    def identity(self) -> Identity:
        return ("publication", self.of)

    def apply(self, aggregate: "Known") -> None:
        aggregate.praises[self.of].published = True


class PraiseWithdrawn(InquiryEvent):
    """The praise of version `of` is off the board, or will not come on it."""

    TYPE = "inquiry.praise-withdrawn.v1"

    of: int
    moderator: Code
    title: Personal | None
    story: Personal | None
    reason: Code | None

    @property
    def identity(self) -> Identity:
        return ("withdrawal", self.of)

    def apply(self, aggregate: "Known") -> None:
        aggregate.praises[self.of].published = False


class Linked(InquiryEvent):
    """This inquiry belongs to another."""

    TYPE = "inquiry.linked.v1"

    other: UUID
    kind: LinkKind

    def apply(self, aggregate: "Known") -> None:
        aggregate.links.add((self.other, self.kind))


class Annulled(InquiryEvent):
    """The inquiry should not have been counted: every earlier count is taken back."""

    TYPE = "inquiry.annulled.v1"

    reason: AnnulReason
    other: UUID | None

    @property
    def identity(self) -> Identity:
        return ("annulment",)

    def apply(self, aggregate: "Known") -> None:
        aggregate.annulled = self.reason


class StreamEvent(DomainEvent):
    """A fact about something else than an inquiry: a citizen, a disclosure, a statement."""

    TYPE: ClassVar[str]


class CitizenForgotten(StreamEvent):
    """The keys `kids` of this citizen's personal data were destroyed, on the legal `basis`."""

    TYPE = "citizen.forgotten.v1"

    basis: Code
    kids: tuple[Digest, ...]


class CitizenMerged(StreamEvent):
    """This citizen turned out to be `into`."""

    TYPE = "citizen.merged.v1"

    into: UUID


class CitizenHeld(StreamEvent):
    """A legal hold: this citizen may not be forgotten."""

    TYPE = "citizen.held.v1"

    basis: Code


class CitizenReleased(StreamEvent):
    """The legal hold is over."""

    TYPE = "citizen.released.v1"

    basis: Code


class DisclosureMade(StreamEvent):
    """`reader` opened sealed fields for a purpose."""

    TYPE = "disclosure.made.v1"

    reader: Code
    purpose: Code
    fields: tuple[FieldRef, ...]


class StatementPublished(StreamEvent):
    """KPIs of a range were published, as the log up to `position` has them: docs/statements.md.

    `root` is the tree's there, `definition` the SHA-256 of the KPIs' text, `city` the zone that its
    days are of, `program` what published it. From `begin` on, the fields are the question. `names`
    are those of the sums in each row. `rows` are null where they are too long for a record; the
    `digest` is of all of them, and `row_count` their number.
    """

    TYPE = "statement.published.v1"

    position: int
    root: Digest
    definition: Digest
    city: Code
    program: Code
    begin: datetime
    end: datetime
    timezone: Code
    by: tuple[Code, ...]
    filters: tuple[StatedFilter, ...]
    threshold_s: int
    short_s: int
    names: tuple[Code, ...]
    rows: tuple[StatedRow, ...] | None
    row_count: int
    digest: Digest


_FACTS: list[type[Any]] = [*InquiryEvent.__subclasses__(), *StreamEvent.__subclasses__()]

CATALOGUE: dict[str, type[Any]] = {fact.TYPE: fact for fact in _FACTS}
"""Every stored type name, with its class. Names last for ever."""

"""What clients send: one body a command, in the words of `domain/`.

A body is the event's data less what the log derives. `at` is when it happened, by default now.
Bodies are frozen and forbid unknown fields; personal text is `Plain` from here on, so that it can
only end in a seal.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
)

from domain.inquiry import Inquiry
from domain.times import read_time
from domain.vocabulary import (
    MAX_TEXT,
    REFUSALS,
    AnnulReason,
    Attachment,
    Channel,
    Code,
    Delivery,
    Digest,
    EndedBy,
    LeaveReason,
    LinkKind,
    Medium,
    Outcome,
    Plain,
    Purpose,
    TransferKind,
    code,
    digest,
    stored_code,
)
from eventlog.keys import Keys

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
MAX_DURATION_MS = 366 * 86_400_000
MAX_VERSION = 2**31 - 1
MAX_ATTACHMENTS = 20
MAX_CONTACT_ID = 200


def _plain(text: object) -> Plain:
    if not isinstance(text, str):
        raise ValueError("a text is expected")
    return Plain(text)


def _time(text: object) -> datetime:
    if not isinstance(text, str):
        raise ValueError("a time is text, written as RFC 3339 does: 2012-02-29T09:00:04+09:00")
    at = read_time(text)
    if not EARLIEST <= at <= LATEST:
        raise ValueError(f"a time lies between {EARLIEST.year} and {LATEST.year}")
    return at


Text = Annotated[
    Plain,
    PlainValidator(_plain),
    WithJsonSchema({"type": "string", "maxLength": MAX_TEXT, "examples": ["막차가 언제인가요?"]}),
]
_CODE = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,63}$", examples=["general"])
CodeText = Annotated[Code, _CODE, AfterValidator(code)]
CodeFilter = Annotated[Code, _CODE, AfterValidator(stored_code)]
"""Asks for a code that the log may hold, though it is not taken any more."""
DigestText = Annotated[
    Digest, Field(pattern=r"^([0-9a-f]{32}|[0-9a-f]{64})$"), AfterValidator(digest)
]
Time = Annotated[
    datetime,
    PlainValidator(_time),
    WithJsonSchema(
        {"type": "string", "format": "date-time", "examples": ["2012-02-29T09:00:04+09:00"]}
    ),
]
Duration = Annotated[int, Field(ge=0, le=MAX_DURATION_MS, strict=True, examples=[12_000])]
Version = Annotated[int, Field(ge=1, le=MAX_VERSION, strict=True, examples=[2])]


class Body(BaseModel):
    """A frozen body without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ContactBody(Body):
    """One call, message or post, by its id at the source; only a keyed hash of it is kept."""

    source: CodeText
    id: Annotated[str, Field(min_length=1, max_length=MAX_CONTACT_ID, examples=["1330.42"])]


class AttachmentBody(Body):
    """A file that is kept elsewhere, encrypted."""

    sha256: DigestText
    type: CodeText
    size: Annotated[int, Field(ge=0, le=2**53 - 1, strict=True)]
    kid: DigestText

    def known(self) -> Attachment:
        """Return it as the domain knows it."""
        return Attachment(self.sha256, self.type, self.size, self.kid)


class Receive(Body):
    """The inquiry exists."""

    at: Time | None = None
    channel: Channel
    language: CodeText | None = None
    category: CodeText | None = None
    district: CodeText | None = None
    contact: ContactBody | None = None
    citizen: UUID | None = None
    question: Text | None = None
    place: Text | None = None
    attributes: Text | None = None
    attachments: Annotated[list[AttachmentBody], Field(max_length=MAX_ATTACHMENTS)] | None = None
    due_at: Time | None = None

    def inquiry(self, inquiry_id: UUID, now: datetime, keys: Keys) -> Inquiry:
        """Return the new inquiry."""
        return Inquiry.receive(
            inquiry_id,
            at=self.at or now,
            channel=self.channel,
            language=self.language,
            category=self.category,
            district=self.district,
            contact=keys.contact(self.contact.source, self.contact.id) if self.contact else None,
            citizen=self.citizen,
            question=self.question,
            place=self.place,
            attributes=self.attributes,
            attachments=tuple(a.known() for a in self.attachments) if self.attachments else None,
            due_at=self.due_at,
        )


class Command(Body):
    """A command to an inquiry that exists: the fields are the arguments of `method`."""

    method: ClassVar[Callable[..., None]]

    at: Time | None = None

    def decide(self, inquiry: Inquiry, now: datetime, keys: Keys, **path: int) -> None:
        """Let the inquiry decide; `path` are arguments that stand in the URL."""
        type(self).method(inquiry, at=self.at or now, **self._arguments(keys), **path)

    def _arguments(self, keys: Keys) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in type(self).model_fields if name != "at"}
        contact = values.get("contact")
        if isinstance(contact, ContactBody):
            values["contact"] = keys.contact(contact.source, contact.id)
        return values


class Queue(Command):
    """The citizen entered an agent queue."""

    method = Inquiry.queue

    queue: CodeText
    contact: ContactBody | None = None
    visit: Version | None = None


class Answer(Command):
    """A conversation begins."""

    method = Inquiry.answer

    agent: CodeText
    visit: Version | None = None
    waited_ms: Duration | None = None


class Abandon(Command):
    """The citizen hung up in the queue."""

    method = Inquiry.abandon

    visit: Version | None = None
    waited_ms: Duration | None = None


class LeaveQueue(Command):
    """The citizen left the queue otherwise, or was refused on entry (`full`, `closed`).

    A refusal names the `queue` and may name the `contact`.
    """

    method = Inquiry.leave_queue

    reason: LeaveReason
    queue: CodeText | None = None
    contact: ContactBody | None = None
    visit: Version | None = None
    waited_ms: Duration | None = None

    def decide(self, inquiry: Inquiry, now: datetime, keys: Keys, **_: int) -> None:
        """Turn away or leave, by the reason."""
        values = self._arguments(keys)
        if self.reason in REFUSALS and self.queue is not None:
            del values["waited_ms"]
            inquiry.turn_away(at=self.at or now, **values)
        else:
            del values["queue"], values["contact"]
            inquiry.leave_queue(at=self.at or now, **values)


class End(Command):
    """The conversation is over."""

    method = Inquiry.end

    ended_by: EndedBy
    visit: Version | None = None
    agent: CodeText | None = None
    talk_ms: Duration | None = None
    hold_ms: Duration | None = None
    wrapup_ms: Duration | None = None


class Transfer(Command):
    """The inquiry passes to somebody else, or with `holds` false somebody joins or is asked."""

    method = Inquiry.transfer

    ref: CodeText
    kind: TransferKind
    to: CodeText
    from_agent: CodeText | None = None
    holds: bool = True


class AgencyReply(Command):
    """An agency replies to the transfer of version `of`."""

    method = Inquiry.agency_reply

    of: Version
    outcome: CodeText
    reply: Text | None = None


class Reply(Command):
    """An agent writes back on a text channel."""

    method = Inquiry.reply

    agent: CodeText
    message: Text
    reply_ms: Duration | None = None


class Note(Command):
    """Somebody notes something."""

    method = Inquiry.note

    ref: CodeText
    kind: CodeText
    note: Text


class Classify(Command):
    """Labels were learnt or mended; those not given stay."""

    method = Inquiry.classify

    channel: Channel | None = None
    language: CodeText | None = None
    category: CodeText | None = None
    district: CodeText | None = None


class Identify(Command):
    """It was learnt who asks."""

    method = Inquiry.identify

    citizen: UUID


class Resolve(Command):
    """The question is settled."""

    method = Inquiry.resolve

    outcome: Outcome
    agent: CodeText | None = None
    resolution: Text | None = None


class FollowUp(Command):
    """The line gets back to the citizen."""

    method = Inquiry.follow_up

    ref: CodeText
    medium: Medium
    purpose: Purpose
    message: Text


class FollowUpReport(Command):
    """What became of a follow-up."""

    method = Inquiry.report_follow_up

    outcome: Delivery
    reason: CodeText | None = None


class Reopen(Command):
    """The resolution is withdrawn."""

    method = Inquiry.reopen

    reason: CodeText


class Rating(Command):
    """The citizen rates the resolution of version `of`, by default the one that holds."""

    method = Inquiry.rate

    score: Annotated[int, Field(ge=1, le=5, strict=True)]
    of: Version | None = None
    comment: Text | None = None


class Praise(Command):
    """The citizen thanks."""

    method = Inquiry.praise

    ref: CodeText
    title: Text
    story: Text
    author: Text
    agent: CodeText | None = None


class PublishPraise(Command):
    """A story goes to the board, as it was written or as it is worded here."""

    method = Inquiry.publish_praise

    moderator: CodeText
    title: Text | None = None
    story: Text | None = None
    reason: CodeText | None = None


class Relation(Command):
    """May name another inquiry, which has to be there."""

    other: UUID | None = None


class Link(Relation):
    """This inquiry belongs to another."""

    method = Inquiry.link

    other: UUID
    kind: LinkKind


class Annul(Relation):
    """The inquiry and all its counts are taken back."""

    method = Inquiry.annul

    reason: AnnulReason


COMMANDS: dict[str, type[Command]] = {
    "queue": Queue,
    "answer": Answer,
    "abandon": Abandon,
    "leave-queue": LeaveQueue,
    "end": End,
    "transfer": Transfer,
    "agency-reply": AgencyReply,
    "reply": Reply,
    "note": Note,
    "classify": Classify,
    "identify": Identify,
    "resolve": Resolve,
    "follow-ups": FollowUp,
    "reopen": Reopen,
    "rating": Rating,
    "praise": Praise,
    "link": Link,
    "annul": Annul,
}
"""The last part of the path of each command."""

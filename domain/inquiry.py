"""The aggregate: what may happen to an inquiry, decided from what is known.

A public command guards and then records one fact (`domain.events`). Times are arguments: a fact
that telephony reports late is accepted with its own time when the history stays possible, and
refused with the reason when it does not. Repeating a command records nothing.
"""

from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain import errors, events
from domain.state import Answer, FollowUp, Praise, Resolution, Transfer, Visit
from domain.vocabulary import (
    REFUSALS,
    TEXT_CHANNELS,
    AnnulReason,
    Attachment,
    Channel,
    Code,
    Contact,
    Delivery,
    EndedBy,
    LeaveReason,
    LinkKind,
    Medium,
    Outcome,
    Personal,
    Purpose,
    Status,
    TransferKind,
)

MILLISECOND = timedelta(milliseconds=1)

_Arrival = tuple[Contact, Code, datetime, LeaveReason | None]
"""Who came to which queue when, and why it was refused on entry, if it was."""


class Inquiry(Aggregate):
    """A citizen's inquiry, from its arrival to its last word."""

    def __init__(
        self,
        *,
        channel: Channel,
        language: Code | None,
        category: Code | None,
        district: Code | None,
        contact: Contact | None,
        citizen: UUID | None,
    ) -> None:
        self.channel = channel
        self.language = language
        self.category = category
        self.district = district
        self.contact = contact
        self.citizen = citizen
        self.visits: dict[int, Visit] = {}
        self.conversation: Answer | None = None  # that goes on without a visit
        self.conversation_ended_at: datetime | None = None
        self.answers: list[Answer] = []  # conversations with and without a visit, and replies
        self.direct_answers: list[Answer] = []
        self.replies: list[Answer] = []
        self.holder: Code | None = None
        self.held_since = self.created_on
        self.hops = 0
        self.refs: set[tuple[str, Code]] = set()
        self.transfers: dict[int, Transfer] = {}
        self.resolutions: dict[int, Resolution] = {}
        self.follow_ups: dict[int, FollowUp] = {}
        self.praises: dict[int, Praise] = {}
        self.links: set[tuple[UUID, LinkKind]] = set()
        self.annulled: AnnulReason | None = None

    @classmethod
    def receive(
        cls,
        inquiry_id: UUID,
        *,
        at: datetime,
        channel: Channel,
        language: Code | None = None,
        category: Code | None = None,
        district: Code | None = None,
        contact: Contact | None = None,
        citizen: UUID | None = None,
        question: Personal | None = None,
        place: Personal | None = None,
        attributes: Personal | None = None,
        attachments: tuple[Attachment, ...] | None = None,
        due_at: datetime | None = None,
    ) -> Self:
        """Return a new inquiry with its first fact pending."""
        _require_offset(at)
        if due_at is not None:
            _require_offset(due_at)
        return cls._create(
            events.Received,
            id=inquiry_id,
            timestamp=at,
            channel=channel,
            language=language,
            category=category,
            district=district,
            contact=contact,
            citizen=citizen,
            question=question,
            place=place,
            attributes=attributes,
            attachments=attachments,
            due_at=due_at,
        )

    # What is known

    @property
    def received_at(self) -> datetime:
        """When the inquiry arrived."""
        return self.created_on

    @property
    def first_answer(self) -> Answer | None:
        """The earliest answer or reply in the world's time, whenever it was reported."""
        return min(self.answers, key=lambda answer: (answer.at, answer.version), default=None)

    @property
    def resolution(self) -> tuple[int, Resolution] | None:
        """The resolution that holds, with its version."""
        for version, resolution in reversed(self.resolutions.items()):
            return None if resolution.reopened_at else (version, resolution)
        return None

    @property
    def status(self) -> Status:
        """Where the inquiry stands; `projections/inquiries.sql` says the same."""
        visits = self.visits.values()
        lost = [v for v in visits if v.abandoned or v.left not in (None, LeaveReason.CALLBACK)]
        if self.annulled:
            return Status.ANNULLED
        if self.resolution:
            return Status.RESOLVED
        if self.conversation or any(visit.talking for visit in visits):
            return Status.IN_CONVERSATION
        if any(visit.waiting for visit in visits):
            return Status.QUEUED
        if any(t.kind is TransferKind.AGENCY and not t.outcome for t in self.transfers.values()):
            return Status.AT_AGENCY
        if lost and len(lost) == len(visits) and not (self.answers or self.transfers):
            return Status.ABANDONED
        return Status.RECEIVED

    # Who asks, and about what

    def identify(self, *, citizen: UUID, at: datetime) -> None:
        """Learn who asks."""
        self._require_live()
        if citizen != self.citizen:
            self._record(events.Identified, at, citizen=citizen)

    def classify(
        self,
        *,
        at: datetime,
        channel: Channel | None = None,
        language: Code | None = None,
        category: Code | None = None,
        district: Code | None = None,
    ) -> None:
        """Learn or mend labels; those not given stay. Earlier counts move to the new labels."""
        self._require_live()
        learnt = {
            "channel": channel or self.channel,
            "language": language or self.language,
            "category": category or self.category,
            "district": district or self.district,
        }
        if learnt != self._labels():
            self._record(events.Classified, at, **learnt)

    # Visits to queues, and conversations

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
        begun = [known.answered for known in self._meant(visit) if known.answered]
        if any((answer.agent, answer.at) == (agent, at) for answer in begun):
            return
        if visit is None and not any(v.waiting for v in self.visits.values()):
            self._take_up(agent, at)
            return
        waiting = self._visit(visit)
        self._require_waiting(waiting, at)
        self._record(
            events.Answered,
            at,
            contact=waiting.contact,
            queue=waiting.queue,
            visit=waiting.number,
            enqueued_at=waiting.enqueued_at,
            agent=agent,
            waited_ms=_waited(waiting, at, waited_ms),
        )

    def abandon(
        self, *, at: datetime, visit: int | None = None, waited_ms: int | None = None
    ) -> None:
        """Leave the queue by hanging up; a visit is abandoned once."""
        self._require_live()
        if any(known.abandoned and known.over_at == at for known in self._meant(visit)):
            return
        waiting = self._visit(visit)
        self._require_waiting(waiting, at)
        self._record(
            events.Abandoned,
            at,
            contact=waiting.contact,
            queue=waiting.queue,
            visit=waiting.number,
            enqueued_at=waiting.enqueued_at,
            waited_ms=_waited(waiting, at, waited_ms),
        )

    def leave_queue(
        self,
        *,
        reason: LeaveReason,
        at: datetime,
        visit: int | None = None,
        waited_ms: int | None = None,
    ) -> None:
        """Leave the queue otherwise than by an agent or by hanging up.

        Raises:
            DifferentFactError: `reason` is a refusal on entry, and the visit has entered.
        """
        self._require_live()
        if any(known.left is reason and known.over_at == at for known in self._meant(visit)):
            return
        waiting = self._visit(visit)
        if reason in REFUSALS:
            raise errors.DifferentFactError(
                f"visit {waiting.number} has entered its queue: {reason} is a refusal on entry"
            )
        self._require_waiting(waiting, at)
        self._record(
            events.LeftQueue,
            at,
            contact=waiting.contact,
            queue=waiting.queue,
            visit=waiting.number,
            enqueued_at=waiting.enqueued_at,
            waited_ms=_waited(waiting, at, waited_ms),
            reason=reason,
        )

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
        if over is None:
            return
        answer = over if isinstance(over, Answer) else over.answered
        if answer is None:
            raise errors.NoConversationError(f"visit {visit} was never answered")
        _require_order(answer.at, at, "a conversation cannot end before it began")
        talked = over if isinstance(over, Visit) else None
        self._record(
            events.Ended,
            at,
            contact=talked.contact if talked else None,
            visit=talked.number if talked else None,
            agent=agent or answer.agent,
            talk_ms=_duration(talk_ms),
            hold_ms=_duration(hold_ms),
            wrapup_ms=_duration(wrapup_ms),
            ended_by=ended_by,
        )

    # Passing on, asking, writing

    def transfer(
        self,
        *,
        ref: Code,
        kind: TransferKind,
        to: Code,
        at: datetime,
        from_agent: Code | None = None,
        holds: bool = True,
    ) -> None:
        """Pass the inquiry on, or with ``holds=False`` let somebody join or be asked."""
        self._require_live()
        if ("transfer", ref) in self.refs:
            return
        self._require_open(at)
        # Only who held can pass on; an agent who does has held, even if reported later.
        changes = holds and bool(self.answers or from_agent)
        self._record(
            events.Transferred,
            at,
            ref=ref,
            from_agent=from_agent,
            kind=kind,
            to=to,
            hop=self.hops + changes,
            holds=holds,
        )

    def agency_reply(
        self, *, of: int, outcome: Code, at: datetime, reply: Personal | None = None
    ) -> None:
        """Take in what an agency says to the transfer of version `of`.

        Raises:
            UnknownReferenceError: version `of` asked no agency.
            AgencyRepliedError: it has its reply, another one.
        """
        self._require_live()
        asked = self.transfers.get(of)
        if asked is None or asked.kind is not TransferKind.AGENCY:
            raise errors.UnknownReferenceError(f"version {of} is no transfer to an agency")
        if asked.replied_at is not None:
            if (asked.outcome, asked.replied_at) == (outcome, at):
                return
            raise errors.AgencyRepliedError(f"{asked.to} has replied already: {asked.outcome}")
        _require_order(asked.at, at, "an agency cannot reply before it was asked")
        self._record(
            events.AgencyReplied,
            at,
            of=of,
            agency=asked.to,
            outcome=outcome,
            reply=reply,
            took_ms=(at - asked.at) // MILLISECOND,
        )

    def reply(
        self, *, agent: Code, message: Personal, at: datetime, reply_ms: int | None = None
    ) -> None:
        """Write back on a text channel; `reply_ms` defaults to the time since the arrival.

        Raises:
            ChannelError: telephone and video inquiries are answered or followed up, not replied to.
        """
        self._require_live()
        if self.channel not in TEXT_CHANNELS:
            raise errors.ChannelError(
                f"a {self.channel} inquiry is answered or followed up, not replied to"
            )
        if any((known.agent, known.at) == (agent, at) for known in self.replies):
            return
        _require_order(self.received_at, at, "a reply cannot come before the inquiry")
        elapsed_ms = (at - self.received_at) // MILLISECOND
        self._record(
            events.Replied,
            at,
            agent=agent,
            reply_ms=elapsed_ms if reply_ms is None else _duration(reply_ms),
            message=message,
        )

    def note(self, *, ref: Code, kind: Code, note: Personal, at: datetime) -> None:
        """Write something down."""
        self._require_live()
        if ("note", ref) not in self.refs:
            self._record(events.Noted, at, ref=ref, kind=kind, note=note)

    # Settling

    def resolve(
        self,
        *,
        outcome: Outcome,
        at: datetime,
        agent: Code | None = None,
        resolution: Personal | None = None,
    ) -> None:
        """Settle the question.

        Raises:
            NobodyAnsweredError: nobody answered, replied or followed up, and no agency did.
            InquiryResolvedError: it is resolved already, otherwise.
        """
        self._require_live()
        if self.resolution is not None:
            _, settled = self.resolution
            if (settled.at, settled.agent, settled.outcome) == (at, agent, outcome):
                return
            raise errors.InquiryResolvedError("the inquiry is resolved already: reopen it first")
        helped = [
            *(answer.at for answer in self.answers),
            *(follow_up.at for follow_up in self.follow_ups.values()),
            *(asked.replied_at for asked in self.transfers.values() if asked.replied_at),
        ]
        if not helped:
            raise errors.NobodyAnsweredError("nobody has answered, replied or followed up yet")
        withdrawn = [known.reopened_at for known in self.resolutions.values() if known.reopened_at]
        for earlier in (min(helped), *withdrawn):
            _require_order(earlier, at, "a resolution cannot precede what it rests on")
        first = self.first_answer
        self._record(
            events.Resolved,
            at,
            agent=agent,
            outcome=outcome,
            by_first_agent=self._only_agent_was(agent) and not self.resolutions,
            first_answered_at=first.at if first else None,
            ordinal=len(self.resolutions) + 1,
            resolution=resolution,
        )

    def reopen(self, *, reason: Code, at: datetime) -> None:
        """Withdraw the resolution that holds.

        Raises:
            InquiryNotResolvedError: there is none.
        """
        self._require_live()
        if any(known.reopened_at == at for known in self.resolutions.values()):
            return
        if self.resolution is None:
            raise errors.InquiryNotResolvedError("the inquiry is open: there is nothing to reopen")
        version, resolution = self.resolution
        _require_order(resolution.at, at, "a reopening cannot precede the resolution")
        self._record(
            events.Reopened,
            at,
            of=version,
            ordinal=sum(1 for known in self.resolutions.values() if known.reopened_at) + 1,
            reason=reason,
        )

    def follow_up(
        self, *, ref: Code, medium: Medium, purpose: Purpose, message: Personal, at: datetime
    ) -> None:
        """Get back to the citizen, while the inquiry is open or after."""
        self._require_live()
        if ("follow-up", ref) not in self.refs:
            self._record(
                events.FollowedUp, at, ref=ref, medium=medium, purpose=purpose, message=message
            )

    def report_follow_up(
        self, *, of: int, outcome: Delivery, at: datetime, reason: Code | None = None
    ) -> None:
        """Learn what became of the follow-up of version `of`."""
        self._require_live()
        sent = self.follow_ups.get(of)
        if sent is None:
            raise errors.UnknownReferenceError(f"version {of} is no follow-up")
        if sent.outcome is outcome:
            return
        if sent.outcome is not None:
            raise errors.DifferentFactError(f"follow-up {of} was reported as {sent.outcome}")
        _require_order(sent.at, at, "a report cannot precede the follow-up")
        self._record(events.FollowUpReported, at, of=of, outcome=outcome, reason=reason)

    def rate(
        self, *, score: int, at: datetime, of: int | None = None, comment: Personal | None = None
    ) -> None:
        """Rate a resolution, the last one unless `of` names another; one rating a resolution."""
        self._require_live()
        if not 1 <= score <= 5:  # noqa: PLR2004 - the scale of the survey
            raise errors.ScoreError(f"a score is a whole number from 1 to 5, not {score}")
        version = max(self.resolutions, default=0) if of is None else of
        resolution = self.resolutions.get(version)
        if resolution is None:
            raise errors.InquiryNotResolvedError("there is no such resolution to rate")
        if resolution.score is not None:
            if resolution.score == score:
                return
            raise errors.AlreadyRatedError(f"this resolution was rated {resolution.score}")
        _require_order(resolution.at, at, "a rating cannot precede the resolution")
        self._record(
            events.Rated, at, of=version, score=score, agent=resolution.agent, comment=comment
        )

    # Praise and its moderation

    def praise(
        self,
        *,
        ref: Code,
        title: Personal,
        story: Personal,
        author: Personal,
        at: datetime,
        agent: Code | None = None,
    ) -> None:
        """Thank the line."""
        self._require_live()
        if ("praise", ref) not in self.refs:
            self._record(
                events.Praised, at, ref=ref, agent=agent, title=title, story=story, author=author
            )

    def publish_praise(
        self,
        *,
        of: int,
        moderator: Code,
        at: datetime,
        title: Personal | None = None,
        story: Personal | None = None,
        reason: Code | None = None,
    ) -> None:
        """Put the praise of version `of` on the board, in moderated words if given."""
        if not self._praise(of, at).published:
            self._record(
                events.PraisePublished,
                at,
                of=of,
                moderator=moderator,
                title=title,
                story=story,
                reason=reason,
            )

    def withdraw_praise(
        self, *, of: int, moderator: Code, at: datetime, reason: Code | None = None
    ) -> None:
        """Take the praise of version `of` off the board, or keep it from it."""
        if self._praise(of, at).published is not False:
            self._record(
                events.PraiseWithdrawn,
                at,
                of=of,
                moderator=moderator,
                title=None,
                story=None,
                reason=reason,
            )

    # Belonging together, taking back

    def link(self, *, other: UUID, kind: LinkKind, at: datetime) -> None:
        """Say that this inquiry belongs to another."""
        self._require_live()
        if other == self.id:
            raise errors.LinkError("an inquiry cannot be linked to itself")
        if (other, kind) not in self.links:
            self._record(events.Linked, at, other=other, kind=kind)

    def annul(self, *, reason: AnnulReason, at: datetime, other: UUID | None = None) -> None:
        """Take the inquiry and all its counts back."""
        if self.annulled is reason:
            return
        self._require_live()
        if other == self.id:
            raise errors.LinkError("an inquiry cannot be a duplicate of itself")
        if reason in (AnnulReason.DUPLICATE, AnnulReason.MERGED) and other is None:
            raise errors.LinkError(f"{reason} needs `other`, the inquiry that stays")
        self._record(events.Annulled, at, reason=reason, other=other)

    # For the events to assign

    def hold(self, holder: Code, since: datetime) -> None:
        """Let the latest holder in the world's time hold the inquiry."""
        if since >= self.held_since:
            self.holder = holder
            self.held_since = since

    # Guards and small derivations

    def _record(self, fact: type[events.InquiryEvent], at: datetime, **data: Any) -> None:
        _require_order(self.received_at, at, "nothing can happen before the inquiry arrived")
        self.trigger_event(fact, timestamp=at, **(self._labels() | data))

    def _labels(self) -> dict[str, Any]:
        return {
            "channel": self.channel,
            "language": self.language,
            "category": self.category,
            "district": self.district,
        }

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

    def _conversation(self, number: int | None, at: datetime) -> Visit | Answer | None:
        """Return what `end` is about, or None when that end is known already."""
        if number is not None:
            visit = self._visit(number)
            if visit.talking:
                return visit
            if visit.ended_at == at:
                return None
            raise errors.NoConversationError(f"visit {number} is in no conversation")
        going_on: list[Visit | Answer] = [v for v in self.visits.values() if v.talking]
        going_on += [self.conversation] if self.conversation else []
        if len(going_on) == 1:
            return going_on[0]
        if going_on:
            raise errors.NoConversationError(
                f"{len(going_on)} conversations go on: name one by `visit`"
            )
        ends = [self.conversation_ended_at, *(visit.ended_at for visit in self.visits.values())]
        if at in ends:
            return None
        raise errors.NoConversationError("no conversation is going on")

    def _praise(self, version: int, at: datetime) -> Praise:
        self._require_live()
        if version not in self.praises:
            raise errors.UnknownReferenceError(f"version {version} is no praise")
        praise = self.praises[version]
        _require_order(praise.at, at, "a story cannot be moderated before it was told")
        return praise

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

    def _only_agent_was(self, agent: Code | None) -> bool:
        return self.hops == 0 and {answer.agent for answer in self.answers} == {agent}

    def _require_live(self) -> None:
        if self.annulled:
            raise errors.InquiryAnnulledError(f"the inquiry was annulled ({self.annulled})")

    def _require_open(self, at: datetime) -> None:
        _require_offset(at)
        if self.resolution is not None and at >= self.resolution[1].at:
            raise errors.InquiryResolvedError("the inquiry is resolved: reopen it first")

    def _require_waiting(self, visit: Visit, at: datetime) -> None:
        if not visit.waiting:
            how = "answered" if visit.answered else "abandoned" if visit.abandoned else "left"
            raise errors.VisitOverError(f"visit {visit.number} was {how} already")
        _require_order(visit.enqueued_at, at, "a wait cannot end before it began")


def _require_offset(at: datetime) -> None:
    if at.tzinfo is None:
        raise errors.ImpossibleTimeError(f"{at.isoformat()} has no offset from UTC")


def _require_order(earlier: datetime, later: datetime, rule: str) -> None:
    _require_offset(later)
    if later < earlier:
        raise errors.ImpossibleTimeError(
            f"{rule}: {later.isoformat()} is before {earlier.isoformat()}"
        )


def _arrival(visit: Visit) -> _Arrival:
    refused = visit.left if visit.left in REFUSALS else None
    return (visit.contact, visit.queue, visit.enqueued_at, refused)


def _waited(visit: Visit, at: datetime, given_ms: int | None) -> int:
    return (at - visit.enqueued_at) // MILLISECOND if given_ms is None else _known(given_ms)


def _duration(given_ms: int | None) -> int | None:
    return None if given_ms is None else _known(given_ms)


def _known(given_ms: int) -> int:
    if given_ms < 0:
        raise errors.ImpossibleTimeError(f"a duration cannot be negative: {given_ms} ms")
    return given_ms

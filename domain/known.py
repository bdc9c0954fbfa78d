"""What is known of an inquiry, and the one way to record more."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain import errors, events
from domain.state import Answer, FollowUp, Praise, Resolution, Transfer, Visit
from domain.vocabulary import (
    AnnulReason,
    Channel,
    Code,
    Contact,
    LeaveReason,
    LinkKind,
    Plain,
    Sealed,
    Status,
    TransferKind,
)

MAX_EVENTS = 1_000
"""Of an inquiry: each command replays them. What ends something may come behind them."""

_ENDS = frozenset(
    {events.Abandoned, events.Annulled, events.Ended, events.LeftQueue, events.Resolved}
)

MILLISECOND = timedelta(milliseconds=1)

TextReader = Callable[[Sealed, UUID, str, str], str | None]
"""Opens a sealed text of a stream, an event's type and a field; None where it cannot be known."""


class Known(Aggregate):
    """The state that decisions are made from; facts assign it (`domain.events`).

    `read_text` opens what `facts` hold sealed, where a repeat has to be compared with it.
    """

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
        self.holder: Code | None = None
        self.held_since = self.created_on
        self.hops = 0
        self.read_text: TextReader | None = None
        self.facts: dict[events.Identity, events.InquiryEvent] = {}
        self.transfers: dict[int, Transfer] = {}
        self.resolutions: dict[int, Resolution] = {}
        self.follow_ups: dict[int, FollowUp] = {}
        self.praises: dict[int, Praise] = {}
        self.links: set[tuple[UUID, LinkKind]] = set()
        self.annulled: AnnulReason | None = None

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

    def hold(self, holder: Code, since: datetime) -> None:
        """Let the latest holder in the world's time hold the inquiry."""
        if since >= self.held_since:
            self.holder = holder
            self.held_since = since

    def require_same(self, known: events.InquiryEvent, said: Mapping[str, object]) -> None:
        """Refuse a repeat that says otherwise than the fact that is known; None says nothing.

        Raises:
            DifferentFactError: a field differs; says which.
        """
        for name, value in said.items():
            if value is not None and self._differs(known, name, value):
                kind = known.TYPE.split(".")[1]
                raise errors.DifferentFactError(
                    f"{kind} of {known.timestamp.isoformat()} is known with another {name}:"
                    " the same fact cannot be told with other contents"
                )

    def _differs(self, known: events.InquiryEvent, name: str, value: object) -> bool:
        held = getattr(known, name)
        if isinstance(value, Plain) and isinstance(held, Sealed):
            text = self.read_text and self.read_text(held, self.id, known.TYPE, name)
            return text not in (None, value.text)
        return bool(held != value)

    def _is_repeat(self, identity: events.Identity, **said: object) -> bool:
        """Whether a fact is known; raise `DifferentFactError` if it is, with other contents."""
        known = self.facts.get(identity)
        if known is not None:
            self.require_same(known, said)
        return known is not None

    def _record(self, fact: type[events.InquiryEvent], at: datetime, **data: Any) -> None:
        if self.version >= MAX_EVENTS and fact not in _ENDS:
            raise errors.InquiryFullError(
                f"the inquiry has {self.version:,} events, and may have {MAX_EVENTS:,}: receive"
                " another one, and link it as a child"
            )
        require_order(self.received_at, at, "nothing can happen before the inquiry arrived")
        # What `trigger_event` does, without the copies that it makes of the values.
        event = fact(
            originator_id=self.id,
            originator_version=self.version + 1,
            timestamp=at,
            **self._labels() | data,
        )
        event.mutate(self)
        self.pending_events.append(event)

    def _labels(self) -> dict[str, Any]:
        return {
            "channel": self.channel,
            "language": self.language,
            "category": self.category,
            "district": self.district,
        }

    def _require_live(self) -> None:
        if self.annulled:
            raise errors.InquiryAnnulledError(f"the inquiry was annulled ({self.annulled})")

    def _require_open(self, at: datetime) -> None:
        require_offset(at)
        if self.resolution is not None and at >= self.resolution[1].at:
            raise errors.InquiryResolvedError("the inquiry is resolved: reopen it first")


def require_offset(at: datetime) -> None:
    """Raise `ImpossibleTimeError` for a time without an offset from UTC."""
    if at.tzinfo is None:
        raise errors.ImpossibleTimeError(f"{at.isoformat()} has no offset from UTC")


def require_order(earlier: datetime, later: datetime, rule: str) -> None:
    """Raise `ImpossibleTimeError`, with the rule, unless `later` is not before `earlier`."""
    require_offset(later)
    if later < earlier:
        raise errors.ImpossibleTimeError(
            f"{rule}: {later.isoformat()} is before {earlier.isoformat()}"
        )


def duration(given_ms: int | None) -> int | None:
    """Return a duration in ms that may be unknown; raise `ImpossibleTimeError` below 0."""
    return None if given_ms is None else known_ms(given_ms)


def known_ms(given_ms: int) -> int:
    """Return a duration in ms; raise `ImpossibleTimeError` below 0."""
    if given_ms < 0:
        raise errors.ImpossibleTimeError(f"a duration cannot be negative: {given_ms} ms")
    return given_ms

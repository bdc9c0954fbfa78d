"""The aggregate: what may happen to an inquiry, decided from what is known.

A public command guards and then records one fact (`domain.events`). Times are arguments: a fact
that telephony reports late is accepted with its own time when the history stays possible, and
refused with the reason when it does not. Repeating a command records nothing.
"""

from datetime import datetime
from typing import Self
from uuid import UUID

from domain import errors, events
from domain.known import require_offset
from domain.passing import Passing
from domain.praising import Praising
from domain.settling import Settling
from domain.visiting import Visiting
from domain.vocabulary import AnnulReason, Attachment, Channel, Code, Contact, LinkKind, Personal

_ARRIVAL = (
    "channel", "language", "category", "district", "citizen", "question", "place", "attributes",
    "attachments", "due_at",
)  # fmt: skip


class Inquiry(Visiting, Passing, Settling, Praising):
    """A citizen's inquiry, from its arrival to its last word."""

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
        require_offset(at)
        if due_at is not None:
            require_offset(due_at)
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

    def require_same_arrival(self, told: events.InquiryEvent) -> None:
        """Refuse an arrival that tells otherwise of this inquiry than the one that is known.

        When it came may differ: two systems that report the same contact have two clocks.

        Raises:
            DifferentFactError: a field differs; says which.
        """
        self.require_same(self.facts["received",], {name: getattr(told, name) for name in _ARRIVAL})

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

    def require_standing(self, other: "Inquiry") -> None:
        """Refuse another inquiry that this one cannot belong to.

        Raises:
            LinkError: it was annulled, or belongs to this one.
        """
        if other.annulled:
            raise errors.LinkError(
                f"inquiry {other.id} was annulled ({other.annulled}): name the one that stays"
            )
        if any(belongs_to == self.id for belongs_to, _ in other.links):
            raise errors.LinkError(f"inquiry {other.id} belongs to {self.id} already")

    def link(self, *, other: UUID, kind: LinkKind, at: datetime) -> None:
        """Say that this inquiry belongs to another."""
        self._require_live()
        if other == self.id:
            raise errors.LinkError("an inquiry cannot be linked to itself")
        if (other, kind) not in self.links:
            self._record(events.Linked, at, other=other, kind=kind)

    def annul(self, *, reason: AnnulReason, at: datetime, other: UUID | None = None) -> None:
        """Take the inquiry and all its counts back."""
        if self.annulled is reason and self._is_repeat(("annulment",), other=other):
            return
        self._require_live()
        if other == self.id:
            raise errors.LinkError("an inquiry cannot be a duplicate of itself")
        if reason in (AnnulReason.DUPLICATE, AnnulReason.MERGED) and other is None:
            raise errors.LinkError(f"{reason} needs `other`, the inquiry that stays")
        self._record(events.Annulled, at, reason=reason, other=other)

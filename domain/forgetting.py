"""Forgetting a citizen, and the legal holds that forbid it.

What is forgotten is what keys open: the event says which keys were destroyed, and on what basis.
A citizen may be held on several bases; each is released by itself.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self
from uuid import UUID, uuid5

from domain.errors import CitizenHeldError
from domain.events import CitizenForgotten, CitizenHeld, CitizenReleased, StreamEvent
from domain.vocabulary import Code, Digest

MAX_KIDS = 1_500
"""Key ids of one event: some 35 bytes each, and a record has 65,535. More take several events."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Whom to forget: a citizen with all their inquiries, or whoever asked one inquiry."""

    citizen: UUID | None = None
    inquiry: UUID | None = None

    def __post_init__(self) -> None:
        """Refuse what is neither or both."""
        if (self.citizen is None) == (self.inquiry is None):
            raise ValueError("name a citizen or an inquiry")

    @property
    def stream(self) -> UUID:
        """The stream that says so: who asked one inquiry is a citizen by no other name."""
        if self.citizen is not None:
            return self.citizen
        assert self.inquiry is not None  # noqa: S101 - as it was made
        return uuid5(self.inquiry, "citizen")


@dataclass(slots=True)
class Citizen:
    """What is known of a citizen for the sake of forgetting; the rest is in their inquiries."""

    id: UUID
    version: int = 0
    holds: set[Code] = field(default_factory=set)
    forgotten: list[CitizenForgotten] = field(default_factory=list)

    @classmethod
    def told(cls, citizen: UUID, facts: Iterable[Any]) -> Self:
        """Return the citizen of whom `facts` tell, in their order."""
        known = cls(citizen)
        for fact in facts:
            known._apply(fact)
        return known

    def hold(self, basis: Code, at: datetime) -> Sequence[StreamEvent]:
        """Forbid forgetting on a legal basis; nothing happens if it is forbidden on it already."""
        return [] if basis in self.holds else [self._fact(CitizenHeld, at, basis=basis)]

    def release(self, basis: Code, at: datetime) -> Sequence[StreamEvent]:
        """End the hold on a basis; nothing happens if there is none."""
        return [self._fact(CitizenReleased, at, basis=basis)] if basis in self.holds else []

    def forget(self, basis: Code, kids: Sequence[Digest], at: datetime) -> Sequence[StreamEvent]:
        """Say that the keys `kids` are destroyed; there may be none.

        Raises:
            CitizenHeldError: a legal hold forbids it.
        """
        self.require_not_held()
        parts = [kids[n : n + MAX_KIDS] for n in range(0, max(len(kids), 1), MAX_KIDS)]
        return [
            self._fact(CitizenForgotten, at, ahead, basis=basis, kids=tuple(part))
            for ahead, part in enumerate(parts)
        ]

    def require_not_held(self) -> None:
        """Raise `CitizenHeldError` if a legal hold forbids to forget the citizen."""
        if self.holds:
            raise CitizenHeldError(
                f"citizen {self.id} is held on the basis {', '.join(sorted(self.holds))}: nothing"
                " of them may be forgotten until each hold is released"
            )

    def _apply(self, fact: Any) -> None:
        self.version = fact.originator_version
        match fact:
            case CitizenHeld():
                self.holds.add(fact.basis)
            case CitizenReleased():
                self.holds.discard(fact.basis)
            case CitizenForgotten():
                self.forgotten.append(fact)

    def _fact(self, kind: type[Any], at: datetime, ahead: int = 0, **values: object) -> StreamEvent:
        fact: StreamEvent = kind(
            originator_id=self.id,
            originator_version=self.version + 1 + ahead,
            timestamp=at,
            **values,
        )
        return fact

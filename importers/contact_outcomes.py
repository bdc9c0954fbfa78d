"""Steps about how an inquiry comes to its end, and what comes after."""

# ruff: noqa: ARG002, D102 - every step is told alike, and its fields and name say what of

from datetime import datetime
from typing import Annotated

from pydantic import Field

from domain import events
from domain.errors import InquiryNotResolvedError
from domain.inquiry import Inquiry
from domain.vocabulary import Code, Medium, Outcome, Plain, Purpose
from importers.contact_fields import AgentName, Odd, ReasonName, ShortText, Text
from importers.contact_steps import LaterData


class Resolved(LaterData):
    """The question is settled."""

    TYPE = "contact.resolved.v1"
    FACT = events.Resolved

    outcome: Outcome
    agent: Annotated[AgentName | None, Odd] = None
    resolution: Text | None = None

    def tell(self, inquiry: Inquiry, at: datetime, ref: Code) -> None:
        resolution = None if self.resolution is None else Plain(self.resolution)
        inquiry.resolve(outcome=self.outcome, at=at, agent=self.agent, resolution=resolution)


class Reopened(LaterData):
    """The citizen came back: the resolution did not hold."""

    TYPE = "contact.reopened.v1"
    FACT = events.Reopened

    reason: ReasonName

    def tell(self, inquiry: Inquiry, at: datetime, ref: Code) -> None:
        inquiry.reopen(reason=self.reason, at=at)


class Rated(LaterData):
    """The citizen rated the last resolution before the step, 1 (bad) to 5 (good)."""

    TYPE = "contact.rated.v1"
    FACT = events.Rated

    score: Annotated[int, Field(ge=1, le=5)]
    comment: Text | None = None

    def tell(self, inquiry: Inquiry, at: datetime, ref: Code) -> None:
        before = [version for version, known in inquiry.resolutions.items() if known.at <= at]
        if not before:
            raise InquiryNotResolvedError(f"nothing was resolved until {at.isoformat()}")
        comment = None if self.comment is None else Plain(self.comment)
        inquiry.rate(score=self.score, at=at, of=before[-1], comment=comment)


class FollowedUp(LaterData):
    """The line got back to the citizen of its own accord."""

    TYPE = "contact.followed-up.v1"
    FACT = events.FollowedUp

    medium: Medium
    purpose: Purpose
    message: Text

    def tell(self, inquiry: Inquiry, at: datetime, ref: Code) -> None:
        inquiry.follow_up(
            ref=ref, medium=self.medium, purpose=self.purpose, message=Plain(self.message), at=at
        )


class Praised(LaterData):
    """The citizen thanked the line."""

    TYPE = "contact.praised.v1"
    FACT = events.Praised

    title: ShortText
    story: Text
    author: ShortText
    agent: Annotated[AgentName | None, Odd] = None

    def tell(self, inquiry: Inquiry, at: datetime, ref: Code) -> None:
        inquiry.praise(
            ref=ref, agent=self.agent, at=at,
            title=Plain(self.title), story=Plain(self.story), author=Plain(self.author),
        )  # fmt: skip

"""What clients read of an inquiry: the state that decisions are made from, without its texts."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from domain.inquiry import Inquiry
from domain.vocabulary import (
    AnnulReason,
    Channel,
    Delivery,
    LeaveReason,
    LinkKind,
    Outcome,
    Status,
    TransferKind,
)


class VisitState(BaseModel):
    """One stay in one queue, and the conversation that came of it."""

    visit: int
    queue: str
    enqueued_at: datetime
    answered_at: datetime | None
    agent: str | None
    abandoned: bool
    left: LeaveReason | None
    over_at: datetime | None
    ended_at: datetime | None


class TransferState(BaseModel):
    """Who was given the inquiry, joined or was asked, by the transfer's version."""

    version: int
    kind: TransferKind
    to: str
    at: datetime
    outcome: str | None
    replied_at: datetime | None


class ResolutionState(BaseModel):
    """How the question was settled, by the resolution's version."""

    version: int
    at: datetime
    agent: str | None
    outcome: Outcome
    reopened_at: datetime | None
    score: int | None


class FollowUpState(BaseModel):
    """How the line got back to the citizen, by the follow-up's version."""

    version: int
    at: datetime
    outcome: Delivery | None


class PraiseState(BaseModel):
    """A story of thanks, by its version; `published` is null until it is moderated."""

    version: int
    at: datetime
    published: bool | None


class LinkState(BaseModel):
    """Another inquiry that this one belongs to."""

    other: UUID
    kind: LinkKind


class InquiryState(BaseModel):
    """An inquiry as it stands; `version` is its ETag."""

    id: UUID
    version: int
    status: Status
    channel: Channel
    language: str | None
    category: str | None
    district: str | None
    citizen: UUID | None
    received_at: datetime
    first_answered_at: datetime | None
    holder: str | None
    visits: list[VisitState]
    transfers: list[TransferState]
    resolutions: list[ResolutionState]
    follow_ups: list[FollowUpState]
    praises: list[PraiseState]
    links: list[LinkState]
    annulled: AnnulReason | None


def state_of(inquiry: Inquiry) -> InquiryState:
    """Return what clients read of an inquiry."""
    first = inquiry.first_answer
    return InquiryState(
        id=inquiry.id,
        version=inquiry.version,
        status=inquiry.status,
        channel=inquiry.channel,
        language=inquiry.language,
        category=inquiry.category,
        district=inquiry.district,
        citizen=inquiry.citizen,
        received_at=inquiry.received_at,
        first_answered_at=first.at if first else None,
        holder=inquiry.holder,
        visits=[
            VisitState(
                visit=visit.number,
                queue=visit.queue,
                enqueued_at=visit.enqueued_at,
                answered_at=visit.answered.at if visit.answered else None,
                agent=visit.answered.agent if visit.answered else None,
                abandoned=visit.abandoned,
                left=visit.left,
                over_at=visit.over_at,
                ended_at=visit.ended_at,
            )
            for visit in inquiry.visits.values()
        ],
        transfers=[
            TransferState(
                version=version,
                kind=transfer.kind,
                to=transfer.to,
                at=transfer.at,
                outcome=transfer.outcome,
                replied_at=transfer.replied_at,
            )
            for version, transfer in inquiry.transfers.items()
        ],
        resolutions=[
            ResolutionState(
                version=version,
                at=resolution.at,
                agent=resolution.agent,
                outcome=resolution.outcome,
                reopened_at=resolution.reopened_at,
                score=resolution.score,
            )
            for version, resolution in inquiry.resolutions.items()
        ],
        follow_ups=[
            FollowUpState(version=version, at=follow_up.at, outcome=follow_up.outcome)
            for version, follow_up in inquiry.follow_ups.items()
        ],
        praises=[
            PraiseState(version=version, at=praise.at, published=praise.published)
            for version, praise in inquiry.praises.items()
        ],
        links=[LinkState(other=other, kind=kind) for other, kind in sorted(inquiry.links)],
        annulled=inquiry.annulled,
    )


def etag(version: int) -> dict[str, str]:
    """Return the header that names an inquiry's version."""
    return {"ETag": f'"{version}"'}

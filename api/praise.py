"""The board "Thank you 120": published stories for everybody, their moderation for some."""

from collections.abc import Iterator
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path, Query, Response
from psycopg.rows import TupleRow
from pydantic import BaseModel

from api.bodies import CodeText, PublishPraise
from api.commands import Accepted, carried_out
from api.cursors import cursor, place
from api.orders import Order, ordered
from api.problems import BadRequestError, responses
from api.routers import router_of
from api.security import Scope
from api.service import Service, ServiceDep
from domain import events
from domain.vocabulary import Sealed
from eventlog.personal import mask_name
from eventlog.vault import KeyDestroyedError

router = router_of("/v1/praise", "praise")

MAX_PAGE = 100
_PROBLEMS = responses(
    HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE
)
_MODERATIONS = _PROBLEMS | responses(
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.CONFLICT,
    HTTPStatus.PRECONDITION_FAILED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
)


class Story(BaseModel):
    """A published story; `id` is that of its moderation, the author's name is masked."""

    id: str
    title: str
    story: str
    author: str
    agent: str | None
    praised_at: datetime
    published_at: datetime


class Board(BaseModel):
    """Some stories, and how to get the next; null: there are none."""

    stories: list[Story]
    next: str | None


StoryId = Annotated[
    str,
    Path(
        pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\.[1-9][0-9]{0,8}$",
        description="The inquiry, a full stop, and the version of the praise.",
        examples=["0191b1c2-0000-7000-8000-000000000000.5"],
    ),
]
Moderation = Annotated[Order, Depends(ordered(Scope.PRAISE_MODERATE))]


@router.get("", responses=_PROBLEMS)
def board(
    service: ServiceDep,
    after: Annotated[str | None, Query(description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 20,
) -> Board:
    """Show the published stories, the last published first. Past the end there are none."""
    at, stream, version = place(after) if after else (None, None, None)
    with service.pool.connection() as connection:
        rows = connection.execute(
            "SELECT stream_id, version, moderated_at, praised_at, agent, title, story, author,"
            " shown_title, shown_story FROM praise.story WHERE status = 'published'"
            " AND (%(at)s::timestamptz IS NULL OR"
            " (moderated_at, stream_id, version) < (%(at)s, %(stream)s::uuid, %(version)s::int))"
            " ORDER BY moderated_at DESC, stream_id DESC, version DESC LIMIT %(limit)s",
            {"at": at, "stream": stream, "version": version, "limit": limit},
        ).fetchall()
    last = rows[-1] if len(rows) == limit else None
    return Board(
        stories=list(_stories(service, rows)),
        next=cursor(last[2], last[0], last[1]) if last else None,
    )


@router.post(
    "/{story_id}/publication",
    response_model=Accepted,
    responses=_MODERATIONS | responses(HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
)
async def publish(
    story_id: StoryId, body: PublishPraise, order: Moderation, service: ServiceDep
) -> Response:
    """Publish a story, as it was written or as the body words it."""
    inquiry_id, of = _split(story_id)
    return await carried_out(
        service,
        order,
        inquiry_id,
        lambda inquiry: body.decide(inquiry, order.now, service.keys, of=of),
    )


@router.delete("/{story_id}/publication", response_model=Accepted, responses=_MODERATIONS)
async def withdraw(
    story_id: StoryId,
    moderator: Annotated[CodeText, Query()],
    order: Moderation,
    service: ServiceDep,
    reason: Annotated[CodeText | None, Query()] = None,
) -> Response:
    """Take a story off the board, or keep it from there."""
    inquiry_id, of = _split(story_id)
    return await carried_out(
        service,
        order,
        inquiry_id,
        lambda inquiry: inquiry.withdraw_praise(
            of=of, moderator=moderator, at=order.now, reason=reason
        ),
    )


def _stories(service: Service, rows: list[TupleRow]) -> Iterator[Story]:
    for stream, version, published_at, praised_at, agent, title, story, author, *worded in rows:
        try:
            yield Story(
                id=f"{stream}.{version}",
                title=_opened(service, stream, "title", title, worded[0]),
                story=_opened(service, stream, "story", story, worded[1]),
                author=mask_name(_opened(service, stream, "author", author)),
                agent=agent,
                praised_at=praised_at,
                published_at=published_at,
            )
        except KeyDestroyedError:
            continue  # forgotten: the view has not followed yet


def _opened(
    service: Service,
    stream: UUID,
    name: str,
    told: dict[str, Any],
    worded: dict[str, Any] | None = None,
) -> str:
    """Open a text as the moderator worded it, else as it was told."""
    kind = events.Praised.TYPE if worded is None else events.PraisePublished.TYPE
    return service.log.vault.open(Sealed(**(worded or told)), stream, kind, name)


def _split(story_id: str) -> tuple[UUID, int]:
    inquiry, _, version = story_id.partition(".")
    try:
        return UUID(inquiry), int(version)
    except ValueError as error:
        raise BadRequestError(f"{story_id!r} is no story's id") from error

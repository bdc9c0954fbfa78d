"""Ending the conversations and the waits whose end nobody reported.

They end a fixed time after they began, not when this is run: so it does not matter when or how
often that is, and what is recorded lies in the past.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from psycopg import Connection

from cli.answering import caught_up
from cli.progress import progress_bar
from domain.inquiries import MAX_TRIES, StaleVersionError
from domain.inquiry import Inquiry
from domain.request import Request
from domain.state import Answer
from domain.vocabulary import EndedBy, LeaveReason
from eventlog.log import Log

LONGEST = timedelta(hours=24)
"""How long a conversation or a wait goes on without a word about its end."""

INQUIRIES_AT_ONCE = 1_000


class Forgotten(NamedTuple):
    """How many conversations and how many waits were ended."""

    conversations: int
    waits: int

    def plus(self, other: "Forgotten") -> "Forgotten":
        """Return both together."""
        return Forgotten(self.conversations + other.conversations, self.waits + other.waits)


def end_forgotten(log: Log, now: datetime) -> Forgotten:
    """End the conversations and the waits that have gone on for `LONGEST`; return how many.

    Raises:
        ViewStoppedError: the view of inquiries met an event that it cannot merge.
    """
    ended, looked_at = Forgotten(0, 0), 0
    with (
        caught_up(log, "inquiries") as connection,
        progress_bar("ending", _count_open(connection)) as progress,
    ):
        for ids in _open(connection):
            ended = ended.plus(_end_each(log, ids, now))
            looked_at += len(ids)
            if progress:
                progress(looked_at)
    return ended


def _count_open(connection: Connection) -> int:
    row = connection.execute(
        "SELECT count(*) FROM inquiries.inquiry WHERE (talking > 0 OR waiting > 0) AND NOT annulled"
    ).fetchone()
    return row[0] if row else 0


def _open(connection: Connection) -> Iterator[list[UUID]]:
    """Yield the inquiries in which somebody waits, or talks, in a visit or without one."""
    after = UUID(int=0)
    while True:
        rows = connection.execute(
            "SELECT stream_id FROM inquiries.inquiry"
            " WHERE (talking > 0 OR waiting > 0) AND NOT annulled AND stream_id > %s"
            " ORDER BY stream_id LIMIT %s",
            [after, INQUIRIES_AT_ONCE],
        ).fetchall()
        if not rows:
            return
        ids = [row[0] for row in rows]
        yield ids
        after = ids[-1]


def _end_each(log: Log, ids: Sequence[UUID], now: datetime) -> Forgotten:
    """Save what ends; inquiries that somebody else has changed meanwhile are looked at again."""
    ended, left = Forgotten(0, 0), list(ids)
    for _ in range(MAX_TRIES):
        over = [
            (inquiry, found)
            for inquiry in log.inquiries.get_each(left).values()
            if any(found := _end(inquiry, now))
        ]
        answers = log.inquiries.save_each((inquiry, _request(log, inquiry)) for inquiry, _ in over)
        for (_, found), saved in zip(over, answers, strict=True):
            if saved:
                ended = ended.plus(found)
        left = [one.id for (one, _), saved in zip(over, answers, strict=True) if not saved]
        if not left:
            return ended
    raise StaleVersionError(f"{len(left)} inquiries are changed too often by others: run it again")


def _end(inquiry: Inquiry, now: datetime) -> Forgotten:
    """End what has gone on for too long."""
    if inquiry.annulled:
        return Forgotten(0, 0)
    return Forgotten(_end_conversations(inquiry, now), _end_waits(inquiry, now))


def _end_conversations(inquiry: Inquiry, now: datetime) -> int:
    talks = [(v.number, v.answered) for v in inquiry.visits.values() if v.talking and v.answered]
    over = [(number, answer) for number, answer in talks if answer.at + LONGEST <= now]
    for number, answer in over:
        _end_one(inquiry, answer, number)
    direct = inquiry.conversation
    # While somebody talks in a visit, too, an end without a visit could mean either: next time.
    if not (direct and direct.at + LONGEST <= now and len(over) == len(talks)):
        return len(over)
    _end_one(inquiry, direct, None)
    return len(over) + 1


def _end_one(inquiry: Inquiry, answer: Answer, visit: int | None) -> None:
    inquiry.end(ended_by=EndedBy.UNKNOWN, at=answer.at + LONGEST, visit=visit)


def _end_waits(inquiry: Inquiry, now: datetime) -> int:
    waits = [visit for visit in inquiry.visits.values() if visit.waiting]
    over = [visit for visit in waits if visit.enqueued_at + LONGEST <= now]
    for visit in over:
        inquiry.leave_queue(
            reason=LeaveReason.LOST, at=visit.enqueued_at + LONGEST, visit=visit.number
        )
    return len(over)


def _request(log: Log, inquiry: Inquiry) -> Request:
    cause = log.keys.cause("command", "expire", f"{inquiry.id}/{inquiry.version}")
    return Request(actor="service:expire", cause=cause)

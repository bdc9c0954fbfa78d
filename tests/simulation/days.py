"""Days to look at, and what the aggregate makes of their commands."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.inquiry import Inquiry
from domain.vocabulary import (
    AnnulReason,
    Channel,
    Contact,
    Delivery,
    EndedBy,
    LeaveReason,
    Medium,
    Outcome,
    Plain,
    Purpose,
    TransferKind,
    code,
    digest,
)
from simulation.command import Command
from simulation.simulate import simulate

LEAP_DAY = date(2012, 2, 29)
SEOUL = ZoneInfo("Asia/Seoul")

METHODS = {
    "queue": "queue",
    "answer": "answer",
    "abandon": "abandon",
    "leave-queue": "leave_queue",
    "end": "end",
    "transfer": "transfer",
    "agency-reply": "agency_reply",
    "reply": "reply",
    "note": "note",
    "classify": "classify",
    "identify": "identify",
    "resolve": "resolve",
    "follow-ups": "follow_up",
    "report": "report_follow_up",
    "reopen": "reopen",
    "rating": "rate",
    "praise": "praise",
    "annul": "annul",
}
SEALED = ("question", "message", "reply", "note", "comment", "title", "story", "author")
COUNTED = ("of", "score", "holds", "talk_ms", "hold_ms", "wrapup_ms")
WORDS: dict[str, Callable[[Any], Any]] = {
    "at": datetime.fromisoformat,
    "citizen": UUID,
    "contact": lambda contact: Contact(code(contact["source"]), digest(contact["id"])),
    "channel": Channel,
    "ended_by": EndedBy,
    "medium": Medium,
    "purpose": Purpose,
    **dict.fromkeys(SEALED, Plain),
    **dict.fromkeys(COUNTED, lambda number: number),
}
"""What a field of a body is in the domain; a code unless it stands here."""

OF_COMMANDS: dict[str, dict[str, Callable[[Any], Any]]] = {
    "transfer": {"kind": TransferKind},
    "resolve": {"outcome": Outcome},
    "report": {"outcome": Delivery},
    "leave-queue": {"reason": LeaveReason},
    "annul": {"reason": AnnulReason},
}


def small_day(seed: int = 120, inquiries: int = 3_000, agents: int = 50) -> Iterator[Command]:
    """A day with as few agents that everything happens, refusals and lost callers included."""
    return simulate(day=LEAP_DAY, timezone=SEOUL, inquiries=inquiries, agents=agents, seed=seed)


def lived(commands: Iterable[Command]) -> dict[UUID, Inquiry]:
    """Let the aggregate decide on each command; each one has to add one version."""
    inquiries: dict[UUID, Inquiry] = {}
    for command in commands:
        arguments = _arguments(command)
        if command.name == "receive":
            inquiry = Inquiry.receive(command.inquiry, **arguments)
            assert inquiries.setdefault(command.inquiry, inquiry) is inquiry
            continue
        inquiry = inquiries[command.inquiry]
        version = inquiry.version
        refused = command.name == "leave-queue" and "queue" in command.body
        method = "turn_away" if refused else METHODS[command.name]
        getattr(inquiry, method)(**arguments)
        assert inquiry.version == version + 1, command
    return inquiries


def _arguments(command: Command) -> dict[str, Any]:
    words = WORDS | OF_COMMANDS.get(command.name, {})
    return {name: words.get(name, code)(value) for name, value in command.body.items()}

"""Made-up commands: clients who all go for the same inquiries and do not know of each other."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from random import Random
from typing import Any, NamedTuple

INQUIRIES = "/v1/inquiries"
RECEIVE = "receive"
STEPS = [RECEIVE, "queue", "answer", "end", "resolve"] * 2 + [
    "abandon", "transfer", "note", "note", "classify", "reopen", "rating", "praise", "follow-ups",
]  # fmt: skip
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WANTED = 12
"""The newest inquiries, which everybody goes for."""
AGREED = 0.3
"""Commands that name the version that they were decided on."""
SHARED = 0.3
"""Contacts that several channels may report, or have reported."""


class Answer(NamedTuple):
    """What a server said: the inquiry with its version, or why not."""

    status: int
    inquiry: str = ""
    version: int = 0
    problem: str = ""

    @property
    def accepts(self) -> bool:
        return self.status in (HTTPStatus.OK, HTTPStatus.CREATED)


@dataclass(slots=True)
class Command:
    """What a client wants done once, the keys that it was sent under, and all answers to it."""

    client: str
    step: str
    body: Mapping[str, Any]
    inquiry: str = ""
    if_match: int | None = None
    keys: set[str] = field(default_factory=set)
    answers: list[Answer] = field(default_factory=list)

    @property
    def path(self) -> str:
        return f"{INQUIRIES}/{self.inquiry}/{self.step}" if self.inquiry else INQUIRIES

    @property
    def acceptances(self) -> set[Answer]:
        return {answer for answer in self.answers if answer.accepts}


class Inventor:
    """Makes up the commands of one client; no two of any clients are of the same time."""

    def __init__(self, number: int, chance: Random) -> None:
        self.client = f"client-{number}"
        self.chance = chance
        self._number = number
        self._made = 0
        self._last_ms = 0

    def command(self, known: Mapping[str, int]) -> Command:
        """Return a command, mostly to one of the `known` inquiries, maybe on its known version."""
        self._made += 1
        step = self.chance.choice(STEPS) if known else RECEIVE
        body = self._body(step, f"{self.client}/{self._made}", len(known))
        if step == RECEIVE:
            return Command(self.client, step, body)
        inquiry = self.chance.choice(list(known)[-WANTED:])
        agreed = self.chance.random() < AGREED
        return Command(self.client, step, body, inquiry, known[inquiry] if agreed else None)

    def _now(self) -> str:
        self._last_ms = max(time.time_ns() // 1_000_000, self._last_ms + 1)
        return (
            EPOCH + timedelta(milliseconds=self._last_ms, microseconds=self._number)
        ).isoformat()

    def _body(self, step: str, ref: str, inquiries: int) -> dict[str, Any]:
        pick, number = self.chance.choice, self.chance.randrange
        visit = number(1, 3)
        if step == "queue":  # at the server's time: what makes a retry safe is its key alone
            return {"queue": pick(["general", "water"]), "contact": {"source": "pbx", "id": ref}}
        if step == RECEIVE and self.chance.random() >= SHARED:
            return {"channel": "phone", "at": self._now()}
        shared = {"source": "pbx", "id": str(inquiries + number(-WANTED, WANTED))}
        bodies: dict[str, dict[str, Any]] = {
            RECEIVE: {"channel": "phone", "contact": shared},
            "answer": {"agent": self.client, "visit": visit},
            "end": {"ended_by": "agent", "visit": visit, "talk_ms": number(600_000)},
            "resolve": {"outcome": "answered", "agent": self.client},
            "abandon": {"visit": visit},
            "transfer": {"ref": ref, "kind": "agency", "to": "bus-company"},
            "note": {"ref": ref, "kind": "memo", "note": ref},
            "classify": {"category": pick(["bus", "tax", "water"])},
            "reopen": {"reason": "wrong"},
            "rating": {"score": number(1, 6)},
            "praise": {"ref": ref, "title": "고마워요", "story": ref, "author": "장미란"},
            "follow-ups": {"ref": ref, "medium": "sms", "purpose": "care", "message": ref},
        }
        return {"at": self._now(), **bodies[step]}

"""What clients heard, held against the log."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import NamedTuple

from eventlog.database import Database
from eventlog.keys import Keys
from tests.faults.made_up import RECEIVE, Command

REFUSALS = {HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED}


class Event(NamedTuple):
    """An event of the log, and the command that caused it."""

    position: int
    inquiry: str
    version: int
    cause: str


def events(database: Database) -> list[Event]:
    """Return the log, by position."""
    with database.connect() as connection:
        rows = connection.execute(
            "SELECT position, stream_id::text, version,"
            " convert_from(record, 'UTF8')::jsonb ->> 'causationid' FROM log ORDER BY position"
        )
        return [Event(*row) for row in rows]


@dataclass(frozen=True)
class Ledger:
    """All that clients sent and heard, beside the log as it is afterwards."""

    commands: Sequence[Command]
    log: Sequence[Event]
    keys: Keys

    def faults(self) -> dict[str, int]:
        """Return how often which promise was broken; nothing when all were kept."""
        found = Counter(fault for command in self.commands for fault in self._faults_of(command))
        found["a gap in the positions"] = sum(
            event.position != place for place, event in enumerate(self.log, start=1)
        )
        found["a gap in the versions"] = sum(
            versions != list(range(1, len(versions) + 1)) for versions in self._streams.values()
        )
        found["asked for by nobody"] = len(self.log) - sum(
            len(self._recorded(command)) for command in self.commands
        )
        return {promise: count for promise, count in found.items() if count}

    def versions(self) -> dict[str, int]:
        """Return the inquiries that clients know to be there, with the last version they heard."""
        known: dict[str, int] = {}
        for command in self.commands:
            for answer in command.acceptances:
                known[answer.inquiry] = max(answer.version, known.get(answer.inquiry, 0))
        return known

    def notes(self) -> dict[tuple[str, int], str]:
        """Return the texts of the notes that clients had accepted, by inquiry and version."""
        return {
            (answer.inquiry, answer.version): command.body["note"]
            for command in self.commands
            for answer in command.acceptances
            if command.step == "note"
        }

    def kpi(self) -> dict[str, int]:
        """Return sums of KPIs as the clients would count them: by what they had accepted."""
        done = [command for command in self.commands if self._recorded(command)]
        steps = Counter(command.step for command in done)
        talks = [command.body["talk_ms"] for command in done if command.step == "end"]
        scores = [command.body["score"] for command in done if command.step == "rating"]
        return {
            "received": steps[RECEIVE],
            "offered": steps["queue"],
            "answered": steps["answer"],
            "answered_inquiries": len({c.inquiry for c in done if c.step == "answer"}),
            "abandoned": steps["abandon"],
            "waiting": steps["queue"] - steps["answer"] - steps["abandon"],
            "ended": len(talks),
            "talk_ms": sum(talks),
            "resolutions": steps["resolve"],
            "reopened": steps["reopen"],
            "rated": len(scores),
            "score_sum": sum(scores),
            "satisfied": sum(score in (4, 5) for score in scores),
            "transferred_agency": steps["transfer"],
            "praised": steps["praise"],
            "followed_up_sms": steps["follow-ups"],
        }

    def _faults_of(self, command: Command) -> Iterator[str]:
        recorded, accepted = self._recorded(command), command.acceptances
        if not command.answers:
            yield "left without an answer"
        if any(not a.accepts and a.status not in REFUSALS for a in command.answers):
            yield "answered by an error"
        if accepted and not command.answers[-1].accepts:
            yield "accepted, then refused"
        if len({(answer.inquiry, answer.version) for answer in accepted}) > 1:
            yield "answered in two ways"
        if len(recorded) > 1:
            yield "carried out twice"
        if recorded and not accepted:
            yield "refused, but in the log"
        if accepted and not recorded and not _may_be_known(command):
            yield "accepted, but not in the log"
        places = {(event.inquiry, event.version) for event in recorded} or self._places
        if any((answer.inquiry, answer.version) not in places for answer in accepted):
            yield "answered with another place in the log"

    def _recorded(self, command: Command) -> list[Event]:
        causes = (self.keys.cause("command", command.client, key) for key in command.keys)
        return [event for cause in causes for event in self._by_cause.get(cause, [])]

    @cached_property
    def _by_cause(self) -> dict[str, list[Event]]:
        caused: dict[str, list[Event]] = defaultdict(list)
        for event in self.log:
            caused[event.cause].append(event)
        return caused

    @cached_property
    def _streams(self) -> dict[str, list[int]]:
        versions: dict[str, list[int]] = defaultdict(list)
        for event in self.log:
            versions[event.inquiry].append(event.version)
        return versions

    @cached_property
    def _places(self) -> set[tuple[str, int]]:
        return {(event.inquiry, event.version) for event in self.log}


def _may_be_known(command: Command) -> bool:
    """Say whether it records nothing where somebody else has told the same."""
    if command.step == RECEIVE:
        return "contact" in command.body
    return command.step in {"rating", "classify"}

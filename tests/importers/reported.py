"""A gateway that reports contacts, and what the log then holds of them."""

import json
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from eventlog.log import Log
from importers.contact_report import ContactReport
from importers.contacts import import_contacts

Envelope = dict[str, Any]


@dataclass(frozen=True)
class Gateway:
    log: Log
    source: str
    file: Path
    _ids: "count[int]" = field(default_factory=lambda: count(1))

    def step(self, kind: str, second: int, /, contact: str = "c1", **data: Any) -> Envelope:
        """Return an envelope of its own, `second` after nine in Seoul."""
        return {
            "specversion": "1.0",
            "source": self.source,
            "id": f"message-{next(self._ids)}",
            "type": f"contact.{kind}.v1",
            "subject": contact,
            "time": f"2012-02-29T09:{second // 60:02}:{second % 60:02}+09:00",
            "data": data,
        }

    def call(self, contact: str = "c1", **data: Any) -> list[Envelope]:
        """Return what is reported of a call that is answered after 9 seconds, and resolved."""
        return [
            self.step("received", 0, contact, channel="phone", **data),
            self.step("queued", 1, contact, queue="general"),
            self.step("answered", 10, contact, queue="general", agent="a1"),
            self.step(
                "ended", 70, contact, queue="general", ended_by="citizen", talk_ms=60_000
            ),
            self.step("resolved", 71, contact, outcome="answered", agent="a1"),
            self.step("rated", 100, contact, score=5),
        ]  # fmt: skip

    def tell(self, *steps: Envelope | str) -> ContactReport:
        """Import steps, and lines as they are, from a file."""
        lines = [step if isinstance(step, str) else json.dumps(step) for step in steps]
        self.file.write_text("".join(f"{line}\n" for line in lines))
        return import_contacts(self.log, self.file)

    def stream(self, contact: str = "c1") -> UUID:
        return self.log.keys.inquiry_id(self.source, contact)

    def events(self, contact: str = "c1") -> list[dict[str, Any]]:
        with self.log.database.connect() as connection:
            rows = connection.execute(
                "SELECT record FROM log WHERE stream_id = %s ORDER BY position",
                [self.stream(contact)],
            ).fetchall()
        return [orjson.loads(row[0]) for row in rows]

    def types(self, contact: str = "c1") -> list[str]:
        """Return what happened to a contact, without prefix and version."""
        return [event["type"].split(".")[1] for event in self.events(contact)]

    def data(self, kind: str, contact: str = "c1") -> list[dict[str, Any]]:
        """Return the data of a contact's events of one kind."""
        return [e["data"] for e in self.events(contact) if e["type"] == f"inquiry.{kind}.v1"]

    def waiting(self) -> list[bytes]:
        """Return what is kept of steps that wait, of any gateway."""
        with self.log.database.connect() as connection:
            rows = connection.execute("SELECT step FROM vault.pending").fetchall()
        return [row[0] for row in rows]

    def let_an_hour_pass(self) -> None:
        """Make what waits older."""
        with self.log.database.connect_as_owner() as owner:
            owner.execute("UPDATE vault.pending SET kept_at = kept_at - interval '1 hour'")

"""A telephone system whose queue_log is imported, and what the log then holds of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from domain.inquiry import Inquiry
from eventlog.log import Log
from importers.queue_log import import_queue_log
from importers.report import Report

SEOUL = ZoneInfo("Asia/Seoul")
EPOCH = 1330441200
"""2012-02-29 00:00 in Seoul."""


def line(second: int, call: str, queue: str, agent: str, event: str, *data: object) -> str:
    """Return a line of `second` after `EPOCH`."""
    return "|".join(map(str, (EPOCH + second, call, queue, agent, event, *data)))


def entered(second: int, call: str = "c1", queue: str = "general", caller: str = "") -> str:
    return line(second, call, queue, "NONE", "ENTERQUEUE", "", caller, 1)


def connected(
    second: int, call: str = "c1", queue: str = "general", agent: str = "Agent/a01", *, wait: int
) -> str:
    return line(second, call, queue, agent, "CONNECT", wait, f"{call}.b", 1)


def completed(
    second: int, call: str = "c1", queue: str = "general", *, wait: int, talk: int
) -> str:
    return line(second, call, queue, "Agent/a01", "COMPLETECALLER", wait, talk, 1)


def abandoned(second: int, call: str = "c1", queue: str = "general", *, wait: int) -> str:
    return line(second, call, queue, "NONE", "ABANDON", 1, 1, wait)


def timed_out(second: int, call: str = "c1", queue: str = "general", *, wait: int) -> str:
    return line(second, call, queue, "NONE", "EXITWITHTIMEOUT", 1, 1, wait)


def blindly_transferred(
    second: int, to: str, call: str = "c1", queue: str = "general", *, wait: int, talk: int
) -> str:
    return line(second, call, queue, "Agent/a01", "BLINDTRANSFER", to, "inside", wait, talk, 1)


@dataclass(frozen=True)
class City:
    log: Log
    source: str
    file: Path

    def read(self, lines: Sequence[str]) -> Report:
        """Import lines from a file."""
        self.file.write_text("".join(f"{text}\n" for text in lines))
        return self.read_file(self.file)

    def read_file(self, path: Path) -> Report:
        return import_queue_log(self.log, path, timezone=SEOUL, source=self.source)

    def records(self, *calls: str) -> list[bytes]:
        """Return the records of the calls, in the order of the log."""
        streams = [self.log.keys.inquiry_id(self.source, call) for call in calls or ("c1",)]
        with self.log.database.connect() as connection:
            rows = connection.execute(
                "SELECT record FROM log WHERE stream_id = ANY (%s) ORDER BY position", [streams]
            ).fetchall()
        return [row[0] for row in rows]

    def inquiries(self) -> list[Inquiry]:
        """Return all inquiries that the source's lines made or changed."""
        actor = f'"actor":"import:{self.source}"'.encode()
        with self.log.database.connect() as connection:
            rows = connection.execute(
                "SELECT DISTINCT stream_id FROM log WHERE position(%b IN record) > 0", [actor]
            ).fetchall()
        return list(self.log.inquiries.get_each([stream for (stream,) in rows]).values())

    def events(self, *calls: str) -> list[dict[str, Any]]:
        return [orjson.loads(record) for record in self.records(*calls)]

    def types(self, call: str = "c1") -> list[str]:
        """Return what happened to a call, without prefix and version."""
        return [event["type"].split(".")[1] for event in self.events(call)]

    def data(self, kind: str, call: str = "c1") -> list[dict[str, Any]]:
        """Return the data of a call's events of one kind."""
        return [e["data"] for e in self.events(call) if e["type"] == f"inquiry.{kind}.v1"]

    def facts(self, *calls: str) -> list[tuple[object, ...]]:
        """Return what the log holds of calls, comparable with that of another source."""
        return sorted(map(_fact, self.events(*calls)), key=repr)


FACTS = ("enqueued_at", "queue", "agent", "waited_ms", "talk_ms", "ended_by", "reason", "to",
         "from_agent")  # fmt: skip


def fact(kind: str, time: str, /, **told: object) -> tuple[object, ...]:
    """Return what is compared of an event."""
    return (time, kind, *(told.get(name) for name in FACTS))


def _fact(event: dict[str, Any]) -> tuple[object, ...]:
    return fact(event["type"].split(".")[1], event["time"], **event["data"])

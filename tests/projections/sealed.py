"""A small log whose segments reach back into each other, and what can be done to its archive."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb

from domain.inquiry import Inquiry
from domain.vocabulary import AnnulReason, Channel, Outcome, code
from eventlog.archive import Archive
from eventlog.log import Log, assembled
from eventlog.manifest import Manifest, entry_of
from projections.archive_checking import Verified, verify
from projections.sealing import ORDER, seal
from tests.conftest import Servers
from tests.domain.building import CALL, NINE, WORDS
from tests.projections.calls import abandoned, answered
from tests.projections.histories import REQUEST

SIZE = 8
"""Positions of a segment: three segments, and three events that wait."""

HOUR = timedelta(hours=1)


def tell_days(log: Log) -> None:
    """Append 27 events: what is re-labelled, annulled and re-opened late began in other segments.

    Positions 1 to 4, 10, 16 to 18 are a call's, 5 to 7 and 19 one that is annulled, 8, 9, 15 and 20
    a message's; 11 to 14, 21 to 24 and 25 to 27 are other calls.
    """
    call = answered(NINE, language="ko", category="water", district="jung-gu")
    gone = abandoned(NINE)
    message = Inquiry.receive(uuid4(), at=NINE, channel=Channel.SMS, contact=CALL)
    message.reply(agent=code("a2"), message=WORDS, at=NINE + HOUR)
    _save(log, call, gone, message)
    call.resolve(outcome=Outcome.ANSWERED, agent=code("a1"), at=NINE + HOUR)
    message.resolve(outcome=Outcome.ANSWERED, agent=code("a2"), at=NINE + 2 * HOUR)
    _save(log, call, answered(NINE + HOUR), message)
    call.rate(score=5, at=NINE + 3 * HOUR)
    call.classify(category=code("taxes"), district=code("jung-gu"), at=NINE + 3 * HOUR)
    call.praise(ref=code("p"), title=WORDS, story=WORDS, author=WORDS, at=NINE + 4 * HOUR)
    gone.annul(reason=AnnulReason.TEST, at=NINE + 4 * HOUR)
    message.reopen(reason=code("wrong"), at=NINE + 5 * HOUR)
    _save(log, call, gone, message, answered(NINE + 5 * HOUR), abandoned(NINE + 5 * HOUR))


@contextmanager
def told_days(servers: Servers, name: str) -> Iterator[Log]:
    """Yield a log in which those days were told, and that tests share: nobody may change it."""
    with (
        servers.database(name) as database,
        assembled(servers.timeless, database, servers.keys) as log,
    ):
        tell_days(log)
        yield log


def _save(log: Log, *inquiries: Inquiry) -> None:
    assert all(log.inquiries.save_each((inquiry, REQUEST) for inquiry in inquiries))


class Sealed:
    """An archive of one's own in a folder, to be changed as somebody might who wants to deceive."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.archive = Archive(str(folder))

    def copy(self, folder: Path) -> "Sealed":
        shutil.copytree(self.folder, folder)
        return Sealed(folder)

    @property
    def segments(self) -> list[Manifest]:
        return self.archive.segments()

    def verified(self) -> Verified:
        return verify(self.archive)

    def fault(self) -> str:
        """Return what is wrong first, which there must be."""
        fault = self.verified().fault
        assert fault is not None
        return str(fault)

    def path(self, name: str) -> Path:
        return self.folder / name

    def flip(self, name: str, at: float) -> None:
        """Change one bit of a file, at so much of it."""
        contents = bytearray(self.path(name).read_bytes())
        contents[int(at * (len(contents) - 1))] ^= 1
        self.path(name).write_bytes(contents)

    def change(self, number: int, **fields: Any) -> None:
        """Change fields of a segment's manifest."""
        path = self.path(self.segments[number].name)
        path.write_text(json.dumps(json.loads(path.read_bytes()) | fields))

    def rewrite(self, number: int, which: str, select: str) -> None:
        """Write a segment's file anew: a SELECT over its rows, `kept`, with a manifest to match."""
        manifest = self.segments[number]
        path = self.path(getattr(manifest, which).name)
        part = path.with_suffix(".part")
        duckdb.execute(
            f"COPY (WITH kept AS (FROM read_parquet('{path}')) {select})"
            f" TO '{part}' (FORMAT parquet, COMPRESSION zstd)"
        )
        part.rename(path)
        self.match(number, which)

    def edit(self, number: int, which: str, change: str, where: str) -> None:
        """Replace columns of a file's rows, as REPLACE has them, with a manifest to match."""
        order = ORDER if which == "events" else "position"
        self.rewrite(
            number,
            which,
            f"SELECT * REPLACE ({change}) FROM kept WHERE {where}"  # noqa: S608 - ours
            f" UNION ALL BY NAME SELECT * FROM kept WHERE ({where}) IS NOT TRUE ORDER BY {order}",
        )

    def match(self, number: int, which: str) -> None:
        """Let a segment's manifest say what its file is by now."""
        path = self.path(getattr(self.segments[number], which).name)
        [[rows]] = duckdb.execute(f"FROM read_parquet('{path}') SELECT count(*)").fetchall()
        self.vouch(number, which, rows=rows)

    def vouch(self, number: int, which: str, rows: int | None = None) -> None:
        """Let a segment's manifest have the hash that its file has by now."""
        entry = getattr(self.segments[number], which)
        due = entry.rows if which == "records" or rows is None else rows
        self.change(number, **{which: entry_of(self.path(entry.name), due).model_dump()})


def sealed(log: Log, folder: Path, *, events: int = SIZE) -> Sealed:
    """Return the archive of a log in segments of so many events."""
    seal(log.database, Archive(str(folder)), events=events)
    return Sealed(folder)

"""Published KPIs, and what becomes of them in an export."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import orjson

from cli.publishing import Published, published
from eventlog.archive import Archive
from eventlog.checkpoint import Signer, signer_of
from projections.as_of import moment_at
from projections.asking import ask
from projections.asking_history import Past
from projections.exported import Export
from projections.exporting import export
from projections.question import Question
from projections.replaying import Replayed, replay
from projections.sealing import seal
from tests.projections.city import City
from tests.projections.forging import forged


def publish(city: City, question: Question, as_of: int | None = None) -> Published:
    """Publish the answer to a question: as it is known now, or as of a position."""
    city.catch_up()
    nothing_sealed = Archive("/nowhere")
    past = Past(city.connection, nothing_sealed, city.log.settings.timezone)
    moment = None if as_of is None else moment_at(city.connection, as_of)
    [told] = ask(past, [question], as_of=moment)
    return published(city.log, city.connection, question, told)


def signer(city: City) -> Signer:
    return signer_of(city.log.settings.source, city.log.settings.home)


def exported(city: City, folder: Path, *, events: int) -> Path:
    """Return an export of a city's log, in segments of so many events."""
    archive = Archive(str(folder / "archive"))
    seal(city.log.database, archive, events=events)
    export(city.log.database, archive, signer(city), folder / "export")
    return folder / "export"


def replayed(folder: Path) -> Sequence[Replayed]:
    kept = Export(folder)
    checked, found = replay(kept, kept.verifier)
    assert checked.fault is None
    return found


def wrong(folder: Path) -> list[str]:
    """Return what is wrong with each statement that is wrong."""
    return [one.reason for one in replayed(folder) if one.reason]


def records(folder: Path) -> list[bytes]:
    """Return all records of an export, in order."""
    kept = Export(folder)
    paths = [str(folder / "archive" / one.records.name) for one in kept.segments]
    sealed = duckdb.execute("SELECT record FROM read_parquet(?) ORDER BY position", [paths])
    rest = kept.rest(kept.checkpoint(kept.verifier).size)
    return [*(record.encode() for (record,) in sealed.fetchall()), *rest]


def changed(folder: Path, position: int, signer: Signer, change: Callable[[Any], object]) -> Path:
    """Change the data of an event as whoever has the key can: all of it is signed again."""
    told = records(folder)
    envelope = orjson.loads(told[position - 1])
    change(envelope["data"])
    told[position - 1] = orjson.dumps(envelope, option=orjson.OPT_SORT_KEYS)
    return forged(folder, told, signer)

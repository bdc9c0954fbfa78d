"""Published KPIs, recomputed from an export alone: equal, or the first figure that is not is named.

Whoever has the key can change a record and sign all of it again; what a statement says is still
not what the records make.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import orjson
import pytest

from domain.publishing import statements_of
from eventlog.checkpoint import CheckpointError, Signer
from eventlog.log import assembled
from projections.answer import answer
from projections.exported import Export
from projections.question import Question
from projections.replaying import Replayed, replay
from tests.conftest import Servers
from tests.domain.building import NINE
from tests.projections.calls import SEOUL
from tests.projections.chronicle import tell_end, tell_inquiries
from tests.projections.city import City
from tests.projections.forging import forged
from tests.projections.published import (
    changed,
    exported,
    publish,
    records,
    replayed,
    signer,
    wrong,
)

Data = dict[str, Any]

DAYS = (NINE - timedelta(days=1), NINE + timedelta(days=3))
TOTAL = Question(*DAYS, SEOUL)
BY_AGENT = Question(*DAYS, SEOUL, ("agent",))
BY_HOUR = Question(*DAYS, SEOUL, ("hour", "channel"))
ASKED = [
    TOTAL,
    BY_AGENT,
    BY_HOUR,
    Question(*DAYS, SEOUL, ("day", "queue", "language"), threshold_s=17, short_s=1),
    Question(*DAYS, SEOUL, ("category", "district"), {"channel": ("phone", "sms")}),
    Question(*DAYS, SEOUL, ("agency", "category")),
    Question(NINE, DAYS[1], SEOUL, ("channel",), {"language": ("ko", "")}, threshold_s=60),
    Question(*DAYS, SEOUL, ("agent", "category"), threshold_s=17),  # which the view has not
    Question(*DAYS, ZoneInfo("America/New_York"), ("month", "channel", "queue")),
]

SIZE = 64
"""Positions of a segment."""


class Kept(NamedTuple):
    """An export, and where each statement in it stands."""

    folder: Path
    signer: Signer
    positions: list[int]
    live: Data
    """The sums of `TOTAL` as they are known at the end."""


@contextmanager
def made(servers: Servers, name: str, folder: Path, tell: Callable[[City], list[int]]) -> Any:
    """Yield the export of a city that `tell` tells of, which returns where its statements are."""
    with (
        servers.database(name) as database,
        assembled(servers.timeless, database, servers.keys) as log,
        log.database.connect() as connection,
    ):
        city = City(log, connection)
        positions = tell(city)
        city.catch_up()
        live = answer(connection, TOTAL).rows[0].sums
        yield Kept(exported(city, folder, events=SIZE), signer(city), positions, live)


@pytest.fixture(scope="module")
def kept(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """Statements before and after much was restated, and some of moments between."""

    def tell(city: City) -> list[int]:
        told = tell_inquiries(city.log)
        before = [publish(city, question).position for question in ASKED]
        tell_end(city.log, told)
        moments = zip(ASKED[-5:], (0, SIZE + 6, SIZE, 60, city.position - 7), strict=True)
        back = [publish(city, question, as_of=at).position for question, at in moments]
        return [*before, *back, publish(city, TOTAL).position]

    with made(servers, "replaying", tmp_path_factory.mktemp("replaying"), tell) as kept:
        yield kept


@pytest.fixture(scope="module")
def found(kept: Kept) -> Sequence[Replayed]:
    return replayed(kept.folder)


@pytest.fixture(scope="module")
def short(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """Two statements, in total and by agent."""

    def tell(city: City) -> list[int]:
        tell_inquiries(city.log)
        return [publish(city, question).position for question in (TOTAL, BY_AGENT)]

    with made(servers, "replaying_short", tmp_path_factory.mktemp("replaying"), tell) as kept:
        yield kept


@pytest.fixture
def taken(short: Kept, tmp_path: Path) -> Path:
    """A copy of the short export, to be changed."""
    shutil.copytree(short.folder, tmp_path / "export")
    return tmp_path / "export"


Change = Callable[[int, Callable[[Data], object]], list[str]]


@pytest.fixture
def after(short: Kept, taken: Path) -> Change:
    """Return what tells what is wrong once the data of an event was changed and signed again."""

    def tell(position: int, change: Callable[[Data], object]) -> list[str]:
        return wrong(changed(taken, position, short.signer, change))

    return tell


def digested(data: Data) -> None:
    """Let the digest be that of the rows, as whoever changed them would."""
    text = orjson.dumps(data["rows"], option=orjson.OPT_SORT_KEYS)
    data["digest"] = hashlib.sha256(text).hexdigest()


# What was published


def test_every_statement_is_what_the_records_make(kept: Kept, found: Sequence[Replayed]) -> None:
    assert [(one.position, one.reason) for one in found] == [(at, None) for at in kept.positions]


def test_they_are_of_positions_at_the_ends_of_segments_within_and_behind(
    kept: Kept, found: Sequence[Replayed]
) -> None:
    archived = Export(kept.folder).archived
    of = {one.statement.position for one in found if one.statement}

    assert {0, SIZE, SIZE + 6} < of
    assert any(position > archived for position in of)


def test_what_was_restated_since_is_not_what_was_said(
    kept: Kept, found: Sequence[Replayed]
) -> None:
    first = found[0].statement
    assert first
    assert first.rows
    said: Data = dict(zip(first.names, first.rows[0].sums, strict=True))

    for name in ("received", "answered", "abandoned", "reopened"):
        assert said[name] != kept.live[name]


def test_too_many_rows_are_told_by_their_digest_alone(found: Sequence[Replayed]) -> None:
    by_hour = found[ASKED.index(BY_HOUR)].statement

    assert by_hour
    assert by_hour.rows is None
    assert by_hour.row_count > len(BY_HOUR.buckets())


def test_statements_are_one_stream_without_a_gap(found: Sequence[Replayed]) -> None:
    statements = [one.statement for one in found if one.statement]

    assert {one.originator_id for one in statements} == {statements_of("/dasan/seoul")}
    assert [one.originator_version for one in statements] == [*range(1, len(found) + 1)]


# What somebody changed who can sign


def test_the_short_export_is_sound(taken: Path, short: Kept) -> None:
    assert wrong(taken) == []
    assert wrong(forged(taken, records(taken), short.signer)) == []


def test_a_changed_sum_is_named(short: Kept, after: Change) -> None:
    def one_more(data: Data) -> None:
        data["rows"][0]["sums"][data["names"].index("received")] += 1
        digested(data)

    first = after(short.positions[0], one_more)[0]

    received = short.live["received"]
    assert first == (
        "received from 2012-02-28T09:00:00+09:00 to 2012-03-03T09:00:00+09:00 is"
        f" {received + 1}, and the records make it {received}"
    )


def test_a_changed_sum_is_named_by_its_labels(short: Kept, after: Change) -> None:
    def one_less(data: Data) -> None:
        data["rows"][-1]["sums"][data["names"].index("replied")] -= 1
        digested(data)

    [reason] = after(short.positions[1], one_less)

    assert reason.startswith("replied from ")
    assert ", agent a120 is -1, and the records make it 0" in reason


def test_a_counted_event_that_was_changed_is_another_log(short: Kept, after: Change) -> None:
    reasons = after(1, lambda data: data.update(channel="video"))

    assert len(reasons) == len(short.positions)
    assert all("it was published of another log" in reason for reason in reasons)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: data["rows"].pop(), "it has 0 rows, and says that they are 1"),
        (lambda data: data["rows"][0]["sums"].insert(0, 7), "its digest is not that of its rows"),
        (lambda data: data.update(rows=None, digest="0" * 64), "the digest of its 1 rows is 000"),
        (lambda data: data.update(position=10**6), "of position 1,000,000, which is not before"),
        (lambda data: data.update(root="0" * 64), "records is 000000000000…, and the export's"),
        (
            lambda data: data.update(definition="0" * 64, rows=None, digest="0" * 64),
            "replay it with the version of that definition. It was published with dasan/",
        ),
        (lambda data: data.update(names=["nothing"]), "the sum nothing, which this program does"),
        (lambda data: data.update(timezone="Asia/Soul"), "No time zone found with key Asia/Soul"),
        (lambda data: data.update(by=["colour"]), "there is no grouping by 'colour'"),
        (lambda data: data.update(by=["queue", "agency"]), "belongs to no queue"),
        (lambda data: data.update(short_s=200), "short_abandoned from 2012-02-28T"),
        (lambda data: data.update(by=["hour"]), "it has a row from 2012-02-28T09:00:00+09:00 to"),
        (lambda data: data.pop("rows"), "not an event that this version knows"),
    ],
)
def test_a_statement_that_does_not_hold_is_told(
    short: Kept, after: Change, change: Callable[[Data], object], reason: str
) -> None:
    assert reason in after(short.positions[0], change)[0]


def test_another_definition_that_makes_the_same_figures_is_a_note(short: Kept, taken: Path) -> None:
    changed(taken, short.positions[0], short.signer, lambda data: data.update(definition="0" * 64))

    older = replayed(taken)[0]

    assert older.reason is None
    assert older.note
    assert older.note.startswith("its definition is 000000000000…, and this program's ")
    assert older.note.endswith("makes the same figures")


# What cannot be replayed


def test_the_checkpoint_has_to_be_signed(taken: Path) -> None:
    with pytest.raises(CheckpointError, match="no signature by /dasan/seoul"):
        replay(Export(taken), Signer("/dasan/seoul", bytes(32)).verifier)


def test_tiles_that_are_not_those_of_the_checkpoint_are_told(taken: Path) -> None:
    [tile] = (taken / "tile" / "0").rglob("*.p/*")
    tile.write_bytes(bytes(32) + tile.read_bytes()[32:])

    assert "has not the hash that the tree has there" in unverified(taken)


def test_a_missing_tile_is_told(taken: Path) -> None:
    shutil.rmtree(taken / "tile" / "0")

    assert "tile/0/000.p/" in unverified(taken)


def test_a_segment_that_cannot_be_read_is_told(taken: Path) -> None:
    for path in (taken / "archive").glob("*.records.parquet"):
        path.write_bytes(b"nothing")

    assert ".records.parquet: it has 7 bytes, and its manifest says" in unverified(taken)


def unverified(folder: Path) -> str:
    """Return why an export is not replayed at all."""
    checked, found = replay(Export(folder), Export(folder).verifier)
    assert not found
    return str(checked.fault)

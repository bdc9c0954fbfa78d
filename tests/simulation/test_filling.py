"""The history in the log: as the service would have written it, once, whatever interrupts it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

import orjson
import pytest

from cli.answering import caught_up
from domain.events import Received
from domain.vocabulary import Sealed
from eventlog.inspection import inspect
from eventlog.log import Log, assembled
from eventlog.reader import StoredRecord, head, read
from eventlog.record import decode
from projections.answer import answer
from projections.question import Question
from simulation import filling
from simulation.command import Command
from simulation.filling import Filled, fill
from simulation.history import History
from simulation.simulate import simulate
from simulation.words import QUESTIONS
from tests.conftest import Servers
from tests.simulation.days import SEOUL
from tests.simulation.figures import figures

MONTH = History(date(2012, 2, 1), date(2012, 2, 29), scale=0.001)
SEED = 120


def filled(log: Log, history: History = MONTH, **told: Any) -> Filled:
    return fill(log.settings, log.database, log.keys, history, seed=SEED, **told)


@contextmanager
def log_named(servers: Servers, name: str) -> Iterator[Log]:
    with (
        servers.database(name) as database,
        assembled(servers.settings, database, servers.keys) as log,
    ):
        yield log


@pytest.fixture(scope="module")
def month(servers: Servers) -> Iterator[Log]:
    """A log with a small month, told in one go."""
    with log_named(servers, "test_filling_month") as log:
        filled(log)
        yield log


@pytest.fixture(scope="module")
def records(month: Log) -> list[StoredRecord]:
    return stored(month)


@pytest.fixture(scope="module")
def commands() -> list[Command]:
    return [
        command
        for day in MONTH.days()
        for command in simulate(
            day=day.date, timezone=SEOUL, inquiries=day.inquiries, agents=day.agents, seed=SEED,
            satisfied=day.satisfied,
        )
    ]  # fmt: skip


def stored(log: Log) -> list[StoredRecord]:
    with log.database.connect() as connection:
        return read(connection, after=0, limit=100_000)


def facts(records: list[StoredRecord]) -> list[tuple[UUID, int, str, object]]:
    """What records say, without what is made by chance: keys and what is sealed under them."""
    return [
        (record.stream, record.version, record.type, orjson.loads(record.record)["recordedtime"])
        for record in records
    ]


def test_every_command_becomes_one_event(month: Log, commands: list[Command]) -> None:
    with month.database.connect() as connection:
        assert head(connection) == len(commands)


def test_the_log_is_sound(month: Log, records: list[StoredRecord]) -> None:
    with month.database.connect() as connection:
        assert inspect(connection, upto=len(records)).fault is None


def test_what_happens_is_recorded_as_it_happens(records: list[StoredRecord]) -> None:
    for record in records:
        told = orjson.loads(record.record)

        assert told["recordedtime"] == told["time"]
        assert told["actor"] == "service:simulation"


def test_the_line_counts_what_was_told(month: Log, commands: list[Command]) -> None:
    begin, end = (datetime.combine(day, time(), SEOUL) for day in (MONTH.first, date(2012, 4, 1)))
    with caught_up(month) as connection:
        total = answer(connection, Question(begin, end, SEOUL)).rows[0]

    counted = figures(commands)
    for name in ("received", "answered", "abandoned", "answered_inquiries", "rated"):
        assert total.sums[name] == getattr(counted, name)
    assert total.ratios["satisfaction"] == pytest.approx(counted.satisfaction)
    assert total.ratios["first_agent_resolution"] == pytest.approx(counted.first_agent_resolution)


def test_every_inquiry_can_go_on(month: Log, records: list[StoredRecord]) -> None:
    versions = {record.stream: record.version for record in records}

    inquiries = month.inquiries.get_each([*versions])

    assert {id_: inquiry.version for id_, inquiry in inquiries.items()} == versions


def test_texts_are_sealed_under_a_key_of_the_inquiry(
    month: Log, records: list[StoredRecord]
) -> None:
    questions = {
        record.stream: fact.question
        for record in records
        if isinstance(fact := decode(record.record), Received) and isinstance(fact.question, Sealed)
    }

    assert len({question.k for question in questions.values()}) == len(questions) > 0
    for stream, question in questions.items():
        assert month.vault.open(question, stream, Received.TYPE, "question") in QUESTIONS


def test_an_inquiry_has_one_key(month: Log) -> None:
    with month.database.connect() as connection:
        row = connection.execute(
            "SELECT count(*), count(DISTINCT stream_id) FROM vault.key"
        ).fetchone()

    assert row is not None
    assert row[0] == row[1] > 0


def test_a_second_time_nothing_is_added(month: Log, records: list[StoredRecord]) -> None:
    again = filled(month)

    assert again == Filled(days=29, inquiries=sum(d.inquiries for d in MONTH.days()), events=0)
    assert stored(month) == records


def test_what_broke_off_goes_on_as_if_it_had_not(
    month: Log, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "BATCH_EVENTS", 1)  # a batch a day

    def break_off(days: int) -> None:
        if days == 12:  # at midnight an agency has an inquiry
            raise InterruptedError

    with log_named(servers, "test_filling_broken") as log:
        with pytest.raises(InterruptedError):
            filled(log, progress=break_off)
        broken = stored(log)

        rest = filled(log)

        whole = stored(log)
        assert whole[: len(broken)] == broken
        assert rest.events == len(whole) - len(broken)
        assert _streams(whole[: len(broken)]) & _streams(whole[len(broken) :])
        assert facts(whole) == facts(stored(month))


def test_what_outlives_its_day_stands_where_its_time_is(records: list[StoredRecord]) -> None:
    received: dict[UUID, date] = {}
    outlived = 0
    for record in records:
        on = decode(record.record).timestamp.astimezone(SEOUL).date()
        outlived += on > received.setdefault(record.stream, on)

    assert outlived > 0
    times = [orjson.loads(record.record)["time"] for record in records]
    assert times == sorted(times)


def _streams(records: list[StoredRecord]) -> set[UUID]:
    return {record.stream for record in records}

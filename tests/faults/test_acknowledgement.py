"""The acknowledgement is lost after the commit: the retry is the same command, not another one."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID, uuid4

import psycopg
import pytest

from domain.inquiries import KeyReusedError, Receipt
from domain.inquiry import Inquiry
from domain.request import Request
from domain.vocabulary import Code, Plain
from eventlog import reader
from eventlog.database import Database
from eventlog.log import Log, assembled
from eventlog.writer import Answer, Outcome
from tests.conftest import Servers, append
from tests.faults.line import Line, line_to
from tests.faults.subjects import NINE, append_on, command_of, inquiry_of, request_of


@pytest.fixture
def cut_log(servers: Servers, database: Database) -> Iterator[tuple[Line, Log]]:
    """A log whose line to the server can be cut; its writer is connected."""
    with (
        line_to(database) as (line, reached),
        assembled(servers.settings, reached, servers.keys) as log,
    ):
        log.inquiries.receive(inquiry_of(uuid4(), 1), request_of("the first", log.keys))
        yield line, log


def versions(log: Log, inquiry_id: UUID) -> list[int]:
    with log.database.connect() as connection:
        rows = reader.read(connection, after=0)
        return [row.version for row in rows if row.stream == inquiry_id]


def test_the_retry_of_an_append_gets_the_first_answer(cut_log: tuple[Line, Log]) -> None:
    line, log = cut_log
    inquiry_id = uuid4()
    command = command_of(log, inquiry_of(inquiry_id, 3), request_of("k1", log.keys), "the answer")

    line.cut_after_next_append()
    with pytest.raises(psycopg.OperationalError), log.database.connect() as connection:
        append_on(connection, command, log.keys)
    with log.database.connect() as connection:
        again = append_on(connection, command, log.keys)

    assert line.cuts == 1
    assert again == Answer(Outcome.REPEATED, 2, 4, "the answer")
    assert versions(log, inquiry_id) == [1, 2, 3]


def test_a_caller_with_a_key_notices_nothing(cut_log: tuple[Line, Log]) -> None:
    line, log = cut_log
    inquiry = inquiry_of(uuid4(), 3)

    line.cut_after_next_append()
    receipt = log.inquiries.receive(inquiry, request_of("k1", log.keys))

    assert line.cuts == 1
    assert receipt == Receipt(inquiry.id, 3)
    assert versions(log, inquiry.id) == [1, 2, 3]


def test_a_caller_without_a_key_notices_nothing(cut_log: tuple[Line, Log]) -> None:
    line, log = cut_log
    inquiry = inquiry_of(uuid4(), 3)

    line.cut_after_next_append()
    receipt = log.inquiries.receive(inquiry, keyless(log))

    assert line.cuts == 1
    assert receipt == Receipt(inquiry.id, 3)
    assert versions(log, inquiry.id) == [1, 2, 3]


@pytest.mark.parametrize("with_key", [True, False])
def test_a_change_is_made_once(cut_log: tuple[Line, Log], with_key: bool) -> None:
    line, log = cut_log
    inquiry_id = log.inquiries.receive(inquiry_of(uuid4(), 1), keyless(log)).inquiry_id

    line.cut_after_next_append()
    receipt = log.inquiries.change(
        inquiry_id, note, request_of("k1", log.keys) if with_key else keyless(log)
    )

    assert line.cuts == 1
    assert receipt == Receipt(inquiry_id, 2)
    assert versions(log, inquiry_id) == [1, 2]


def test_another_body_under_the_same_key_is_refused(cut_log: tuple[Line, Log]) -> None:
    line, log = cut_log
    other = inquiry_of(uuid4(), 1)

    line.cut_after_next_append()
    log.inquiries.receive(inquiry_of(uuid4(), 3), request_of("k1", log.keys))
    with pytest.raises(KeyReusedError):
        log.inquiries.receive(other, request_of("k1", log.keys, body=b"another body"))

    assert line.cuts == 1
    assert versions(log, other.id) == []


def test_the_same_key_twice_in_one_batch_makes_one_event(log: Log) -> None:
    first = command_of(log, inquiry_of(uuid4(), 2), request_of("k1", log.keys), "the answer")

    answers = append(log, first, replace(first))

    assert answers == [
        Answer(Outcome.ACCEPTED, 1, 2, "the answer"),
        Answer(Outcome.REPEATED, 1, 2, "the answer"),
    ]
    assert versions(log, first.records[0].stream) == [1, 2]


def test_another_body_under_the_same_key_in_one_batch_is_refused(log: Log) -> None:
    first = command_of(log, inquiry_of(uuid4(), 1), request_of("k1", log.keys))
    other = command_of(
        log, inquiry_of(uuid4(), 1), request_of("k1", log.keys, body=b"another body")
    )

    answers = append(log, first, other)

    assert [answer.outcome for answer in answers] == [Outcome.ACCEPTED, Outcome.KEY_REUSED]
    assert versions(log, other.records[0].stream) == []


def keyless(log: Log) -> Request:
    return replace(request_of("keyless", log.keys), idempotency=None)


def note(inquiry: Inquiry) -> None:
    inquiry.note(ref=Code("n1"), kind=Code("memo"), note=Plain("막차는 23시 40분"), at=NINE)

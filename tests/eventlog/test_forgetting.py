"""Forgetting: who is forgotten, who is not, and what the certificate says."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest

from domain.errors import CitizenHeldError, CitizenNotFoundError, InquiryNotFoundError
from domain.forgetting import Asker
from domain.inquiries import KeyReusedError
from domain.request import Idempotency, Request
from domain.vocabulary import Code
from eventlog.log import Log, assembled
from eventlog.vault import KeyDestroyedError
from tests.conftest import Servers
from tests.eventlog.examples import REQUEST
from tests.eventlog.forgotten import (
    AT,
    BASIS,
    QUESTION,
    asked,
    citizens,
    events,
    forget,
    having_keys,
    keyed,
    known,
    new_number,
    noted,
    question,
    rows,
)


@pytest.fixture(scope="module")
def log(servers: Servers) -> Iterator[Log]:
    """A line that the tests share; each has citizens of its own."""
    with (
        servers.database("forgetting") as database,
        assembled(servers.settings, database, servers.keys) as log,
    ):
        yield log


def test_who_is_forgotten_can_be_read_no_more(log: Log) -> None:
    inquiry = asked(log, citizen := known(log))
    before = question(log, inquiry)

    forget(log, citizen)

    assert before == QUESTION
    with pytest.raises(KeyDestroyedError):
        question(log, inquiry)


def test_all_inquiries_that_name_the_citizen_are_forgotten_and_no_others(log: Log) -> None:
    citizen = known(log)
    first, told_later, other = asked(log, citizen), asked(log), asked(log, uuid4())
    log.inquiries.change(told_later, lambda i: i.identify(citizen=citizen, at=AT), REQUEST)

    certificate = forget(log, citizen)

    assert certificate.inquiries == sorted([first, told_later])
    assert having_keys(log, first, told_later, other) == {other}


def test_an_inquiry_that_proved_to_be_anothers_is_forgotten_with_either(log: Log) -> None:
    inquiry = asked(log, citizen := known(log))
    log.inquiries.change(inquiry, lambda i: i.identify(citizen=uuid4(), at=AT), REQUEST)

    assert forget(log, citizen).inquiries == [inquiry]


def test_the_certificate_says_what_was_destroyed_and_the_log_says_so(log: Log) -> None:
    inquiry = asked(log, citizen := known(log))
    kids = rows(log, "SELECT encode(kid, 'hex') FROM vault.key WHERE stream_id = %s", inquiry)

    certificate = forget(log, citizen)

    assert (certificate.citizen, certificate.basis) == (citizen, BASIS)
    assert [(kid,) for kid in certificate.kids] == kids
    assert certificate.position == events(log)
    assert certificate.backups_until is None
    assert certificate.topics_until == {
        "dasan.seoul.contacts": certificate.forgotten_at + timedelta(hours=24),
        "dasan.seoul.contacts.rejected": certificate.forgotten_at + timedelta(days=7),
    }


def test_the_log_holds_one_event_more_and_what_it_held(log: Log) -> None:
    asked(log, citizen := known(log))
    before = rows(log, "SELECT position, record FROM log ORDER BY position")

    forget(log, citizen)

    after = rows(log, "SELECT position, record FROM log ORDER BY position")
    assert after[:-1] == before
    assert b'"type":"citizen.forgotten.v1"' in bytes(after[-1][1])  # type: ignore[call-overload]  # bytes


def test_a_second_time_returns_the_first_certificate_and_records_nothing(log: Log) -> None:
    asked(log, citizen := known(log))
    first = forget(log, citizen)

    assert forget(log, citizen) == first
    assert events(log) == first.position


def test_what_was_written_after_it_is_forgotten_by_a_second_time(log: Log) -> None:
    inquiry = asked(log, citizen := known(log))
    first = forget(log, citizen)
    noted(log, inquiry, "다시 전화함")

    second = forget(log, citizen)

    assert (len(first.kids), len(second.kids)) == (1, 2)
    assert having_keys(log, inquiry) == set()


def test_a_retry_with_the_key_of_before_forgets_nothing_new(log: Log) -> None:
    inquiry = asked(log, citizen := known(log))
    first = forget(log, citizen, keyed("retried"))
    noted(log, inquiry, "다시 전화함")

    assert forget(log, citizen, keyed("retried")) == first
    assert having_keys(log, inquiry) == {inquiry}


def test_a_key_of_another_command_is_refused(log: Log) -> None:
    citizen = known(log)
    forget(log, citizen, keyed("used"))
    other = Request(
        actor=REQUEST.actor, cause=REQUEST.cause, idempotency=Idempotency("tests", "used", b"x")
    )

    with pytest.raises(KeyReusedError):
        forget(log, citizen, other)


def test_a_citizen_who_calls_again_is_a_new_one(log: Log) -> None:
    asked(log, citizen := known(log, number := new_number()))

    forget(log, citizen)

    assert known(log, number) != citizen


def test_who_has_only_been_looked_up_is_forgotten_too(log: Log) -> None:
    citizen = known(log, number := new_number())

    certificate = forget(log, citizen)

    assert (certificate.inquiries, certificate.kids) == ([], [])
    assert known(log, number) != citizen


def test_nobody_is_forgotten_of_whom_nothing_is_known(log: Log) -> None:
    before = events(log)

    with pytest.raises(CitizenNotFoundError):
        forget(log, uuid4())
    with pytest.raises(InquiryNotFoundError):
        forget(log, Asker(inquiry=uuid4()))

    assert events(log) == before


def test_more_keys_than_an_event_holds_take_several(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domain.forgetting.MAX_KIDS", 2)
    citizen = known(log)
    for _ in range(5):
        asked(log, citizen)
    before = events(log)

    certificate = forget(log, citizen)

    assert len(set(certificate.kids)) == 5
    assert certificate.position == events(log) == before + 3


# By inquiry.


def test_whoever_asked_an_inquiry_is_forgotten_as_far_as_it_tells(log: Log) -> None:
    citizen = known(log, number := new_number())
    first, other = asked(log, citizen), asked(log, citizen)

    certificate = forget(log, Asker(inquiry=first))

    assert (certificate.inquiry, certificate.inquiries) == (first, [first])
    assert having_keys(log, first, other) == {other}
    assert known(log, number) == citizen


def test_an_inquiry_is_forgotten_once(log: Log) -> None:
    first = forget(log, asker := Asker(inquiry=asked(log)))

    assert forget(log, asker) == first
    assert events(log) == first.position


# Legal hold.


def test_who_is_held_is_not_forgotten_and_hears_why(log: Log) -> None:
    inquiry = asked(log, citizen := known(log))
    with citizens(log) as line:
        line.hold(citizen, Code("court-2012-7"), AT, REQUEST)
    before = events(log)

    for asker in (Asker(citizen=citizen), Asker(inquiry=inquiry)):
        with pytest.raises(CitizenHeldError, match="held on the basis court-2012-7"):
            forget(log, asker)

    assert having_keys(log, inquiry) == {inquiry}
    assert events(log) == before


def test_what_names_somebody_who_is_held_is_not_forgotten_with_another(log: Log) -> None:
    inquiry = asked(log, citizen := known(log))
    held = known(log)
    log.inquiries.change(inquiry, lambda i: i.identify(citizen=held, at=AT), REQUEST)
    with citizens(log) as line:
        line.hold(held, BASIS, AT, REQUEST)

    with pytest.raises(CitizenHeldError, match=str(held)):
        forget(log, citizen)


def test_each_basis_is_released_by_itself(log: Log) -> None:
    citizen = known(log)
    with citizens(log) as line:
        line.hold(citizen, Code("a"), AT, REQUEST)
        line.hold(citizen, Code("b"), AT, REQUEST)
        left = line.release(citizen, Code("a"), AT, REQUEST)

        with pytest.raises(CitizenHeldError):
            forget(log, citizen)
        line.release(citizen, Code("b"), AT, REQUEST)

    assert left.holds == {"b"}
    assert forget(log, citizen).position == events(log)


def test_holding_or_releasing_twice_records_nothing(log: Log) -> None:
    citizen, before = known(log), events(log)
    with citizens(log) as line:
        for _ in range(2):
            line.hold(citizen, BASIS, AT, REQUEST)
        for _ in range(2):
            line.release(citizen, BASIS, AT, REQUEST)

    assert events(log) == before + 2


def test_nobody_is_held_of_whom_nothing_is_known(log: Log) -> None:
    with citizens(log) as line, pytest.raises(CitizenNotFoundError):
        line.hold(uuid4(), BASIS, AT, REQUEST)

"""The bytes of an event, which are for ever."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings

from domain.events import CATALOGUE, Answered, Noted, Queued
from domain.request import Request
from domain.vocabulary import Code, Digest, Plain, Sealed
from eventlog.record import MAX_RECORD_BYTES, Record, RecordError, decode, encode, envelope
from tests.eventlog.examples import OTHER, REQUEST, STREAM, any_event, example

GOLDEN = Path(__file__).parent / "golden.ndjson"
GOLDEN_SHA256 = "c90dbaaed72a09487d23037446c438b06e8e9f40ac34e91e217a56168202e1ce"


def never_sealed(name: str, text: str) -> Sealed:
    raise AssertionError(f"nothing to seal in {name}: {text}")


def recorded(event: Any, request: Request = REQUEST) -> Record:
    return envelope(
        source="/dasan/seoul",
        request=request,
        stream=event.originator_id,
        version=event.originator_version,
        time=event.timestamp,
        type_=event.TYPE,
        data=encode(event, never_sealed),
    )


STAMP = b'2012-02-29T00:00:04.120000Z","sequence":"00000000000000000042'


def stamped(record: Record) -> bytes:
    """The bytes as the append function stores them at position 42."""
    at = record.stamp_at
    return record.record[:at] + STAMP + record.record[at + len(STAMP) :]


def golden() -> dict[str, bytes]:
    lines = GOLDEN.read_bytes().splitlines()
    return {json.loads(line)["type"]: line for line in lines}


def test_the_golden_file_never_changes() -> None:
    assert hashlib.sha256(GOLDEN.read_bytes()).hexdigest() == GOLDEN_SHA256


def test_every_type_has_its_golden_example() -> None:
    assert sorted(golden()) == sorted(CATALOGUE)


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_an_event_is_written_as_it_always_was(name: str) -> None:
    assert stamped(recorded(example(name))) == golden()[name]


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_an_event_written_long_ago_is_read_as_it_was_meant(name: str) -> None:
    assert decode(golden()[name]) == example(name)


@given(any_event())
@settings(deadline=None)
def test_any_event_round_trips(event: Any) -> None:
    assert decode(recorded(event).record) == event


@given(any_event())
@settings(deadline=None)
def test_any_record_is_its_own_rfc_8785_form(event: Any) -> None:
    record = recorded(event).record

    assert rfc8785.dumps(json.loads(record)) == record


@given(any_event())
@settings(deadline=None)
def test_the_stamp_overwrites_recorded_time_and_position_and_nothing_else(event: Any) -> None:
    record = recorded(event)

    told = json.loads(stamped(record))

    assert told.pop("recordedtime") == "2012-02-29T00:00:04.120000Z"
    assert told.pop("sequence") == "00000000000000000042"
    assert told.items() <= json.loads(record.record).items()


def test_the_client_stands_beside_the_actor_and_changes_nothing_else() -> None:
    event = example("inquiry.noted.v1")
    by_client = recorded(event, replace(REQUEST, client="pbx"))

    cause = f'"causationid":"{REQUEST.cause}",'.encode()
    named = recorded(event).record.replace(cause, cause + b'"client":"pbx",')
    assert by_client.record == named == rfc8785.dumps(json.loads(named))
    assert stamped(by_client).count(STAMP) == 1
    assert decode(by_client.record) == event


def test_a_cloudevents_reader_finds_the_required_attributes() -> None:
    record = json.loads(recorded(example("inquiry.answered.v1")).record)

    assert record["specversion"] == "1.0"
    assert record["source"] == "/dasan/seoul"
    assert record["id"] == f"{STREAM}/3"
    assert record["subject"] == str(STREAM)
    assert record["time"] == "2012-02-29T00:00:04.000000Z"


def test_plain_text_reaches_the_record_only_through_the_seal() -> None:
    event = _noted(Plain("제 이름은 김철수입니다"))
    seen: list[tuple[str, str]] = []

    def seal(name: str, text: str) -> Sealed:
        seen.append((name, text))
        return Sealed(c="", k=Digest("0" * 32), n="", v=1)

    data = encode(event, seal)

    assert seen == [("note", "제 이름은 김철수입니다")]
    assert "김철수" not in data.decode()


@pytest.mark.parametrize("queue", ["", "일반 문의", "a b", "x" * 65, "900101-1234567", "a\n"])
def test_free_text_does_not_pass_for_a_code(queue: str) -> None:
    event = _with(Queued, queue=Code(queue))

    with pytest.raises(RecordError, match=r"inquiry\.queued\.v1: field queue"):
        recorded(event)


@pytest.mark.parametrize("wait", [2**53, -(2**53), 1.5, "4000", True])
def test_a_number_that_readers_would_round_is_refused(wait: Any) -> None:
    event = _with(Answered, waited_ms=wait)

    with pytest.raises(RecordError, match="waited_ms"):
        recorded(event)


def test_a_record_longer_than_a_tile_can_tell_is_refused() -> None:
    with pytest.raises(RecordError, match="65535 are allowed"):
        envelope(
            source="/dasan/seoul",
            request=REQUEST,
            stream=OTHER,
            version=1,
            time=example("inquiry.noted.v1").timestamp,
            type_="inquiry.noted.v1",
            data=b"x" * MAX_RECORD_BYTES,
        )


@pytest.mark.parametrize(
    "record", [b"", b"\xff", b"[]", b"{}", b'{"type":"inquiry.unheard-of.v1"}']
)
def test_bytes_that_are_no_event_are_refused_with_the_reason(record: bytes) -> None:
    with pytest.raises(RecordError, match="not an event that this version knows"):
        decode(record)


def _noted(note: Plain) -> Any:
    return _with(Noted, note=note)


def _with(fact: type[Any], **changed: Any) -> Any:
    event = example(fact.TYPE)
    event.__dict__.update(changed)
    return event

"""What is told of a contact that was not taken: why, which, and no resident registration number."""

import json
from datetime import datetime, timedelta, timezone
from typing import Any
from unicodedata import normalize

import jsonschema_rs
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from consumers.documentation import asyncapi
from consumers.rejection import CUT, Origin, Rejection, RejectionData
from consumers.topics import MAX_MESSAGE_BYTES
from eventlog.record import MAX_RECORD_BYTES

SEOUL = timezone(timedelta(hours=9))
DOCUMENT: dict[str, Any] = asyncapi("seoul")
[MESSAGE] = DOCUMENT["channels"]["rejected"]["messages"].values()
VALIDATOR = jsonschema_rs.Draft202012Validator(
    {**MESSAGE["payload"], "components": DOCUMENT["components"]}, validate_formats=True
)


def rejection(message: str = "{}", reason: str = "time: a time is needed") -> Rejection:
    origin = Origin(topic="dasan.seoul.contacts", partition=3, offset=4711)
    return Rejection(
        id="c0ffee00" * 4,
        source="/dasan/seoul",
        time=datetime(2012, 2, 29, 9, 0, 4, 120_000, tzinfo=SEOUL),
        data=RejectionData(reason=reason, origin=origin, message=message),
    )


def told(message: str) -> str:
    text: str = orjson.loads(rejection(message).encode())["data"]["message"]
    return text


def test_a_rejection_is_a_cloudevent() -> None:
    assert orjson.loads(rejection("not JSON").encode()) == {
        "specversion": "1.0",
        "id": "c0ffee00" * 4,
        "source": "/dasan/seoul",
        "type": "contact.rejected.v1",
        "time": "2012-02-29T00:00:04.120000Z",
        "datacontenttype": "application/json",
        "data": {
            "reason": "time: a time is needed",
            "origin": {"topic": "dasan.seoul.contacts", "partition": 3, "offset": 4711},
            "message": "not JSON",
        },
    }


@given(st.text(), st.text())
def test_any_rejection_is_valid_in_its_message(message: str, reason: str) -> None:
    VALIDATOR.validate(orjson.loads(rejection(message, reason).encode()))


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "c-1"}, {"source": "seoul"}, {"type": "contact.received.v1"}, {"time": "now"},
        {"colour": "red"}, {"data": {}}, {"datacontenttype": "text/plain"}, {"specversion": "0.3"},
        {"data": {"reason": "", "message": "", "origin": {"topic": "t", "partition": 0}}},
        {"data": {"reason": "", "origin": {"topic": "t", "partition": -1, "offset": 0}}},
    ],
)  # fmt: skip
def test_what_is_no_rejection_is_neither_valid_nor_made(wrong: dict[str, Any]) -> None:
    mended = orjson.loads(rejection().encode()) | wrong

    assert not VALIDATOR.is_valid(mended)
    with pytest.raises(ValidationError):
        Rejection.model_validate_json(orjson.dumps(mended))


@pytest.mark.parametrize(
    "number",
    [
        "900101-1234567", "9001011234567", "900101\t1234567", "900101 - 1234567",
        "900101\u20131234567", "900101\u00a01234567", "900101\n1234567", "900101\r\n-1234567",
        "".join(chr(0xFF10 + int(digit)) for digit in "9001011234567"),
        "".join(chr(0x1D7CE + int(digit)) for digit in "9001011234567"),
    ],
)  # fmt: skip
def test_no_way_of_writing_json_hides_a_resident_number(number: str) -> None:
    step = {"data": {"question": f"저는 {number} 입니다", "place": 'a "b" \\ c'}}

    for text in (json.dumps(step), json.dumps(step, ensure_ascii=False)):
        assert json.loads(told(text))["data"]["question"].split() == [
            "저는",
            "[redacted]",
            "입니다",
        ]
        assert json.loads(told(text))["data"]["place"] == 'a "b" \\ c'
    units = number.encode("utf-16-be").hex(" ", 2).split()
    assert "1234567" not in normalize("NFKC", told("".join(f"\\u{unit}" for unit in units)))
    assert "1234567" not in rejection(reason=f"{number} is not a code").data.reason


@given(st.dictionaries(st.text(), st.text()))
def test_json_stays_what_it_was(fields: dict[str, str]) -> None:
    for text in (json.dumps(fields), json.dumps(fields, ensure_ascii=False)):
        assert in_nfc(json.loads(told(text))) == in_nfc(fields)


def in_nfc(fields: dict[str, str]) -> dict[str, str]:
    return {normalize("NFC", name): normalize("NFC", value) for name, value in fields.items()}


@pytest.mark.parametrize("letter", ["a", "말", '"', "\\", "\x00", "😀", "\U0010ffff"])
def test_the_longest_message_can_be_sent(letter: str) -> None:
    long = rejection(message=letter * 200_000, reason=letter * 10_000)
    value = long.encode()

    assert len(value) <= min(MAX_RECORD_BYTES, MAX_MESSAGE_BYTES)
    assert long.data.message.endswith(CUT)
    assert long.data.message.startswith(letter * 9_000)


def test_what_is_short_is_told_whole() -> None:
    assert told("가" * 19_000) == "가" * 19_000


def test_a_rejection_never_changes_and_shows_no_contents_in_errors() -> None:
    made = rejection()

    with pytest.raises(ValidationError):
        made.id = "0" * 32
    with pytest.raises(ValidationError) as refused:
        Rejection.model_validate({**made.model_dump(), "colour": "김철수"})
    assert "김철수" not in str(refused.value)

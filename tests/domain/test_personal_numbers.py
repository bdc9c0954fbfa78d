"""What names a person: numbers are gone from texts, and refused in codes with mail addresses."""

import unicodedata
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.personal_numbers import REDACTED, personal_number_in, redact
from domain.request import Request, RequestError, traceparent
from domain.vocabulary import MAX_TEXT, Plain, VocabularyError, clear_id, code, digest

SIGNS = "-./_~·,ㅡー〜﹣–—―−－| \u3000"  # noqa: RUF001 - what looks alike is the point
INVISIBLE = ["\u200b", "\u00ad", "\x00", "\ufeff", "\u2060", "\ufe0f"]
ZEROS = "0０٠०𝟎"  # noqa: RUF001
DIGITS = ["⓪①②③④⑤⑥⑦⑧⑨", *("".join(chr(ord(zero) + n) for n in range(10)) for zero in ZEROS)]

signs = st.text(SIGNS, min_size=1, max_size=1)
spaces = st.text(" ", max_size=2)
gaps = st.tuples(spaces, signs, spaces).map("".join)


@st.composite
def resident_numbers(draw: st.DrawFn) -> str:
    """A number, grouped and typed in one way or another."""
    year = draw(st.integers(0, 99))
    month = draw(st.integers(1, 12))
    day = draw(st.integers(1, 31))
    serial = f"{draw(st.integers(0, 9_999_999)):07}"
    between = draw(st.one_of(st.just(""), signs))
    split = draw(st.sampled_from([0, 1, 3, 4]))
    sign = draw(st.sampled_from("- ."))
    parted = serial if split == 0 else serial[:split] + sign + serial[split:]
    typed = between.join([f"{year:02}", f"{month:02}", f"{day:02}"])
    typed += draw(st.one_of(st.just(""), gaps)) + parted
    unseen = draw(st.sampled_from(["", *INVISIBLE]))
    at = draw(st.integers(1, len(typed) - 1))
    script = draw(st.sampled_from(DIGITS))
    return (typed[:at] + unseen + typed[at:]).translate(str.maketrans("0123456789", script))


@given(resident_numbers())
def test_a_resident_number_is_redacted_however_it_is_typed(number: str) -> None:
    assert redact(f"번호 {number}.") == unicodedata.normalize("NFC", f"번호 {REDACTED}.")


@pytest.mark.parametrize(
    "number",
    ["900101  -  1234567", "90.01.01-1234567", "900101-123-4567", "9 0 0 1 0 1 - 1 2 3 4 5 6 7"],
)
def test_a_resident_number_is_redacted_however_it_is_grouped(number: str) -> None:
    assert redact(f"번호 {number}.") == f"번호 {REDACTED}."


@pytest.mark.parametrize(
    "text",
    [
        "02-6361-3302",
        "010-1234-5678 02-123-4567 010-2222-3333",
        "2012-02-29 00:00:04",
        "2012-02-29 10000원",
        "12.02.29 1,000,000원",
        "20120229090004 1234567",
        "12345678901234",
        "997731-1234567",
    ],
)
def test_other_digits_stay(text: str) -> None:
    assert redact(text) == text


@given(st.text(max_size=40), st.text(max_size=40))
def test_nothing_that_looks_like_a_resident_number_survives(before: str, after: str) -> None:
    assert "880229-2345678" not in redact(f"{before} 880229-2345678 {after}")


def test_a_text_is_counted_as_it_is_stored() -> None:
    decomposed = unicodedata.normalize("NFD", "각" * MAX_TEXT)

    assert Plain(decomposed).text == "각" * MAX_TEXT


def test_a_personal_text_never_holds_a_resident_number() -> None:
    assert Plain("저는 900101-1234567 입니다").text == f"저는 {REDACTED} 입니다"


TELEPHONES = [
    "010-5551-3006", "01055513006", "+821055513006", "+82-10-5551-3006", "00821055513006",
    "821055513006", "02-2133-1234", "0215661200", "070.5551.3006", "0505-1234-5678",
    "tel:+14155550100", "sip:01055511001@pbx", "a01055513006", "agent-01055513006", "312-555-0100",
    "010@5551@3006", "010+5551+3006", "010--5551--3006", "010.-5551.-3006", "82-10--5551-3006",
    "0-1-0-5-5-5-1-3-0-0-6", "01055513006aaaaaaaaa", "fffffffffffffffffffff01055513006",
]  # fmt: skip
RESIDENTS = [
    "900101-1234567", "9001011234567", "90.01.01-1234567", "900101-123-4567",
    "f9001011234567aaaaaaaaaaaaaaaaaa", "fffffffffffffffffff9001011234567",
    "00000000-0000-0000-0009-001011234567",
]  # fmt: skip
MAIL_ADDRESSES = [
    "hong@example.com", "mailto:hong@example.com", "kim.cheol-su+120@mail.seoul.go.kr",
    "hong@@example.com", "hong@.example.com", "sip:a01@10.0.0.5",
]  # fmt: skip
IDS = [
    "a017", "general", "20120229-000123", "2012-02-29", "1330441200.42", "0000000042", "1588-1234",
    "12345678", "agent-0212345678ab", "f9001011234567aa3c5d1e8b40c7d2e9",
    "00000000-0000-4000-8000-021234567890", "0212345678a3c5d1e8b40c7d2e9f", "Asia/Seoul",
    "image/png", "a01@inside", "f81d4fae-7dec-41d0-a765-00a0c91e6bf6@gateway.example",
]  # fmt: skip


@pytest.mark.parametrize("text", TELEPHONES)
def test_a_telephone_number_is_no_code(text: str) -> None:
    with pytest.raises(VocabularyError, match="telephone number"):
        code(text)


@pytest.mark.parametrize("text", RESIDENTS)
def test_a_resident_number_is_no_code(text: str) -> None:
    with pytest.raises(VocabularyError, match="resident registration number"):
        code(text)


@pytest.mark.parametrize("text", MAIL_ADDRESSES)
def test_a_mail_address_is_not_a_code(text: str) -> None:
    with pytest.raises(VocabularyError, match="mail address"):
        code(text)


@pytest.mark.parametrize("number", ["9001011234567", "01055513006"])
@pytest.mark.parametrize("filling", ["0", "a"])
def test_an_id_is_not_a_number_that_was_filled_up(number: str, filling: str) -> None:
    trace, span = number.rjust(32, filling), number.ljust(16, filling)

    assert traceparent(f"00-{trace}-b7ad6b7169203331-01") is None
    assert traceparent(f"00-0af7651916cd43dd8448eb211c80319c-{span}-01") is None
    for refused in (lambda: clear_id(UUID(trace)), lambda: digest(trace)):
        with pytest.raises(VocabularyError, match="looks like a"):
            refused()


@given(st.uuids(version=4))
def test_a_random_id_is_clear(id_: UUID) -> None:
    trace = f"00-{id_.hex}-b7ad6b7169203331-01"

    assert clear_id(id_) == id_
    assert traceparent(trace) == trace


@pytest.mark.parametrize("text", IDS)
def test_an_id_is_a_code_whatever_its_digits_look_like(text: str) -> None:
    assert code(text) == text


@given(st.binary(min_size=16, max_size=16))
def test_a_hash_is_a_code(octets: bytes) -> None:
    assert personal_number_in(octets.hex()) in (None, "resident registration number")


@pytest.mark.parametrize(
    "number", ["900101-1234567", "01055513006", "010-5551-3006", "hong@example.com"]
)
def test_nobody_acts_by_a_number(number: str) -> None:
    with pytest.raises(RequestError, match="looks like a"):
        Request(actor=f"citizen:{number}", cause="command:" + 32 * "a")


def test_a_refusal_does_not_repeat_the_number() -> None:
    with pytest.raises(VocabularyError) as refused:
        code("010-5551-3006")

    assert "5551" not in str(refused.value)

"""Who calls: one subscriber however the number is written, and nobody where it names nobody."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from eventlog.telephone import NO_SUBSCRIBER, NoSubscriberError, subscriber

ONE = "01055511001"
WAYS = [
    ONE, "010-5551-1001", "010 5551 1001", "010.5551.1001", "(010) 5551-1001", "+821055511001",
    "+82 10-5551-1001", "+82 (0)10-5551-1001", "821055511001", "00821055511001",
    "sip:01055511001@10.20.30.41", "sips:+821055511001@pbx;user=phone", "01055511001@10.20.30.41",
    "tel:+82-10-5551-1001;phone-context=kr", "sip:%2B821055511001@pbx",
    '"Kim <office>" <01055511001>', "Kim <sip:01055511001@pbx>", "\uff10\uff11\uff10-5551-1001",
    "010-5551-1001 ext 12", "  01055511001  ",
]  # fmt: skip
NOBODY = [
    "", " ", "anonymous", "Anonymous <anonymous>", "anonymous@10.20.30.40", "Unknown",
    "unavailable", "sip:anonymous@anonymous.invalid", "+266696687", "+7378742833", "+2562533",
    "+8656696", "+86282452253", "0000000000", "9999999999", "010-0000-0000", "120", "7009",
    "01055511001-01055511002", "010-5551-1001, 010-5551-1002", "02-555-1234/010-5551-1002",
    "a1b2c3", "user1234567@host", "1-800-FLOWERS", "+861234567890123456", "*72", "<>", "\x00",
]  # fmt: skip


@pytest.mark.parametrize("written", WAYS)
def test_a_number_is_one_subscriber_however_it_is_written(written: str) -> None:
    assert subscriber(written, "KR") == ONE


@pytest.mark.parametrize("written", NOBODY)
def test_what_names_no_single_subscriber_is_nobody(written: str) -> None:
    with pytest.raises(NoSubscriberError) as refused:
        subscriber(written, "KR")

    assert not any(digit in str(refused.value) for digit in "12345689")


@pytest.mark.parametrize(
    ("written", "digits"),
    [
        ("02-2133-1234", "0221331234"),
        ("1566-1200", "15661200"),
        ("5551234", "5551234"),
        ("+1 415 555 0100", "14155550100"),
        ("070-1234-5678", "07012345678"),
        ("0505-1234-5678", "050512345678"),
    ],
)
def test_a_subscriber_is_named_as_logs_named_them_before(written: str, digits: str) -> None:
    assert subscriber(written, "KR") == digits


def test_a_number_without_a_code_is_of_the_citys_country() -> None:
    assert subscriber("(415) 555-0100", "US") == subscriber("+14155550100", "US") == "4155550100"


@given(st.integers(1_000_001, 99_999_999), st.sampled_from(["-", " ", ".", ""]))
def test_separators_and_the_countrys_code_change_nobody(number: int, sign: str) -> None:
    digits = f"{number:08}"
    assume(not digits.endswith(NO_SUBSCRIBER))
    parts = ["010", digits[:4], digits[4:]]

    national = subscriber(sign.join(parts), "KR")

    assert national == subscriber(f"+82{sign}10{sign}{digits}", "KR") == "010" + digits


@given(st.text(max_size=30))
def test_any_text_names_one_subscriber_or_nobody(text: str) -> None:
    try:
        digits = subscriber(text, "KR")
    except NoSubscriberError:
        return

    assert digits.isascii()
    assert digits.isdecimal()

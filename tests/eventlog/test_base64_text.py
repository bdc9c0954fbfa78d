"""Base64 that has one text for each value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.base64_text import decoded, encoded


@given(st.binary(max_size=70))
def test_what_was_encoded_is_decoded(octets: bytes) -> None:
    assert decoded(encoded(octets)) == octets


@pytest.mark.parametrize("text", ["QQ==", "QUI="])
def test_bits_behind_the_last_octet_are_zero(text: str) -> None:
    unused = text.replace("Q==", "R==").replace("I=", "J=")

    with pytest.raises(ValueError, match="in its one form"):
        decoded(unused)


@pytest.mark.parametrize("text", ["A", "A===", "QQ", "Q Q=", "é"])
def test_what_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no base64"):
        decoded(text)

"""Telephone numbers: the same subscriber is the same however systems write the number.

A caller's field holds much besides: SIP addresses, names in front of an address, words for a number
that is withheld, the code that a carrier sends for it, two numbers at once. What names no single
subscriber names nobody: taken for a number, it would make strangers one citizen.
"""

import re
import unicodedata
from functools import lru_cache
from urllib.parse import unquote

import phonenumbers
from phonenumbers import PhoneNumberFormat

MAX_DIGITS = 15  # of E.164
MIN_DIGITS = 7
"""A shorter number is an internal extension or a service's, which identifies nobody."""

WITHHELD = frozenset({"266696687", "7378742833", "2562533", "8656696", "86282452253"})
"""Digits that carriers send for ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN and UNAVAILABLE."""

NO_SUBSCRIBER = "0" * 7
"""Ends a number that somebody filled in to have one."""

_ADDRESS = re.compile(r"<([^<>]*)>\s*$")
_SCHEME = re.compile(r"^(?:sips?|tel|callto):", re.IGNORECASE)
_EXTENSION = re.compile(r"(?:ext\.?|extension|x|내선)\s*[0-9]{1,6}$", re.IGNORECASE)
_PARAMETERS = re.compile(r"[;?].*$", re.DOTALL)
_NUMBER = re.compile(r"\+?[0-9(][0-9\s().+-]*")
_ABROAD = re.compile(r"^00(?=82)")


class NoSubscriberError(ValueError):
    """A text names no subscriber; says why, without the text."""


@lru_cache(maxsize=10_000)  # the same caller comes with each line of a call
def subscriber(text: str, country: str) -> str:
    """Return the digits that name a subscriber: as dialled within `country`, else international.

    `country` (ISO 3166) is where numbers without a country's code are of.

    Raises:
        NoSubscriberError: it names nobody.
    """
    written = _written(text)
    try:
        number = phonenumbers.parse(_ABROAD.sub("+", written), country)
    except phonenumbers.NumberParseException as error:
        raise NoSubscriberError("not one telephone number") from error
    international = phonenumbers.format_number(number, PhoneNumberFormat.E164).removeprefix("+")
    if international in WITHHELD:
        raise NoSubscriberError("the number is withheld")
    is_home = number.country_code == phonenumbers.country_code_for_region(country)
    national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    digits = re.sub("[^0-9]", "", national) if is_home else international
    if len(digits) < MIN_DIGITS:
        raise NoSubscriberError(f"fewer than {MIN_DIGITS} digits")
    if len(set(digits)) == 1 or digits.endswith(NO_SUBSCRIBER):
        raise NoSubscriberError("a number that nobody has")
    if not phonenumbers.is_possible_number(number):
        raise NoSubscriberError("not a possible telephone number")
    return digits


def _written(text: str) -> str:
    """Return the number as it is written within a name, an address or a URI."""
    plain = unicodedata.normalize("NFKC", text).strip()
    if address := _ADDRESS.search(plain):
        plain = address[1].strip()
    if _SCHEME.match(plain):
        plain = unquote(_SCHEME.sub("", plain))
    plain, _, _ = _PARAMETERS.sub("", plain).partition("@")
    plain = _EXTENSION.sub("", plain.strip()).strip(" ,")
    if not plain:
        raise NoSubscriberError("no number is given")
    digits = sum(map(str.isdigit, plain.removeprefix("00")))
    if _NUMBER.fullmatch(plain) is None or digits > MAX_DIGITS:
        raise NoSubscriberError("not one telephone number")
    return plain

"""What names a person: numbers, found in texts to be redacted, and with mail addresses in codes.

Codes that hold one are refused. Resident registration numbers (주민등록번호) are thirteen digits:
yymmdd, then seven. They are found however they are typed: in any script's digits, with invisible
characters between, grouped as a date is, or every digit by itself.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

REDACTED = "[redacted]"

_LONG_VOWELS = frozenset("ㅡᅳーｰ")
"""Letters that are typed for a dash."""

_DIGITS = 13

_BLANK = "[ ,]"
_YEAR, _MONTH, _DAY = "[0-9]{2}", "(?:0[1-9]|1[0-2])", "(?:0[1-9]|[12][0-9]|3[01])"
_GROUPED = rf"{_YEAR}{_BLANK}{{1,3}}{_MONTH}{_BLANK}{{1,3}}{_DAY}"
_SPACED = (
    rf"[0-9]{_BLANK}{{1,3}}[0-9]{_BLANK}{{1,3}}"
    rf"(?:0{_BLANK}{{1,3}}[1-9]|1{_BLANK}{{1,3}}[0-2]){_BLANK}{{1,3}}"
    rf"[0-3]{_BLANK}{{1,3}}[0-9]"
)
_RESIDENT_NUMBER = re.compile(
    rf"(?<![0-9])(?:{_YEAR}{_MONTH}{_DAY}|{_GROUPED}|{_SPACED}){_BLANK}{{0,7}}"
    r"[0-9](?:[ ]{0,3}[0-9]){6}(?![0-9])"  # with commas it would be a sum of money
)
"""In a text as `_skeleton` gives it."""

_HEX = "[0-9A-Fa-f]"
_UUID = re.compile(
    rf"(?<![0-9A-Za-z]){_HEX}{{8}}(-?){_HEX}{{4}}\1{_HEX}{{4}}\1{_HEX}{{4}}\1{_HEX}{{12}}(?![0-9A-Za-z])"
)
"""Without hyphens one in 3,400 has digits that look like a resident number, and is none."""

_HASH = re.compile(
    rf"(?<![0-9A-Za-z])(?:(?=[0-9]*[A-Fa-f]){_HEX}{{20,}}|(?<=agent-){_HEX}{{12}})(?![0-9A-Za-z])"
)
"""A hash, or our pseudonym of an agent: one in some hundreds looks as if it held a number."""

_SIGN = "[-._:/@+]{0,3}"
_MOBILE_OR_AREA = "(?:2|[3-6][1-5]|1[0-9]|13[0-9]|50[0-9]|30|60|70|80)"
_TELEPHONE = re.compile(
    r"(?<![0-9])(?:"
    rf"0{_MOBILE_OR_AREA}{_SIGN}[0-9]{{3,4}}{_SIGN}[0-9]{{4}}"
    rf"|(?:00[0-9]{{0,3}}{_SIGN})?82{_SIGN}0?1[0-9]{_SIGN}[0-9]{{3,4}}{_SIGN}[0-9]{{4}}"
    rf"|00[0-9]{{0,3}}{_SIGN}82{_SIGN}0?{_MOBILE_OR_AREA}{_SIGN}[0-9]{{3,4}}{_SIGN}[0-9]{{4}}"
    rf"|[2-9][0-9]{{2}}[-.][2-9][0-9]{{2}}[-.][0-9]{{4}}"
    r"|0[-._:/@+]{1,3}1(?:[-._:/@+]{1,3}[0-9]){8,9}"  # a mobile number, every digit by itself
    r")(?![0-9])"
    rf"|\+[0-9](?:{_SIGN}[0-9]){{7,14}}(?![0-9])"
)
"""Korea's numbers as they are dialled in the country; others by their ``+`` or their grouping."""

_MAIL = re.compile(r"\w[.+-]*@+\.*[\w-]+\.+\w")
"""A mail address, or an address of SIP that looks like one: a domain's name has a dot."""

_NUMBER_DIGITS = range(9, 16)
_FILLING = 3
"""Digits that are the same at an end of an id: of random ids, one in 128 has them."""


def redact(text: str) -> str:
    """Return `text` in NFC, without anything that looks like a resident registration number."""
    normal = unicodedata.normalize("NFC", text)
    parts, end = [], 0
    for begin, behind in _resident_numbers(normal):
        parts += [normal[end:begin], REDACTED]
        end = behind
    return "".join([*parts, normal[end:]])


def personal_data_in(code: str) -> str | None:
    """Return what in a code names a person, a number or a mail address, or None."""
    return personal_number_in(code) or ("mail address" if has_mail_address(code) else None)


def has_mail_address(text: str) -> bool:
    """Whether a mail address stands in a text; a hash or a UUID at a host is none."""
    if "@" not in (normal := unicodedata.normalize("NFKC", text)):
        return False
    return _MAIL.search(_HASH.sub("/", _UUID.sub("/", normal))) is not None


def personal_number_in(code: str) -> str | None:
    """Return what kind of number that names a person stands in a code, or None.

    Ids that are hashes or UUIDs are no such numbers, whatever their digits look like, unless they
    are nothing but a number that was filled up.
    """
    ids = [*_UUID.finditer(code), *_HASH.finditer(code)]
    if kind := next(filter(None, (filled_up_number(found[0]) for found in ids)), None):
        return kind
    rest = _UUID.sub("/", code)
    if next(_resident_numbers(rest), None):
        return "resident registration number"
    return "telephone number" if _TELEPHONE.search(_HASH.sub("/", rest)) else None


def filled_up_number(id_: str) -> str | None:
    """Return what kind of number an id is that was filled up with one digit to its length, or None.

    In the digits of a random id numbers stand by chance; nothing else but a number does not.
    """
    digits = id_.replace("-", "").lower()
    left = len(digits) - len(digits.lstrip(digits[0]))
    right = len(digits) - len(digits.rstrip(digits[-1]))
    if max(left, right) < _FILLING:
        return None
    # A number may begin or end with the digit that it was filled up with.
    for begin in range(max(0, left - 4), left + 1):
        for end in range(len(digits) - right, min(len(digits), len(digits) - right + 4) + 1):
            number = digits[begin:end]
            if len(number) in _NUMBER_DIGITS and number.isdecimal():
                if next(_resident_numbers(number), None):
                    return "resident registration number"
                if _TELEPHONE.fullmatch(number):
                    return "telephone number"
    return None


def _resident_numbers(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each number begins and where it is over."""
    decimal, numeric = sum(map(str.isdecimal, text)), sum(map(str.isnumeric, text))
    if decimal + 2 * (numeric - decimal) < _DIGITS:  # one such as ⑩ stands for two
        return  # found out much faster, and true of almost every text
    skeleton, places = _skeleton(text)
    for number in _RESIDENT_NUMBER.finditer(skeleton):
        yield places[number.start()], places[number.end() - 1] + 1


def _skeleton(text: str) -> tuple[str, list[int]]:
    """Return digits as ASCII, letters as ``x``, commas and blanks, and where each stood."""
    letters: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        for letter in _plain(character):
            letters.append(letter)
            places.append(place)
    return "".join(letters), places


@lru_cache(maxsize=4_096)
def _plain(character: str) -> str:
    """Return what a character stands for in the skeleton: nothing if nobody sees it."""
    if character in _LONG_VOWELS:
        return " "
    return "".join(map(_kind, unicodedata.normalize("NFKC", character)))


def _kind(character: str) -> str:
    if (digit := unicodedata.decimal(character, None)) is not None:
        return str(digit)
    category = unicodedata.category(character)
    if character.isspace():
        return " "
    if category[0] == "M" or category in ("Cc", "Cf"):
        return ""
    if character == ",":
        return ","
    return "x" if category[0] == "L" else " "

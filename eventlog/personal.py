"""Personal data at the edge: what is masked before it is shown."""

import re
import unicodedata

CIRCLE = "○"


def mask_name(name: str) -> str:
    """Return a name as the line shows it: the first letter, then circles (김철수 -> 김○○)."""
    letters = unicodedata.normalize("NFC", name).strip()
    return letters[:1] + "".join(CIRCLE if letter.isalnum() else letter for letter in letters[1:])


def mask_number(number: str) -> str:
    """Return a telephone number with all digits but the area's and the last two hidden.

    ``010-1234-5678`` becomes ``010-****-**78``; signs between the digits stay.
    """
    digits = [at for at, letter in enumerate(number) if letter.isdigit()]
    hidden = set(digits[3:-2] if len(digits) > 5 else digits)  # noqa: PLR2004 - nothing to keep
    return "".join("*" if at in hidden else letter for at, letter in enumerate(number))


def looks_like_telephone(text: str) -> bool:
    """Whether `text` could be a subscriber's number rather than an internal extension."""
    return len(re.sub(r"\D", "", text)) >= 7 and re.fullmatch(r"\+?[\d\s()./-]+", text) is not None  # noqa: PLR2004

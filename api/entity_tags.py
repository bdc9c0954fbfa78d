"""Entity tags in conditions, If-Match and If-None-Match (RFC 9110, sections 8.8.3 and 13.1)."""

import re
from collections.abc import Sequence

from api.problems import BadRequestError

ANY = "*"
_TAG = r'(?:W/)?"[!#-~\x80-\xff]*"'
_SEPARATED = r"[ \t]*,[ \t,]*"
_LIST = re.compile(rf"[ \t,]*{_TAG}(?:{_SEPARATED}{_TAG})*[ \t,]*")
PATTERN = r'^(\*|(W/)?"[!#-~]*"(, *(W/)?"[!#-~]*")*)$'
"""What clients are to send, for the document; the standard has more read: gaps and old letters."""


def tags_in(header: str, lines: Sequence[str]) -> list[str]:
    """Return the tags that the lines of a header name together, as they came, or `ANY` alone.

    Raises:
        BadRequestError: it names none.
    """
    if not lines:
        return []
    text = ", ".join(lines)
    if text.strip() == ANY:
        return [ANY]
    if _LIST.fullmatch(text) is None:
        raise BadRequestError(
            f'{header} is {text!r}: send an ETag as it came, such as "3", several with commas, or *'
        )
    return re.findall(_TAG, text)


def is_among(tag: str, known: Sequence[str]) -> bool:
    """Return whether a tag is among those of If-None-Match, which are compared weakly."""
    return ANY in known or tag in {one.removeprefix("W/") for one in known}

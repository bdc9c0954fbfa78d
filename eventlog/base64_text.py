"""Octets as text: base64 (RFC 4648, section 4), one text only for each value.

A decoder that ignores the bits behind the last octet takes several texts for the same: then a text
that was changed would be as good as the one that was written.
"""

import base64
import binascii


def encoded(octets: bytes) -> str:
    """Return octets in base64."""
    return base64.b64encode(octets).decode("ascii")


def decoded(text: str) -> bytes:
    """Return the octets that a text stands for.

    Raises:
        ValueError: it is no base64, or not the text that `encoded` makes of them.
    """
    try:
        octets = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("it is no base64") from error
    if encoded(octets) != text:
        raise ValueError("it is no base64 in its one form")
    return octets

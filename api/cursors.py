"""Keyset cursors: where a page ended, as text that clients hand back and do not read."""

import base64
import binascii
from datetime import datetime
from uuid import UUID

from api.problems import BadRequestError


def cursor(at: datetime, *ids: UUID | int) -> str:
    """Return the cursor after a row with this time and these ids."""
    text = " ".join((at.isoformat(), *map(str, ids)))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place(text: str) -> tuple[datetime, UUID, int]:
    """Return what a cursor stands for: time, stream and version (0 where it has none).

    Raises:
        BadRequestError: it is none that we gave.
    """
    try:
        padded = text + "=" * (-len(text) % 4)
        at, stream, *version = base64.urlsafe_b64decode(padded).decode("ascii").split(" ")
        read = (datetime.fromisoformat(at), UUID(stream), int(version[0]) if version else 0)
    except (binascii.Error, ValueError) as error:
        raise BadRequestError("the cursor is none that we gave: begin without one") from error
    if read[0].tzinfo is None or not 0 <= read[2] < 2**31:
        raise BadRequestError("the cursor is none that we gave: begin without one")
    return read

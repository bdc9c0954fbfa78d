"""What the fields of a contact's steps may hold.

Every text is in NFC and without anything that looks like a resident registration number as soon as
it is read, so that not even a step that waits holds one.
"""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from domain.personal_numbers import redact
from domain.vocabulary import MAX_TEXT, Code, Plain, code
from projections.catalogue import CODE_PATTERN

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
LONGEST_MS = 31 * 24 * 3_600_000
"""A longer duration is no duration of a contact."""

MIN_DIGITS = 7
"""A shorter telephone number is an internal extension, which identifies nobody."""


class Fields(BaseModel):
    """Values as they are written, none unknown."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


def _redacted(text: str) -> str:
    return Plain(redact(text)).text  # no longer than allowed afterwards, either


def _possible(at: datetime) -> datetime:
    # Compared first: at the ends of the calendar a time cannot be converted.
    if not EARLIEST <= at < LATEST:
        raise ValueError(f"a time from {EARLIEST.year} to {LATEST.year - 1} is needed")
    return at.astimezone(UTC)


CodeField = Annotated[Code, Field(pattern=CODE_PATTERN), AfterValidator(code)]
"""A code or id that stands in the clear: an agent, a queue, a category."""

Source = Annotated[Code, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$"), AfterValidator(code)]
"""Names a gateway."""

Id = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,256}$")]
"""An id of the gateway's own; it is hashed and never stored in the clear."""

Time = Annotated[AwareDatetime, AfterValidator(_possible)]
Milliseconds = Annotated[int, Field(ge=0, le=LONGEST_MS)]
Text = Annotated[str, Field(max_length=MAX_TEXT), AfterValidator(_redacted)]
ShortText = Annotated[str, Field(max_length=1_000), AfterValidator(_redacted)]
Telephone = Annotated[
    str, Field(pattern=rf"^[^0-9]*([0-9][^0-9]*){{{MIN_DIGITS},20}}$", max_length=64)
]

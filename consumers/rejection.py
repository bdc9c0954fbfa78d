"""What could not be taken of the topic of contacts, and why: a CloudEvent of its own.

A rejection is kept longer than what it tells of, so no resident registration number may stand in
it, and shorter than the topic allows, so that it can always be sent.
"""

import json
import re
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)

from consumers.event_schema import SCHEMAS, TIME, Schema
from domain.personal_numbers import redact
from eventlog.record import format_time

TYPE: Final = "contact.rejected.v1"
MAX_REASON_BYTES = 2_000
MAX_MESSAGE_BYTES = 60_000
"""As JSON: where every character is escaped, a text is six times as long."""

CUT = "[cut]"
"""Stands where a text was too long to be told whole."""

_HEX = "[0-9A-Fa-f]"
_PAIR = rf"u[Dd][89ABab]{_HEX}{{2}}\\u[Dd][C-Fc-f]{_HEX}{{2}}"
_ESCAPE = re.compile(rf"\\(?:({_PAIR}|u{_HEX}{{4}})|.)", re.DOTALL)
_BLANK_ESCAPE = re.compile(r"\\(?:[fnrt]|u000[9A-Da-d])")
_CONTROL_ESCAPE = re.compile(r"\\(?:b|u00[01][0-9A-Fa-f])")


def cleared(text: str) -> str:
    """Return JSON, or what was meant to be JSON, without resident registration numbers.

    Escapes are spelt out, so that none hides a digit or a dash of a number.
    """
    spelt = redact(_ESCAPE.sub(_spelt_out, text))
    spaced = _CONTROL_ESCAPE.sub("", _BLANK_ESCAPE.sub(" ", spelt))
    blank = redact(spaced)
    return spelt if blank == spaced else blank


def _spelt_out(escape: re.Match[str]) -> str:
    letter: str = json.loads(f'"{escape[0]}"') if escape[1] else ""
    has_to_stay = letter < " " or letter in '"\\' or "\ud800" <= letter <= "\udfff"
    return escape[0] if has_to_stay else letter


def _cut(text: str, max_bytes: int) -> str:
    told = text
    while (size := len(orjson.dumps(told))) > max_bytes:
        told = told[: (len(told) - len(CUT)) * max_bytes // size - len(CUT)] + CUT
    return told


def _cut_reason(text: str) -> str:
    return _cut(text, MAX_REASON_BYTES)


def _cut_message(text: str) -> str:
    return _cut(text, MAX_MESSAGE_BYTES)


_Reason = Annotated[str, AfterValidator(cleared), AfterValidator(_cut_reason)]
_Message = Annotated[str, AfterValidator(cleared), AfterValidator(_cut_message)]
_Time = Annotated[
    AwareDatetime, PlainSerializer(format_time), WithJsonSchema(TIME, mode="serialization")
]


class _Fields(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        hide_input_in_errors=True,
        json_schema_serialization_defaults_required=True,
    )


class Origin(_Fields):
    """Where the message stands, for as long as its topic keeps it."""

    topic: str
    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]


class RejectionData(_Fields):
    """Why a message was not taken, and its text without resident registration numbers."""

    reason: _Reason
    origin: Origin
    message: _Message


class Rejection(_Fields):
    """A message of a gateway was not taken. Mended, it can be sent again."""

    specversion: Literal["1.0"] = "1.0"
    id: Annotated[str, Field(pattern="^[0-9a-f]{16,64}$")]
    source: Annotated[str, Field(pattern="^/dasan/[a-z0-9][a-z0-9-]{0,62}$")]
    type: Literal["contact.rejected.v1"] = TYPE
    time: _Time
    datacontenttype: Literal["application/json"] = "application/json"
    data: RejectionData

    def encode(self) -> bytes:
        """Return it in CloudEvents' JSON format."""
        return self.model_dump_json().encode()


def rejection_schemas() -> dict[str, Schema]:
    """Return the schema of a rejection, by its type, and those it refers to."""
    schema: dict[str, Any] = Rejection.model_json_schema(
        mode="serialization", ref_template=SCHEMAS + "{model}"
    )
    return {**schema.pop("$defs"), TYPE: schema}

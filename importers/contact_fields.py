"""What the fields of a contact's steps may hold, and what an odd one costs.

Every text is in NFC and without anything that looks like a resident registration number as soon as
it is read, so that not even a step that waits holds one. An optional field that cannot be used is
left out with a warning: it never costs the step.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)

from domain.errors import FactTimeError
from domain.request import traceparent
from domain.times import FactTimes, read_time
from domain.vocabulary import MAX_TEXT, Code, Plain, code
from eventlog.telephone import NoSubscriberError, subscriber
from importers.naming import UNNAMED, Naming, target
from projections.catalogue import CODE_PATTERN

LONGEST_MS = 31 * 24 * 3_600_000
"""A longer duration is no duration of a contact."""

JSON = "application/json"
JSON_TYPE = (
    r"^[aA]pplication/([a-z0-9.-]+\+)?[jJ][sS][oO][nN]"
    r'( *; *[cC]harset="?([uU][tT][fF]-?8|[uU][sS]-[aA][sS][cC][iI][iI])"?)? *$'
)
_JSON_TYPE = re.compile(JSON_TYPE)
TRACEPARENT = "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"


@dataclass(slots=True)
class Reading:
    """What a step is read with, and the warnings that come of it: field and reason."""

    naming: Naming
    country: str
    times: FactTimes
    source: str = ""
    warnings: list[str] = field(default_factory=list)

    def warn(self, info: ValidationInfo, reason: str) -> None:
        """Say that a field is taken otherwise than it came."""
        self.warnings.append(f"{info.field_name}: {reason}")


class Fields(BaseModel):
    """Values as they are written, none unknown."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


def _reading(info: ValidationInfo) -> Reading:
    return cast("Reading", info.context)


def _plain(text: str) -> str:
    return Plain(text).text  # no longer than allowed once it is in NFC and redacted


def _short(text: str) -> str:
    if len(text) > MAX_SHORT_TEXT:
        raise ValueError(f"a text has {len(text)} characters; {MAX_SHORT_TEXT} are allowed")
    return text


def _time(value: object) -> datetime:
    if not isinstance(value, str):
        raise ValueError("a time is text, written as RFC 3339 does: 2012-02-29T09:00:04+09:00")
    try:
        return read_time(value).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("a time of this calendar is needed") from error


def _of_fact(at: datetime, info: ValidationInfo) -> datetime:
    try:
        _reading(info).times.require(at, datetime.now(UTC))
    except FactTimeError as error:
        raise ValueError(str(error)) from error
    return at


def _without_oddity(
    value: object, handler: ValidatorFunctionWrapHandler, info: ValidationInfo
) -> Any:
    try:
        return handler(value)
    except ValidationError as error:
        reason = error.errors(include_url=False, include_input=False)[0]["msg"]
        _reading(info).warn(info, f"{reason.removeprefix('Value error, ')}: left out")
        return None


def _source(name: str, info: ValidationInfo) -> str:
    _reading(info).source = name
    return name


def _agent(name: str, info: ValidationInfo) -> Code:
    reading = _reading(info)
    return reading.naming.agent(reading.source, name)


def _queue(name: str, info: ValidationInfo) -> Code:
    return _reading(info).naming.queue(name)


def _target(name: str, info: ValidationInfo) -> Code:
    return _told(info, name, target(name))


def _reason(name: str, info: ValidationInfo) -> Code:
    try:
        return code(name)
    except ValueError:
        return _told(info, name, UNNAMED)


def _told(info: ValidationInfo, name: str, taken: Code) -> Code:
    if taken != name:
        _reading(info).warn(info, f"not a code that may stand in the clear: taken as {taken!r}")
    return taken


def _telephone(text: str, info: ValidationInfo) -> str | None:
    reading = _reading(info)
    try:
        subscriber(text, reading.country)
    except NoSubscriberError as error:
        reading.warn(info, f"{error}: taken as nobody")
        return None
    return text


def _traceparent(text: object, info: ValidationInfo) -> str | None:
    known = traceparent(text)
    if text is not None and known is None:
        _reading(info).warn(info, "malformed: ignored")
    return known


def _content_type(text: object, info: ValidationInfo) -> str:
    if not isinstance(text, str) or _JSON_TYPE.fullmatch(text) is None:
        _reading(info).warn(info, f"not {JSON}, which the data is: ignored")
    return JSON


MAX_SHORT_TEXT = 1_000
MAX_NAME = 256

CodeField = Annotated[Code, Field(pattern=CODE_PATTERN), AfterValidator(code)]
"""A code or id that stands in the clear."""

Odd = WrapValidator(_without_oddity)
"""Marks an optional field: what it cannot hold is left out."""


def _named(give: Callable[[str, ValidationInfo], Code]) -> Any:
    return Annotated[Code, Field(pattern=NAME_PATTERN), AfterValidator(give)]


NAME_PATTERN = rf"^[^\x00-\x1f\x7f]{{1,{MAX_NAME}}}$"
AgentName = _named(_agent)
"""Who: a code, or a name, which gets a pseudonym."""
QueueName = _named(_queue)
"""Where: a code, or a name, which gets a code."""
TargetName = _named(_target)
ReasonName = _named(_reason)

Source = Annotated[
    Code, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$"), AfterValidator(code),
    AfterValidator(_source),
]  # fmt: skip
"""Names a gateway."""

Id = Annotated[str, Field(pattern=NAME_PATTERN)]
"""An id of the gateway's own; it is hashed and never stored in the clear."""

Time = Annotated[datetime, BeforeValidator(_time)]
FactTime = Annotated[Time, AfterValidator(_of_fact)]
Milliseconds = Annotated[int, Field(ge=0, le=LONGEST_MS)]
Text = Annotated[
    str, AfterValidator(_plain), WithJsonSchema({"type": "string", "maxLength": MAX_TEXT})
]
ShortText = Annotated[
    str, AfterValidator(_plain), AfterValidator(_short),
    WithJsonSchema({"type": "string", "maxLength": MAX_SHORT_TEXT}),
]  # fmt: skip
Telephone = Annotated[str, Field(max_length=MAX_NAME), AfterValidator(_telephone)]
"""A number as systems write it: `eventlog/telephone.py`."""
Traceparent = Annotated[
    str | None,
    BeforeValidator(_traceparent),
    WithJsonSchema({"type": ["string", "null"], "pattern": TRACEPARENT}),
]
ContentType = Annotated[
    str, BeforeValidator(_content_type), WithJsonSchema({"type": "string", "pattern": JSON_TYPE})
]

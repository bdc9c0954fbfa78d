"""A step on its way: a CloudEvents 1.0 envelope, structured JSON, one a line or a message.

`contact.schema.json` (JSON Schema, draft 2020-12) is made of these classes. It is the schema of the
file that `dasan import contacts` reads, and of the topic `dasan.<city>.contacts`.
"""

import re
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model
from pydantic_core import ErrorDetails

from eventlog.settings import Settings
from importers import contact_outcomes, contact_steps, contact_visits
from importers.contact_fields import (
    JSON,
    ContentType,
    FactTime,
    Id,
    Reading,
    Source,
    Traceparent,
)
from importers.contact_steps import Data
from importers.naming import Naming
from projections.catalogue import SCHEMA_DIALECT

FAULTS_NAMED = 3
_RULES = (
    "Send what this schema allows. Beyond it, an optional field that cannot be used is left out"
    " with a warning, and the step is taken; a name that is not a code gets one. A code stands in"
    " the clear for ever: a number that names a person is replaced. `source`, `subject` and `id`"
    " name a step for ever: the same with other contents is a contradiction, and not taken. `time`"
    " lies between DASAN_EARLIEST, by default 1990, and some minutes from now."
)
_PLAIN_NAME = re.compile("[a-z_]{1,40}")

STEPS: tuple[type[Data], ...] = (
    contact_steps.Received,
    contact_steps.Classified,
    contact_steps.Queued,
    contact_steps.TurnedAway,
    contact_visits.Abandoned,
    contact_visits.LeftQueue,
    contact_visits.Answered,
    contact_visits.Ended,
    contact_steps.Replied,
    contact_outcomes.FollowedUp,
    contact_steps.Transferred,
    contact_outcomes.Resolved,
    contact_outcomes.Rated,
    contact_outcomes.Reopened,
    contact_outcomes.Praised,
)
"""Every type of step, in the order in which those of one instant happen."""

RANKS = {step.TYPE: rank for rank, step in enumerate(STEPS)}


class StepError(ValueError):
    """A line or message is no step; says what is wrong with it, without its contents."""


class Step(BaseModel):
    """What a gateway reports. `source` and `id` are its name for ever, `subject` is the contact.

    Attributes that CloudEvents allows beside these are ignored, but for `traceparent`.
    """

    model_config = ConfigDict(frozen=True, strict=True, hide_input_in_errors=True)

    specversion: Literal["1.0"]
    source: Source
    id: Id
    type: str
    subject: Id
    time: FactTime
    datacontenttype: ContentType = JSON
    traceparent: Traceparent = None
    data: Data

    @property
    def order(self) -> tuple[datetime, int]:
        """Sorts the steps of a contact as they happened."""
        return (self.time, RANKS[self.type])

    def as_json(self) -> str:
        """Return the document that it is read from again."""
        return self.model_dump_json(exclude_none=True)


class StepReader:
    """Reads steps, and gives codes to the names in them."""

    def __init__(self, naming: Naming, settings: Settings) -> None:
        self._naming = naming
        self._settings = settings

    def read(self, text: str | bytes) -> tuple[Step, list[str]]:
        """Return the step that a JSON document holds, and what of it was not taken as it came.

        Raises:
            StepError: it is none.
        """
        reading = Reading(self._naming, self._settings.country, self._settings.times)
        try:
            return _STEP.validate_json(text, context=reading), reading.warnings
        except ValidationError as error:
            faults = error.errors(include_url=False, include_input=False)
            raise StepError("; ".join(map(_named, faults[:FAULTS_NAMED]))) from error
        except UnicodeEncodeError as error:
            raise StepError("not UTF-8") from error


def step_schema() -> dict[str, Any]:
    """Return the JSON Schema of a step."""
    return {
        "$schema": SCHEMA_DIALECT,
        "title": "A step of a contact, as its gateway reports it",
        "description": _RULES,
        **_STEP.json_schema(),
    }


def _literal(value: str) -> Any:
    return Literal[value]


def _envelope(data: type[Data]) -> type[Step]:
    return create_model(
        f"{data.__name__}Step",
        __base__=Step,
        __doc__=data.__doc__,
        type=(_literal(data.TYPE), ...),
        data=(data, ...),
    )


def _named(fault: ErrorDetails) -> str:
    if fault["type"].startswith("union_tag"):
        return "type: no type of step; docs/contacts.md lists them"
    # The type, by which the fields are known, is in front of the place.
    parts = [str(part) for part in fault["loc"] if part not in RANKS]
    if fault["type"] == "extra_forbidden" and not _PLAIN_NAME.fullmatch(parts[-1]):
        parts[-1] = "?"  # the sender made the name up: it may be anything, somebody's number, too
    place = ".".join(parts)
    reason = fault["msg"].removeprefix("Value error, ")
    return f"{place}: {reason}" if place else reason


_any_step: Any = Annotated[reduce(or_, map(_envelope, STEPS)), Field(discriminator="type")]
_STEP: TypeAdapter[Step] = TypeAdapter(_any_step)

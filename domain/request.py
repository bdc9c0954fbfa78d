"""Who asks for a change, because of what, and under which key."""

import re
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from domain.personal_numbers import filled_up_number
from domain.vocabulary import VocabularyError, code, require_impersonal

ACTOR = "(?:agent|citizen|service|import):[A-Za-z0-9][A-Za-z0-9._@-]{0,63}"
"""The form of an actor: its kind, and a pseudonymous id."""

_ACTOR = re.compile(ACTOR)
_CAUSE = re.compile(r"(?:command|message):[0-9a-f]{32}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_NO_TRACE = re.compile("ff|.{3}0{32}|.{36}0{16}")
"""The version, the trace or the span is one that there cannot be."""


class RequestError(ValueError):
    """A request's particulars are not of their form; says which and what is expected."""


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A client's key for one command, and the fingerprint (SHA-256) of what it asks for."""

    client: str
    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Request:
    """What stands in every event beside its facts, and the key that makes a retry safe.

    `actor` is a pseudonymous id with its kind, as `client`, whose token came, says it; without a
    token there is no client. `cause` is a keyed hash of the command or message.
    `correlation` binds what belongs together, by default the stream itself; `traceparent` is W3C's.

    Raises:
        RequestError: a value is not of its form, or the actor holds what names a person.
    """

    actor: str
    cause: str
    correlation: UUID | None = None
    traceparent: str | None = None
    idempotency: Idempotency | None = None
    client: str | None = None

    def __post_init__(self) -> None:
        """Refuse what could not stand in a record as it is."""
        _require(_ACTOR, "actor", self.actor)
        _require_pseudonym(self.actor)
        _require(_CAUSE, "cause", self.cause)
        if self.client is not None:
            code(self.client)
        if self.traceparent is not None:
            _require(_TRACEPARENT, "traceparent", self.traceparent)


def _require(form: re.Pattern[str], name: str, value: str) -> None:
    if form.fullmatch(value) is None:
        raise RequestError(f"{name} {value!r} is not of the form {form.pattern}")


@lru_cache(maxsize=1_000)  # the same few act again and again
def _require_pseudonym(actor: str) -> None:
    try:
        require_impersonal(actor)
    except VocabularyError as error:
        raise RequestError(f"actor: {error}") from error


def traceparent(text: object) -> str | None:
    """Return a W3C traceparent as it came, or None: one that is malformed is to be ignored.

    So is one whose ids are not random but the number of a person, filled up.
    """
    if not isinstance(text, str) or _TRACEPARENT.fullmatch(text) is None or _NO_TRACE.match(text):
        return None
    return None if filled_up_number(text[3:35]) or filled_up_number(text[36:52]) else text

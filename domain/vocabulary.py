"""The words of a contact centre, as types.

A clear field of an event is an integer, a boolean, a time, an id or a code; every other text is
`Personal` and is sealed before it is stored. The types below are all that an event may carry.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import NewType
from uuid import UUID

from domain.personal_numbers import filled_up_number, personal_data_in, redact

Code = NewType("Code", str)
"""A code or id in the clear: an agent, a queue, a category, a caller's ref (see `code`)."""

Digest = NewType("Digest", str)
"""Lower-case hexadecimal of a hash or of a keyed hash."""

MAX_TEXT = 8_000
"""The most characters that a free text may have."""

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,63}")
_DIGEST = re.compile(r"(?:[0-9a-f]{32}|[0-9a-f]{64})")


class VocabularyError(ValueError):
    """A value is not what its field may hold."""


def code(text: str) -> Code:
    """Return `text` as a code: the one door into the clear fields of events.

    A code has 1 to 64 ASCII letters, digits and ``._:@/+-``, and holds neither a number that names
    a person nor a mail address.

    Raises:
        VocabularyError: it is something else, and may belong into a sealed field.
    """
    if type(text) is StoredCode:
        return Code(text)
    return _new_code(text)


@lru_cache(maxsize=10_000)  # the same few come with every event
def _new_code(text: str) -> Code:
    require_impersonal(text)
    _require_form(text)
    return Code(text)


class StoredCode(str):
    """A code as a log has it, which may hold what today's door refuses.

    Such an inquiry goes on, and whoever asks for its labels gets an answer.
    """

    __slots__ = ()


@lru_cache(maxsize=10_000)
def stored_code(text: str) -> Code:
    """Return `text` as a code that may be in the log already, for questions.

    Raises:
        VocabularyError: it has not the form of a code.
    """
    _require_form(text)
    return Code(StoredCode(text))


def _require_form(text: str) -> None:
    if _CODE.fullmatch(text) is None:
        raise VocabularyError(
            f"{text!r} is not a code: use 1 to 64 letters, digits and ._:@/+- without spaces"
        )


def require_impersonal(text: str) -> None:
    """Refuse what may not stand in the clear for ever.

    Raises:
        VocabularyError: `text`, which is not repeated, holds what names a person.
    """
    if kind := personal_data_in(text):
        raise VocabularyError(
            f"a code holds what looks like a {kind}: codes stand in the clear for ever, so send a"
            " pseudonym"
        )


@lru_cache(maxsize=1_000)
def clear_id(id_: UUID) -> UUID:
    """Return an id that may stand in the clear for ever.

    Raises:
        VocabularyError: it is a number that names a person, filled up to an id.
    """
    if kind := filled_up_number(id_.hex):
        raise VocabularyError(
            f"an id is what looks like a {kind}, filled up: ids stand in the clear for ever, so"
            " send a random one"
        )
    return id_


def digest(text: str) -> Digest:
    """Return `text` as the hexadecimal form of 16 or 32 bytes.

    Raises:
        VocabularyError: it is something else.
    """
    if _DIGEST.fullmatch(text) is None:
        raise VocabularyError(f"{text!r} is not a digest: 32 or 64 lower-case hexadecimal digits")
    if kind := filled_up_number(text):
        raise VocabularyError(f"a digest is what looks like a {kind}, filled up: send a hash")
    return Digest(text)


CLEAR_TEXT: dict[object, Callable[[str], str]] = {Code: code, Digest: digest}
"""The types of clear text, each with the check that its values pass before they are stored."""


@dataclass(frozen=True, slots=True)
class Plain:
    """Personal text on its way to the seal. Never stored, never shown by accident.

    It is in NFC, and resident registration numbers are redacted.

    Raises:
        VocabularyError: more than `MAX_TEXT` characters, or half of a surrogate pair.
    """

    text: str = field(repr=False)

    def __post_init__(self) -> None:
        """Redact, and refuse what could not be stored."""
        text = redact(self.text)
        if len(text) > MAX_TEXT:
            raise VocabularyError(f"a text has {len(text)} characters; {MAX_TEXT} are allowed")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise VocabularyError("a text holds half a surrogate pair: send UTF-8") from error
        object.__setattr__(self, "text", text)


@dataclass(frozen=True, slots=True)
class Sealed:
    """Personal text as stored: ciphertext and nonce in base64, key id, version of the scheme."""

    c: str
    k: Digest
    n: str
    v: int


Personal = Plain | Sealed
"""What a sealed field holds: plain until it is saved, sealed ever after."""


@dataclass(frozen=True, slots=True)
class Contact:
    """One call, message or post of a citizen; `id` is a keyed hash of the source's own id."""

    source: Code
    id: Digest


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with an inquiry, kept elsewhere, encrypted under key `kid`."""

    sha256: Digest
    type: Code
    size: int
    kid: Digest


@dataclass(frozen=True, slots=True)
class FieldRef:
    """One sealed field of one event."""

    stream: UUID
    version: int
    field: Code


@dataclass(frozen=True, slots=True)
class StatedFilter:
    """A label that a statement is limited to, and one of its values; null is those without."""

    name: Code
    value: Code | None


@dataclass(frozen=True, slots=True)
class StatedRow:
    """A row of a statement, from `begin` until `end`: null is a label, or a sum, not known.

    Labels are of the dimensions that it is by, sums of the names that it has, each in that order.
    """

    begin: datetime
    end: datetime
    labels: tuple[Code | None, ...]
    sums: tuple[int | None, ...]


class Channel(StrEnum):
    """How the citizen reached the line."""

    PHONE = "phone"
    VIDEO = "video"
    SMS = "sms"
    INTERNET = "internet"
    SNS = "sns"


TEXT_CHANNELS = frozenset({Channel.SMS, Channel.INTERNET, Channel.SNS})
"""Channels without a live queue: their inquiries are replied to."""


class LeaveReason(StrEnum):
    """Why a visit left its queue without an agent and without hanging up."""

    TIMEOUT = "timeout"
    KEY = "key"
    EMPTY = "empty"
    FULL = "full"
    CLOSED = "closed"
    CALLBACK = "callback"
    LOST = "lost"
    """Nobody knows how: the telephone system went down, or never said."""


REFUSALS = frozenset({LeaveReason.FULL, LeaveReason.CLOSED})
"""The visit was refused on entry: it never waited."""


class EndedBy(StrEnum):
    """Who ended a conversation."""

    CITIZEN = "citizen"
    AGENT = "agent"
    TRANSFER = "transfer"
    SYSTEM = "system"
    UNKNOWN = "unknown"


class TransferKind(StrEnum):
    """Where an inquiry is passed on to."""

    AGENT = "agent"
    INTERPRETER = "interpreter"
    AGENCY = "agency"


class Outcome(StrEnum):
    """How an inquiry was resolved."""

    ANSWERED = "answered"
    REFERRED = "referred"
    NOT_FOUND = "not-found"


class Medium(StrEnum):
    """How a follow-up reaches the citizen."""

    SMS = "sms"
    CALL = "call"
    EMAIL = "email"
    POST = "post"


class Purpose(StrEnum):
    """What a follow-up is for."""

    CORRECTION = "correction"
    INFORMATION = "information"
    CARE = "care"


class Delivery(StrEnum):
    """What became of a follow-up."""

    DELIVERED = "delivered"
    FAILED = "failed"


class LinkKind(StrEnum):
    """How two inquiries belong together."""

    REPEAT = "repeat"
    DUPLICATE = "duplicate"
    MERGED = "merged"
    CHILD = "child"


class AnnulReason(StrEnum):
    """Why an inquiry is taken back."""

    TEST = "test"
    PHANTOM = "phantom"
    DUPLICATE = "duplicate"
    MERGED = "merged"


class Status(StrEnum):
    """Where an inquiry stands."""

    RECEIVED = "received"
    QUEUED = "queued"
    IN_CONVERSATION = "in_conversation"
    AT_AGENCY = "at_agency"
    RESOLVED = "resolved"
    ABANDONED = "abandoned"
    ANNULLED = "annulled"

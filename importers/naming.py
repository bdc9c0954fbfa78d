"""Codes for the names that systems of the trade give: of agents, of queues, of transfers' targets.

A name that is a code stays as it is. Any other gets a code of its own, the same each time, so that
no call is lost for a name; and nothing that names a person stands in the clear.
"""

import re
import unicodedata
from collections.abc import Mapping
from uuid import UUID

from domain.personal_numbers import (
    REDACTED,
    filled_up_number,
    has_mail_address,
    personal_number_in,
    redact,
)
from domain.vocabulary import Code, VocabularyError, code
from eventlog.keys import Keys
from eventlog.personal import looks_like_telephone, mask_number

EXTERNAL = Code("external")
"""Stands for a telephone number outside the house, which is no code."""
UNNAMED = Code("unnamed")
"""Stands for a name that is missing, or of a transfer's target that is no code, such as ``*72``."""

MIN_TELEPHONE_DIGITS = 7
MAX_SLUG = 40

_TECHNOLOGIES = frozenset({
    "agent", "sip", "pjsip", "iax2", "local", "dahdi", "zap", "sccp", "skinny", "mgcp", "ooh323",
})  # fmt: skip
_CHANNEL_SUFFIX = re.compile(r"-[0-9a-f]{8}(;[12])?$")


class Naming:
    """Gives codes; `queues` are those that the city's catalogue knows by other names.

    `new_queues` are the codes that were made of queues' names, each with the name.
    """

    def __init__(self, keys: Keys, queues: Mapping[str, Code]) -> None:
        self._keys = keys
        self._queues = queues
        self.new_queues: dict[Code, str] = {}

    def agent(self, source: str, name: str) -> Code:
        """Return an agent's name as a code; one that is personal, or no code, gets a pseudonym."""
        if name and not _is_telephone(name):
            try:
                return code(name)
            except VocabularyError:
                pass
        hashed = self._keys.hashed("agent", source, _digits(name) if _is_telephone(name) else name)
        return Code(f"agent-{hashed[:6].hex()}")

    def queue(self, name: str) -> Code:
        """Return the code of a queue: of the catalogue, else the name, else one made of it."""
        if known := self._queues.get(name):
            return known
        if not _is_telephone(name):
            try:
                return code(name)
            except VocabularyError:
                pass
        hashed = self._keys.hashed("queue", name)[:4].hex()
        made = Code(f"{_slug(name)}-{hashed}")
        self.new_queues[made] = _shown(name)
        return made


def member_name(member: str) -> str:
    """Return who a queue's member is, without channel technology, context and suffix.

    ``Agent/a01``, ``SIP/a01`` and ``Local/a01@inside/n`` are ``a01``; ``team/a01`` stays.
    """
    technology, slash, name = member.partition("/")
    if not slash or technology.lower() not in _TECHNOLOGIES:
        return member
    return _CHANNEL_SUFFIX.sub("", name.partition("@")[0])


def target(text: str) -> Code:
    """Return what may stand in the clear for a transfer's target: never a telephone number."""
    if _is_uuid(text):
        return Code(text)
    name = member_name(text)
    if _is_telephone(name) or re.search(rf"\d{{{MIN_TELEPHONE_DIGITS},}}", name):
        return EXTERNAL
    try:
        return code(name)
    except VocabularyError:
        return UNNAMED


def _is_uuid(text: str) -> bool:
    """Whether `text` is the id of a bridge, whose digits are no telephone number."""
    try:
        return str(UUID(text)) == text and filled_up_number(text) is None
    except ValueError:
        return False


def _is_telephone(name: str) -> bool:
    return looks_like_telephone(name) or personal_number_in(name) is not None


def _digits(name: str) -> str:
    return re.sub("[^0-9]", "", name)


def _slug(name: str) -> str:
    """Return what can be read of a queue's name in a code; nothing of a number or an address."""
    if _is_telephone(name) or has_mail_address(name):
        return "queue"
    words = re.findall("[A-Za-z0-9]+", unicodedata.normalize("NFKD", name))
    slug = "-".join(words)[:MAX_SLUG].strip("-").lower()
    return slug if re.search("[a-z]", slug) else "queue"


def _shown(name: str) -> str:
    """Return a queue's name as the catalogue may show it."""
    if has_mail_address(name):
        return REDACTED
    legible = redact(name.encode("utf-8", "replace").decode())
    return mask_number(legible) if _is_telephone(name) else legible

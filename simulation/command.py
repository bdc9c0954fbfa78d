"""What clients of the service ask for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Command:
    """One request to change an inquiry.

    `at` is when it happens in the world (UTC). `name` is the last part of its path, "receive" for
    POST /v1/inquiries itself. `body` is JSON, its times RFC 3339 text.
    """

    at: datetime
    inquiry: UUID
    name: str
    body: dict[str, Any]

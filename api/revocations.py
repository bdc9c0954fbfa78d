"""What was revoked: tokens by their ids, and all that a client has had until some time.

It stands in the file `revoked` of the home, a JSON document a line.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import orjson

from api.access_log import access
from domain.vocabulary import code


class TokenFileError(RuntimeError):
    """What was revoked cannot be told; says where, and how to mend it."""


def revoked_file(home: Path) -> Path:
    """Return the file of what was revoked."""
    return home / "revoked"


@dataclass(frozen=True, slots=True)
class Revocations:
    """The tokens that were revoked, by id, and the clients of which all were, by when."""

    tokens: frozenset[str] = frozenset()
    clients: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, home: Path) -> Self:
        """Return what the home's file says: a JSON document a line.

        Raises:
            TokenFileError: a line is none, so that what it revoked is not known.
        """
        file = revoked_file(home)
        tokens, clients = set(), {}
        lines = file.read_bytes().splitlines() if file.exists() else []
        for number, line in enumerate(lines, 1):
            try:
                match orjson.loads(line or b"{}"):
                    case {"client": str(client), "at": int(at)}:
                        clients[client] = at
                    case {"token": str(token)}:
                        tokens.add(token)
                    case {}:
                        pass
                    case _:
                        raise ValueError("neither a client nor a token")
            except ValueError as error:
                raise TokenFileError(
                    f"{file}, line {number}: it does not say what was revoked ({error}): restore"
                    " it, or take the line out and revoke again"
                ) from error
        return cls(frozenset(tokens), clients)

    def has(self, client: str, token: str | None, issued_at: float) -> bool:
        """Return whether a client's token was revoked, by its id or by when it was issued."""
        return token in self.tokens or issued_at <= self.clients.get(client, -1)


def revoke(home: Path, *, client: str | None = None, token: str | None = None) -> None:
    """Revoke a token by its id, or all that a client has had so far; servers see it in a second."""
    told: dict[str, object] = {"client": code(client)} if client else {"token": token}
    # Behind a line that was torn it would be lost with it.
    line = b"\n" + orjson.dumps({**told, "at": int(time.time())}) + b"\n"
    descriptor = os.open(revoked_file(home), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "ab") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
    access.info("revoked", extra={"client": client, "token": token})

"""Who calls and what they may do: bearer tokens with scopes (RFC 6750), signed by the city's key.

A token is a JWT (RFC 7519, HS256): `sub` names the client, `scope` its scopes, `exp` its end. The
key is that of `DASAN_TOKEN_KEY` (base64) or of a file under `DASAN_HOME/keys`, made at the first
start.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import jwt
from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from domain.vocabulary import Code, VocabularyError, code
from eventlog.keys import secret

ALGORITHM = "HS256"
KNOWN_TOKENS = 10_000


class Scope(StrEnum):
    """What a client may do."""

    INQUIRIES_READ = "inquiries:read"
    INQUIRIES_WRITE = "inquiries:write"
    PERSONAL_READ = "personal:read"
    KPI_READ = "kpi:read"
    AUDIT_READ = "audit:read"
    PRIVACY_ERASE = "privacy:erase"
    PRAISE_MODERATE = "praise:moderate"
    ADMIN = "admin"


class UnauthenticatedError(Exception):
    """No token came, or one that is not valid (any more); says which."""


class ForbiddenError(Exception):
    """The token does not allow it; says which scope is missing."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The client behind a token."""

    client: Code
    scopes: frozenset[str]
    expires_at: float

    def require(self, scope: Scope) -> None:
        """Raise `ForbiddenError` unless the caller has the scope; `admin` has all."""
        if scope not in self.scopes and Scope.ADMIN not in self.scopes:
            raise ForbiddenError(f"the token of {self.client} lacks the scope {scope}")


def token_key(home: Path) -> bytes:
    """Return the key that tokens are signed with.

    Raises:
        KeyFileError: it is malformed, or can neither be read nor made.
    """
    return secret("DASAN_TOKEN_KEY", home / "keys" / "tokens")


class Tokens:
    """Issues and verifies tokens under one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._known: dict[str, Caller] = {}

    def issue(self, client: str, scopes: frozenset[Scope], lifetime: timedelta) -> str:
        """Return a token.

        Raises:
            VocabularyError: `client` is no code.
        """
        now = int(time.time())
        claims = {
            "sub": code(client),
            "scope": " ".join(sorted(scopes)),
            "iat": now,
            "exp": now + int(lifetime.total_seconds()),
        }
        return jwt.encode(claims, self._key, algorithm=ALGORITHM)

    def caller(self, authorization: str | None) -> Caller:
        """Return who calls with this Authorization header.

        Raises:
            UnauthenticatedError: it has no bearer token, or one not of this key or expired.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise UnauthenticatedError("send a token: Authorization: Bearer …")
        caller = self._known.get(token)
        if caller is None:
            caller = self._decoded(token)
            if len(self._known) >= KNOWN_TOKENS:
                self._known.clear()
            self._known[token] = caller
        if caller.expires_at <= time.time():
            raise UnauthenticatedError("the token has expired: get a new one")
        return caller

    def _decoded(self, token: str) -> Caller:
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                options={"require": ["sub", "scope", "exp"], "verify_exp": False},
            )
            return Caller(
                code(claims["sub"]), frozenset(claims["scope"].split()), float(claims["exp"])
            )
        except (jwt.InvalidTokenError, VocabularyError, AttributeError, ValueError) as error:
            raise UnauthenticatedError(f"the token is not valid: {error}") from error


_bearer = HTTPBearer(
    auto_error=False, description="A token of `dasan token --scope …`; scopes in each operation."
)


async def authenticated(request: Request, _: Annotated[object, Depends(_bearer)]) -> Caller:
    """Return who calls; the dependency that lets in every client with a token."""
    tokens: Tokens = request.app.state.service.tokens
    return tokens.caller(request.headers.get("authorization"))


def needs(scope: Scope) -> Callable[..., Caller]:
    """Return the dependency that lets only callers with the scope in."""

    async def caller(caller: Annotated[Caller, Depends(authenticated)]) -> Caller:
        caller.require(scope)
        return caller

    return caller  # type: ignore[return-value]  # FastAPI awaits it

"""Who calls and what they may do: bearer tokens with scopes (RFC 6750), signed by the city's key.

A token is a JWT (RFC 7519, HS256): `sub` names the client, `scope` its scopes, `exp` its end, `jti`
itself. The key is that of `DASAN_TOKEN_KEY` (base64) or of a file under `DASAN_HOME/keys`, made at
the first start. What is revoked stands in the file `revoked` of the home; a server sees that file,
and another key, within a second.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import jwt
from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from api.access_log import access
from api.revocations import Revocations, TokenFileError, revoked_file
from domain.vocabulary import Code, VocabularyError, code
from eventlog.keys import KeyFileError, secret

ALGORITHM = "HS256"
KNOWN_TOKENS = 10_000
ACTORS = frozenset({"agent", "citizen", "service", "import"})
"""The kinds of actors that a token may speak for."""

LONGEST = timedelta(days=3_650)
"""Of what a token may be valid for."""

LOOKED_AGAIN_S = 1.0
"""How long a key that was exchanged, or a token that was revoked, may go unseen."""

_log = logging.getLogger(__name__)


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
    """The token does not allow it; says what is missing."""

    def __init__(self, caller: "Caller", reason: str) -> None:
        super().__init__(f"the token of {caller.client} {reason}")
        self.caller = caller


@dataclass(frozen=True, slots=True)
class Caller:
    """The client behind a token."""

    client: Code
    scopes: frozenset[str]
    expires_at: float
    issued_at: float
    token_id: str | None
    actors: frozenset[str]

    def require_actor(self, actor: str) -> None:
        """Raise `ForbiddenError` unless the token speaks for this actor, as for its client."""
        if actor != f"service:{self.client}" and actor.partition(":")[0] not in self.actors:
            allowed = ", ".join(sorted(self.actors)) or "nobody else"
            raise ForbiddenError(
                self,
                f"speaks for itself and for {allowed}, and the Dasan-Actor is of another kind",
            )

    def require(self, scope: Scope) -> None:
        """Raise `ForbiddenError` unless the caller has the scope; `admin` has all."""
        if scope not in self.scopes and Scope.ADMIN not in self.scopes:
            raise ForbiddenError(self, f"lacks the scope {scope}")


def token_key(home: Path) -> bytes:
    """Return the key that tokens are signed with.

    Raises:
        KeyFileError: it is malformed, or can neither be read nor made.
    """
    return secret("DASAN_TOKEN_KEY", token_file(home))


def token_file(home: Path) -> Path:
    """Return the file of the key that tokens are signed with."""
    return home / "keys" / "tokens"


class Tokens:
    """Issues and verifies tokens under one key, which may change if it is that of a home."""

    def __init__(self, key: bytes, home: Path | None = None) -> None:
        self._key = key
        self._home = home
        self._known: dict[str, Caller] = {}
        self._revoked = Revocations()
        self._seen: object = None
        self._looked_at = float("-inf")

    def issue(
        self,
        client: str,
        scopes: frozenset[Scope],
        lifetime: timedelta,
        actors: frozenset[str] = ACTORS,
    ) -> str:
        """Return a token that speaks for its client, and for these kinds of actors.

        Raises:
            VocabularyError: `client` is no code.
        """
        now = int(time.time())
        claims = {
            "sub": code(client),
            "scope": " ".join(sorted(scopes)),
            "iat": now,
            "exp": now + int(lifetime.total_seconds()),
            "jti": uuid4().hex,
            "actors": sorted(actors),
        }
        access.info("issued", extra={"client": client, "token": claims["jti"]})
        return jwt.encode(claims, self._key, algorithm=ALGORITHM)

    def caller(self, authorization: str | None) -> Caller:
        """Return who calls with this Authorization header.

        Raises:
            UnauthenticatedError: it has no bearer token, or one that does not hold (any more).
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise UnauthenticatedError("send a token: Authorization: Bearer …")
        self._look_again()
        caller = self._known.get(token)
        if caller is None:
            caller = self._decoded(token)
            if len(self._known) >= KNOWN_TOKENS:
                self._known.clear()
            self._known[token] = caller
        if caller.expires_at <= time.time():
            raise UnauthenticatedError("the token has expired: get a new one")
        if self._revoked.has(caller.client, caller.token_id, caller.issued_at):
            raise UnauthenticatedError("the token was revoked: get a new one")
        return caller

    def _look_again(self) -> None:
        """Take in another key, and what was revoked, if the files are others than before."""
        now = time.monotonic()
        if self._home is None or now < self._looked_at + LOOKED_AGAIN_S:
            return
        self._looked_at = now
        seen = [_signature(token_file(self._home)), _signature(revoked_file(self._home))]
        if seen == self._seen:
            return
        self._seen = seen
        try:
            if seen[0] is not None:  # a server that lost its key goes on with it
                self._key = token_key(self._home)
            self._revoked = Revocations.read(self._home)
        except (KeyFileError, TokenFileError) as error:
            _log.error("tokens are taken as before: %s", error)
        self._known.clear()

    def _decoded(self, token: str) -> Caller:
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                options={"require": ["sub", "scope", "exp"], "verify_exp": False},
            )
            return Caller(
                client=code(claims["sub"]),
                scopes=frozenset(claims["scope"].split()),
                expires_at=_time(claims, "exp"),
                issued_at=_time(claims, "iat") if "iat" in claims else 0,
                token_id=claims.get("jti"),
                actors=frozenset(claims.get("actors", ACTORS)),  # one of before names none
            )
        except (
            jwt.InvalidTokenError,
            VocabularyError,
            AttributeError,
            TypeError,
            ValueError,
        ) as error:
            raise UnauthenticatedError(f"the token is not valid: {error}") from error


def _time(claims: dict[str, Any], name: str) -> int:
    """Return a time of a token, in seconds since 1970: a whole number, and not of another age."""
    value = claims[name]
    if type(value) is not int or not 0 <= value <= time.time() + LONGEST.total_seconds():
        raise ValueError(f"{name} is not a whole number of seconds within ten years")
    return value


def _signature(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


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


def note_refused(request: Request, error: UnauthenticatedError | ForbiddenError) -> None:
    """Tell the log of access that a request was refused."""
    # The route, and not the path: nothing that a stranger sends stands in the log.
    route = getattr(request.scope.get("route"), "path", None)
    told = {"method": request.method, "route": route, "reason": str(error)[:200]}
    if isinstance(error, ForbiddenError):
        told |= {"client": error.caller.client, "token": error.caller.token_id}
    access.info("refused", extra=told)

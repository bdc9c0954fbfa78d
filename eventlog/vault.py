"""Sealing: personal text becomes ciphertext under a key that can be destroyed.

AES-256-GCM under a random key, one an inquiry. The key id commits to the key, so that no other key
can be claimed to open a text; the associated data binds a text to its place in the log. Keys are
wrapped by AES-KW (RFC 3394) and become durable in the transaction that appends what they seal.
"""

import base64
import binascii
import hashlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap
from psycopg import Connection
from psycopg_pool import ConnectionPool

from domain.personal_numbers import redact
from domain.vocabulary import Digest, Sealed
from eventlog.keys import KEY_BYTES, Keys
from eventlog.record import canonical

VERSION = 1
NONCE_BYTES = 12
COMMITMENT = b"dasan data key\0"
CACHED_KEYS = 10_000
KEPT_S = 5.0
"""How long a key is in memory: from the load of an inquiry until what it decides is sealed."""


class VaultError(Exception):
    """A sealed text cannot be opened."""


class KeyDestroyedError(VaultError):
    """The key is gone: the text is forgotten for ever."""


@dataclass(slots=True)
class DataKey:
    """The key of one inquiry's personal data. `durable` once an append has stored it."""

    kid: Digest
    stream: UUID
    secret: bytes = field(repr=False)
    wrapped: bytes = field(repr=False)
    durable: bool
    seen_at: float = field(default_factory=time.monotonic)


class Vault:
    """Seals and opens texts; keeps the keys in use in memory, for seconds and a limited number.

    So a key that was destroyed is gone from every process soon after. Python cannot overwrite it:
    its memory is used again for something else, or not.
    """

    def __init__(self, keys: Keys, pool: ConnectionPool[Connection]) -> None:
        self._keys = keys
        self._pool = pool
        self._cache: dict[UUID, DataKey] = {}

    def key_for(self, stream: UUID) -> DataKey:
        """Return the key to seal an inquiry's texts with: the one that is known, else a new one."""
        return self._known(stream) or self._keep(self._make(stream))

    def know(self, stream: UUID, kid: bytes, wrapped: bytes) -> None:
        """Take in an inquiry's key as the database has it.

        Raises:
            VaultError: it is wrapped under a key-encryption key that is not here.
        """
        known = self._known(stream)
        if known is not None and known.kid == kid.hex():
            self._keep(known)
        else:
            secret = self._unwrapped(Digest(kid.hex()), wrapped)
            self._keep(DataKey(Digest(kid.hex()), stream, secret, wrapped, durable=True))

    def seal(self, key: DataKey, type_: str, name: str, text: str) -> Sealed:
        """Return `text` as field `name` of an event of `type_`, under `key`."""
        nonce = os.urandom(NONCE_BYTES)
        place = _place(key.stream, type_, name, key.kid)
        ciphertext = AESGCM(key.secret).encrypt(nonce, text.encode(), place)
        return Sealed(c=_base64(ciphertext), k=key.kid, n=_base64(nonce), v=VERSION)

    def open(self, sealed: Sealed, stream: UUID, type_: str, name: str) -> str:
        """Return the text of a sealed field.

        It is redacted by today's rule: it may have been sealed before the rule was made.

        Raises:
            KeyDestroyedError: the key is gone.
            VaultError: the text was changed or moved, or was sealed under other secrets.
        """
        with self._pool.connection() as connection:
            row = connection.execute(
                "SELECT wrapped FROM vault.key WHERE kid = %s", [bytes.fromhex(sealed.k)]
            ).fetchone()
        if row is None:
            raise KeyDestroyedError(f"the key {sealed.k} was destroyed: the text is forgotten")
        secret = self._unwrapped(sealed.k, row[0])
        if key_id(secret) != sealed.k:
            raise VaultError(f"the stored key {sealed.k} is another one than its id says")
        return redact(_decrypted(secret, sealed, stream, type_, name))

    def known_text(self, sealed: Sealed, stream: UUID, type_: str, name: str) -> str | None:
        """Return the text of a sealed field if the inquiry's key is in memory, else None.

        An inquiry's key is in memory once it is loaded, unless the inquiry was forgotten.

        Raises:
            VaultError: the text was changed or moved.
        """
        key = self._known(stream)
        if key is None or key.kid != sealed.k:
            return None
        return redact(_decrypted(key.secret, sealed, stream, type_, name))

    def citizens(self, hashes: Sequence[bytes]) -> dict[bytes, UUID]:
        """Return the citizen of each keyed hash; one never seen is a new citizen, durable at once.

        Look up only who has to be known: a look-up of somebody forgotten files them as new.
        """
        with self._pool.connection() as connection:
            rows = connection.execute(
                "SELECT hash, citizen FROM vault.citizens(%b::bytea[], %b::uuid[])",
                [list(hashes), [uuid4() for _ in hashes]],
                binary=True,
            ).fetchall()
        return {hash_: citizen for hash_, citizen in rows}  # noqa: C416 - rows are of any type

    def forget(self, stream: UUID) -> None:
        """Drop an inquiry's key from memory: the next text is sealed under another."""
        self._cache.pop(stream, None)

    def drop_old(self) -> None:
        """Drop the keys from memory that were not needed for a while."""
        for stream in [*self._cache]:
            self._known(stream)

    def _known(self, stream: UUID) -> DataKey | None:
        key = self._cache.get(stream)
        if key is not None and time.monotonic() > key.seen_at + KEPT_S:
            del self._cache[stream]
            return None
        return key

    def _keep(self, key: DataKey) -> DataKey:
        key.seen_at = time.monotonic()
        if len(self._cache) >= CACHED_KEYS:
            del self._cache[next(iter(self._cache))]
        self._cache[key.stream] = key
        return key

    def _make(self, stream: UUID) -> DataKey:
        secret = os.urandom(KEY_BYTES)
        wrapped = self._keys.wrap(secret)
        return DataKey(key_id(secret), stream, secret, wrapped, durable=False)

    def _unwrapped(self, kid: Digest, wrapped: bytes) -> bytes:
        try:
            return self._keys.unwrap(wrapped)
        except InvalidUnwrap as error:
            raise VaultError(
                f"the key {kid} is wrapped under another key-encryption key: one that was changed"
                " (dasan keys rotate) is known to programs that were started since"
            ) from error


def key_id(secret: bytes) -> Digest:
    """Return the commitment to a key: 16 bytes of SHA-256 in hexadecimal."""
    return Digest(hashlib.sha256(COMMITMENT + secret).digest()[:16].hex())


def _decrypted(secret: bytes, sealed: Sealed, stream: UUID, type_: str, name: str) -> str:
    try:
        nonce, ciphertext = base64.b64decode(sealed.n), base64.b64decode(sealed.c)
        place = _place(stream, type_, name, sealed.k)
        return AESGCM(secret).decrypt(nonce, ciphertext, place).decode()
    except (InvalidTag, binascii.Error) as error:
        raise VaultError(f"{type_}, field {name}: the text was changed or moved") from error


def _place(stream: UUID, type_: str, name: str, kid: str) -> bytes:
    return f"{canonical(stream)}\n{type_}\n{name}\n{kid}".encode()


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")

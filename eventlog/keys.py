"""The secrets of a city that stand outside its database: two 32-byte keys.

The key-encryption key wraps the keys of personal data; the look-up key turns contact ids and
telephone numbers into keyed hashes. They come from `DASAN_KEY_ENCRYPTION_KEY` and
`DASAN_LOOKUP_KEY` (base64), else from files under `DASAN_HOME/keys`, made at the first start.

While the key-encryption key is being changed (`eventlog/rotating.py`) there are two: the next one,
of `DASAN_NEW_KEY_ENCRYPTION_KEY` or of the file `encryption.next`, wraps what is new, and the
present one still opens what it has wrapped.
"""

import base64
import binascii
import hashlib
import hmac
import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from domain.vocabulary import Code, Contact, Digest

KEY_BYTES = 32
ENCRYPTION, NEXT_ENCRYPTION = "DASAN_KEY_ENCRYPTION_KEY", "DASAN_NEW_KEY_ENCRYPTION_KEY"


class KeyFileError(RuntimeError):
    """A secret is missing or is none; says which, where, and how to mend it."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The secrets; never logged, never in the database."""

    encryption: bytes = field(repr=False)
    lookup: bytes = field(repr=False)
    former: bytes | None = field(default=None, repr=False)
    """The key-encryption key that is being replaced, while it is."""

    @property
    def encryption_id(self) -> bytes:
        """Names the key-encryption key without giving it away: 8 bytes."""
        return encryption_id(self.encryption)

    def wrap(self, secret: bytes) -> bytes:
        """Return a key of personal data wrapped: AES-KW, RFC 3394."""
        return aes_key_wrap(self.encryption, secret)

    def unwrap(self, wrapped: bytes) -> bytes:
        """Return a key of personal data.

        Raises:
            cryptography.hazmat.primitives.keywrap.InvalidUnwrap: another key has wrapped it.
        """
        if self.former is not None:
            with suppress(InvalidUnwrap):
                return aes_key_unwrap(self.former, wrapped)
        return aes_key_unwrap(self.encryption, wrapped)

    def hashed(self, label: str, *parts: str) -> bytes:
        """Return the keyed hash of `parts` for one purpose: 32 bytes, HMAC-SHA256."""
        # Names of a file that is not quite UTF-8 hold octets as lone surrogates.
        message = "\0".join((label, *parts)).encode("utf-8", "surrogateescape")
        return hmac.digest(self.lookup, message, "sha256")

    def contact(self, source: str, contact_id: str) -> Contact:
        """Return the contact with its id hashed."""
        return Contact(Code(source), Digest(self.hashed("contact", source, contact_id)[:16].hex()))

    def inquiry_id(self, source: str, contact_id: str) -> UUID:
        """Return the one id (UUIDv8, RFC 9562) that the inquiry of this contact can have."""
        octets = bytearray(self.hashed("inquiry", source, contact_id)[:16])
        octets[6] = octets[6] & 0x0F | 0x80
        octets[8] = octets[8] & 0x3F | 0x80
        return UUID(bytes=bytes(octets))

    def cause(self, kind: str, *parts: str) -> str:
        """Return a causation id: ``command:…`` or ``message:…`` and a keyed hash."""
        return f"{kind}:{self.hashed(kind, *parts)[:16].hex()}"


def load_keys(home: Path, environment: Mapping[str, str] = os.environ) -> Keys:
    """Return the city's secrets, made under `home` if this is the first start.

    Raises:
        KeyFileError: a secret is malformed, or the folder cannot be written.
    """
    encryption = secret(ENCRYPTION, home / "keys" / "encryption", environment)
    following = next_encryption(home, environment)
    is_changing = following is not None and following != encryption
    return Keys(
        encryption=following or encryption,
        lookup=secret("DASAN_LOOKUP_KEY", home / "keys" / "lookup", environment),
        former=encryption if is_changing else None,
    )


def encryption_id(key: bytes) -> bytes:
    """Name a key-encryption key without giving it away: 8 bytes."""
    return hashlib.sha256(b"dasan key-encryption key\0" + key).digest()[:8]


def next_encryption(home: Path, environment: Mapping[str, str] = os.environ) -> bytes | None:
    """Return the key-encryption key that replaces the present one, null if none does.

    Raises:
        KeyFileError: it is malformed, or cannot be read.
    """
    file = home / "keys" / "encryption.next"
    if environment.get(ENCRYPTION):  # whoever keeps the one elsewhere keeps the next there, too
        return (
            secret(NEXT_ENCRYPTION, file, environment) if NEXT_ENCRYPTION in environment else None
        )
    return secret(ENCRYPTION, file, {}) if file.exists() else None


def secret(name: str, file: Path, environment: Mapping[str, str] = os.environ) -> bytes:
    """Return a secret of 32 bytes from the environment, else from a file, made if there is none.

    Raises:
        KeyFileError: it is malformed, or the file can neither be read nor made.
    """
    try:
        text = environment.get(name) or _read_or_make(file)
    except OSError as error:
        raise KeyFileError(
            f"the secret {file} cannot be read or made: {error.strerror}. "
            f"Set DASAN_HOME to a folder that can be written, or {name}"
        ) from error
    try:
        octets = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        octets = b""
    if len(octets) != KEY_BYTES:
        raise KeyFileError(
            f"{name if name in environment else file} does not hold 32 bytes in base64: "
            "restore it from your backup; what was made with it cannot be used with a new one"
        )
    return octets


def _read_or_make(file: Path) -> str:
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = file.with_name(f"{file.name}.{os.getpid()}.{threading.get_ident()}.new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(base64.b64encode(os.urandom(KEY_BYTES)))
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(fresh, file)  # fails if another process was first: then its key counts
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return file.read_text("ascii")

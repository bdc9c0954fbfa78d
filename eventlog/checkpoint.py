"""Checkpoints: the log's size and root, signed (C2SP tlog-checkpoint and signed-note, Ed25519)."""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from eventlog.base64_text import decoded, encoded
from eventlog.keys import secret

_ED25519 = b"\x01"
_DASH = "\u2014"
_KEY_ID_BYTES = 4
_ROOT_BYTES = 32
_SIZE = re.compile("0|[1-9][0-9]{0,18}", re.ASCII)
_KEY_ID = re.compile("[0-9a-f]{8}", re.ASCII)


class CheckpointError(ValueError):
    """This is no checkpoint of the log, or not signed by its key; says why."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What the log says of itself: whose it is, how many records it has, and their root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """What is signed: three lines."""
        return f"{self.origin}\n{self.size}\n{encoded(self.root)}\n"


@dataclass(frozen=True, slots=True)
class Verifier:
    """The public key of a log, by name."""

    name: str
    key: bytes

    @classmethod
    def parsed(cls, text: str) -> Self:
        """Return the key that a text names: `name+hex(key id)+base64(0x01 || public key)`.

        Raises:
            CheckpointError: it is no verifier key of Ed25519.
        """
        name, _, rest = text.strip().partition("+")
        key_id, _, key = rest.partition("+")
        octets = _decoded(key)
        if not name or octets[:1] != _ED25519 or len(octets) != 1 + 32:
            raise CheckpointError(f"{text.strip()!r:.80} is no verifier key of Ed25519")
        verifier = cls(name, octets[1:])
        if not _KEY_ID.fullmatch(key_id) or verifier.key_id.hex() != key_id:
            raise CheckpointError(f"the verifier key {name} has not the id {key_id!r:.80}")
        return verifier

    @property
    def key_id(self) -> bytes:
        """Tells which key of this name it is: 4 bytes."""
        named = self.name.encode() + b"\n" + _ED25519 + self.key
        return hashlib.sha256(named).digest()[:_KEY_ID_BYTES]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{encoded(_ED25519 + self.key)}"

    def opened(self, note: str) -> Checkpoint:
        """Return the checkpoint of a signed note; signatures of others are not looked at.

        Raises:
            CheckpointError: it is none, or this key has not signed it.
        """
        checkpoint = _parsed(_split(note)[0])
        self.require_signed(note, f"the checkpoint of {checkpoint.size:,} records")
        if checkpoint.origin != self.name:
            raise CheckpointError(
                f"the checkpoint is of {checkpoint.origin!r:.80}, and the key of {self.name}"
            )
        return checkpoint

    def require_signed(self, note: str, what: str) -> str:
        """Return the text of a signed note (C2SP signed-note); `what` names it in errors.

        Raises:
            CheckpointError: this key has not signed it.
        """
        text, signatures = _split(note)
        for line in signatures.splitlines():
            dash, _, rest = line.partition(" ")
            name, _, signature = rest.partition(" ")
            octets = _decoded(signature)
            if (dash, name, octets[:_KEY_ID_BYTES]) != (_DASH, self.name, self.key_id):
                continue
            try:
                public = Ed25519PublicKey.from_public_bytes(self.key)
                public.verify(octets[_KEY_ID_BYTES:], text.encode())
            except InvalidSignature as error:
                raise CheckpointError(
                    f"the signature of {what} is not by {self.name} {self.key_id.hex()}, or the"
                    " text was changed"
                ) from error
            return text
        raise CheckpointError(f"no signature by {self.name} {self.key_id.hex()} is on {what}")


@dataclass(frozen=True, slots=True)
class Signer:
    """The key that a log signs with."""

    name: str
    seed: bytes = field(repr=False)

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        return Verifier(self.name, self._key.public_key().public_bytes_raw())

    @property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    def signed(self, checkpoint: Checkpoint) -> str:
        """Return the signed note of a checkpoint."""
        return self.signed_text(checkpoint.text)

    def signed_text(self, text: str) -> str:
        """Return the signed note (C2SP signed-note) of lines of text.

        No text may be one that means something else: a checkpoint begins with the log's origin,
        everything else with what it is.
        """
        signature = self._key.sign(text.encode())
        return f"{text}\n{_DASH} {self.name} {encoded(self.verifier.key_id + signature)}\n"


def signer_of(source: str, home: Path) -> Signer:
    """Return the log's signer; its key comes from `DASAN_SIGNING_KEY` or a file, made at need.

    Raises:
        KeyFileError: the key is malformed, or can neither be read nor made.
    """
    return Signer(source, secret("DASAN_SIGNING_KEY", home / "keys" / "signing"))


def _split(note: str) -> tuple[str, str]:
    """Return the text of a note, which ends with a line break, and its signatures."""
    text, _, signatures = note.rpartition("\n\n")
    return f"{text}\n", signatures


def _parsed(text: str) -> Checkpoint:
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1]:  # noqa: PLR2004 - three lines, each with its end
        raise CheckpointError(f"{text[:80]!r} is no checkpoint: origin, size and root are due")
    origin, size, root = lines[:3]
    octets = _decoded(root)
    if not origin or not _SIZE.fullmatch(size) or len(octets) != _ROOT_BYTES:
        raise CheckpointError(f"{text[:80]!r} is no checkpoint: origin, size and root are due")
    return Checkpoint(origin, int(size), octets)


def _decoded(text: str) -> bytes:
    """Return what a text in base64 stands for, nothing if it is none."""
    try:
        return decoded(text)
    except ValueError:
        return b""

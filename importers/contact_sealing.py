"""Encrypting what is kept of messages for a while, under a key made of the city's look-up key.

So neither a dump nor a backup of the database tells what citizens and agents wrote.
"""

import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.vocabulary import Code
from eventlog.keys import Keys

NONCE_BYTES = 12


class Sealing:
    """AES-256-GCM, each text bound to the hash that names its message: nonce, then ciphertext."""

    def __init__(self, keys: Keys) -> None:
        self._cipher = AESGCM(keys.hashed("pending steps"))

    def seal(self, ref: Code, text: str) -> bytes:
        """Return a text encrypted."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, text.encode(), ref.encode())

    def open(self, ref: str, octets: bytes) -> str:
        """Return the text."""
        nonce, ciphertext = octets[:NONCE_BYTES], octets[NONCE_BYTES:]
        return self._cipher.decrypt(nonce, ciphertext, ref.encode()).decode()

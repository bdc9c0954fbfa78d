"""The log as a Merkle tree: RFC 6962, section 2.1, as a pure function of the records.

Leaf i is the record at position i + 1, byte for byte.
"""

import hashlib
from collections.abc import Iterable

EMPTY_ROOT = hashlib.sha256().digest()


def leaf_hash(record: bytes) -> bytes:
    """Return the hash of a leaf: SHA-256 of 0x00 and the record."""
    return hashlib.sha256(b"\x00" + record).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node: SHA-256 of 0x01 and its children's hashes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(records: Iterable[bytes]) -> bytes:
    """Return the Merkle tree hash of the records in order: 32 bytes, O(log n) memory.

    Keeps one hash for each complete subtree, as a binary counter keeps its ones.
    """
    subtrees: list[bytes] = []
    for size, record in enumerate(records):
        subtree, carry = leaf_hash(record), size
        while carry & 1:
            subtree = node_hash(subtrees.pop(), subtree)
            carry >>= 1
        subtrees.append(subtree)
    if not subtrees:
        return EMPTY_ROOT
    result = subtrees.pop()
    while subtrees:
        result = node_hash(subtrees.pop(), result)
    return result

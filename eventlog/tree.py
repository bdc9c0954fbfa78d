"""The log as a Merkle tree: RFC 6962, section 2.1, as a pure function of the records.

Leaf i is the record at position i + 1, byte for byte.
"""

import hashlib
from collections.abc import Iterable, Sequence
from itertools import islice

HASH_BYTES = 32

_LEVELS_AT_ONCE = 8
"""Of complete subtrees that are hashed in one go, which is quicker."""

_LEAVES_AT_ONCE = 4_096
"""Of the leaves whose hashes are in memory."""

EMPTY_ROOT = hashlib.sha256().digest()


def leaf_hash(record: bytes) -> bytes:
    """Return the hash of a leaf: SHA-256 of 0x00 and the record."""
    return hashlib.sha256(b"\x00" + record).digest()


def leaf_hashes(records: Iterable[bytes]) -> bytes:
    """Return the hashes of leaves, one behind the other: `leaf_hash`, quicker for many."""
    sha256 = hashlib.sha256
    return b"".join([sha256(b"\x00" + record).digest() for record in records])


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node: SHA-256 of 0x01 and its children's hashes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(records: Iterable[bytes]) -> bytes:
    """Return the Merkle tree hash of the records in order: 32 bytes, O(log n) memory."""
    peaks = Peaks()
    peaks.extend(records)
    return peaks.root()


def subtree(hashes: bytes) -> bytes:
    """Return the hash of the subtree over 2**n hashes, one behind the other."""
    sha256, pair = hashlib.sha256, 2 * HASH_BYTES
    while len(hashes) > HASH_BYTES:  # node_hash, for many: what verifying a log spends its time on
        hashes = b"".join(
            [
                sha256(b"\x01" + hashes[at : at + pair]).digest()
                for at in range(0, len(hashes), pair)
            ]
        )
    return hashes


class Peaks:
    """What is to be known of the first `size` records to go on with the tree behind them.

    Keeps one hash for each complete subtree, as a binary counter keeps its ones: from the largest
    subtree, which begins at the first leaf, to the smallest.
    """

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        if len(hashes) != size.bit_count():
            raise ValueError(f"a tree of {size:,} has {size.bit_count()} peaks, not {len(hashes)}")
        self.size = size
        self._hashes = list(hashes)

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """The hashes of the complete subtrees, the largest first."""
        return tuple(self._hashes)

    def extend(self, records: Iterable[bytes]) -> None:
        """Let the tree have more leaves, in their order."""
        coming = iter(records)
        while leaves := leaf_hashes(islice(coming, _LEAVES_AT_ONCE)):
            at = 0
            while at < len(leaves):
                width = HASH_BYTES << _LEVELS_AT_ONCE
                is_whole = self.size % (1 << _LEVELS_AT_ONCE) == 0 and at + width <= len(leaves)
                level = _LEVELS_AT_ONCE if is_whole else 0
                end = at + (HASH_BYTES << level)
                self._push(subtree(leaves[at:end]), level)
                at = end

    def _push(self, hash_: bytes, level: int) -> None:
        """Put a complete subtree of 2**level leaves behind the others."""
        carry = self.size >> level
        while carry & 1:
            hash_ = node_hash(self._hashes.pop(), hash_)
            carry >>= 1
        self._hashes.append(hash_)
        self.size += 1 << level

    def root(self) -> bytes:
        """Return the Merkle tree hash."""
        if not self._hashes:
            return EMPTY_ROOT
        *larger, result = self._hashes
        for subtree in reversed(larger):
            result = node_hash(subtree, result)
        return result

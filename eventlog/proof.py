"""Proofs about the tree: that it has a leaf (RFC 6962, 2.1.1), that it continues another (2.1.2).

They are made of hashes of complete subtrees, and checked with nothing but the proof and the roots,
as RFC 9162 says it (2.1.3.2 and 2.1.4.2).
"""

from collections.abc import Callable, Sequence

from eventlog.tree import EMPTY_ROOT, node_hash

Node = Callable[[int, int], bytes]
"""Returns the hash of a complete subtree, given its level and its number from the left.

A subtree of level `l` has 2**l leaves; those of level 0 are the leaves.
"""


class ProofError(ValueError):
    """A proof does not prove it; says what."""


def range_root(node: Node, begin: int, end: int) -> bytes:
    """Return the Merkle tree hash of the leaves from `begin` up to `end`.

    `begin` is a multiple of the largest power of two that is below their number, as it is for each
    subtree that RFC 6962 speaks of.
    """
    size = end - begin
    if size == 0:
        return EMPTY_ROOT
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return node(level, begin >> level)
    middle = begin + _left(size)
    return node_hash(range_root(node, begin, middle), range_root(node, middle, end))


def inclusion(node: Node, index: int, size: int) -> list[bytes]:
    """Return the audit path of leaf `index` in the tree of the first `size` leaves.

    Raises:
        ValueError: the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size:,} leaves has no leaf {index:,}")
    path: list[bytes] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _left(end - begin)
        if index < middle:
            path.append(range_root(node, middle, end))
            end = middle
        else:
            path.append(range_root(node, begin, middle))
            begin = middle
    return path[::-1]


def consistency(node: Node, first: int, second: int) -> list[bytes]:
    """Return the proof that the tree of `second` leaves continues that of `first`.

    Raises:
        ValueError: `first` is above `second`.
    """
    if not 0 <= first <= second:
        raise ValueError(f"a tree of {second:,} leaves continues none of {first:,}")
    if first in (0, second):
        return []
    path: list[bytes] = []
    begin, end, is_whole = 0, second, True
    while end != first:
        middle = begin + _left(end - begin)
        if first <= middle:
            path.append(range_root(node, middle, end))
            end = middle
        else:
            path.append(range_root(node, begin, middle))
            begin, is_whole = middle, False
    if not is_whole:
        path.append(range_root(node, begin, end))
    return path[::-1]


def require_included(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that the tree of `size` leaves with this root has the leaf hash at `index`.

    Raises:
        ProofError: the proof does not show it.
    """
    if not 0 <= index < size:
        raise ProofError(f"a tree of {size:,} leaves has no leaf {index:,}")
    node, last, found = index, size - 1, leaf
    for hash_ in proof:
        if last == 0:
            raise ProofError(
                f"the proof of leaf {index:,} has more hashes than the tree has levels"
            )
        if node & 1 or node == last:
            found = node_hash(hash_, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, hash_)
        node, last = node >> 1, last >> 1
    if last or found != root:
        raise ProofError(
            f"the proof of leaf {index:,} does not lead to the root of {size:,} leaves"
        )


def require_consistent(
    first: int, first_root: bytes, second: int, second_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the tree of `second` leaves begins with the one of `first`, given their roots.

    Raises:
        ProofError: the proof does not show it.
    """
    broken = ProofError(f"the proof does not show that {second:,} leaves continue {first:,}")
    if not 0 <= first <= second:
        raise broken
    if first in (0, second):
        if proof or first_root != (second_root if first == second else EMPTY_ROOT):
            raise broken
        return
    hashes = list(proof) if first & (first - 1) else [first_root, *proof]
    if not hashes:
        raise broken
    node, last = first - 1, second - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = hashes[0]
    for hash_ in hashes[1:]:
        if last == 0:
            raise broken
        if node & 1 or node == last:
            old, new = node_hash(hash_, old), node_hash(hash_, new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, hash_)
        node, last = node >> 1, last >> 1
    if last or old != first_root or new != second_root:
        raise broken


def _left(size: int) -> int:
    """Return how many leaves the left subtree has: the largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1

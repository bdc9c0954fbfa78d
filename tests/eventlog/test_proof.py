"""Proofs, against the vectors of RFC 6962's reference implementation and for trees of any size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.proof import (
    Node,
    ProofError,
    consistency,
    inclusion,
    range_root,
    require_consistent,
    require_included,
)
from eventlog.tree import leaf_hash, root
from tests.eventlog.test_tree import INPUTS

LEAVES = [bytes([number]) for number in range(70)]


def nodes(leaves: list[bytes]) -> Node:
    """Hashes of complete subtrees, by the definition of the root."""

    def node(level: int, number: int) -> bytes:
        part = leaves[number << level : (number + 1) << level]
        assert len(part) == 1 << level, "only complete subtrees have a number"
        return root(part)

    return node


# The paths that certificate-transparency implementations share (merkle_tree_test.cc).
@pytest.mark.parametrize(
    ("index", "size", "path"),
    [
        (0, 1, []),
        (0, 8, ["96a296d2", "5f083f0a", "6b47aaf2"]),
        (5, 8, ["bc1a0643", "ca854ea1", "d37ee418"]),
        (2, 3, ["fac54203"]),
        (1, 5, ["6e340b9c", "5f083f0a", "bc1a0643"]),
    ],
)
def test_audit_paths_are_those_of_the_reference_implementation(
    index: int, size: int, path: list[str]
) -> None:
    assert [hash_.hex()[:8] for hash_ in inclusion(nodes(INPUTS), index, size)] == path


@pytest.mark.parametrize(
    ("first", "second", "path"),
    [
        (1, 1, []),
        (1, 8, ["96a296d2", "5f083f0a", "6b47aaf2"]),
        (6, 8, ["0ebc5d34", "ca854ea1", "d37ee418"]),
        (2, 5, ["5f083f0a", "bc1a0643"]),
    ],
)
def test_consistency_proofs_are_those_of_the_reference_implementation(
    first: int, second: int, path: list[str]
) -> None:
    assert [hash_.hex()[:8] for hash_ in consistency(nodes(INPUTS), first, second)] == path


@pytest.mark.parametrize("size", range(1, 71))
def test_every_leaf_is_proved_by_its_path_and_at_no_other_index(size: int) -> None:
    node, whole = nodes(LEAVES), root(LEAVES[:size])
    for index in range(size):
        path = inclusion(node, index, size)
        require_included(leaf_hash(LEAVES[index]), index, size, path, whole)
        with pytest.raises(ProofError):
            require_included(leaf_hash(LEAVES[index]), (index + 1) % (size + 1), size, path, whole)


@pytest.mark.parametrize("second", range(71))
def test_every_tree_is_proved_to_continue_each_one_before(second: int) -> None:
    node = nodes(LEAVES)
    for first in range(second + 1):
        roots = root(LEAVES[:first]), root(LEAVES[:second])
        path = consistency(node, first, second)
        require_consistent(first, roots[0], second, roots[1], path)


@given(st.data())
def test_a_changed_leaf_root_or_path_is_not_proved(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 70))
    index = data.draw(st.integers(0, size - 1))
    parts = [leaf_hash(LEAVES[index]), *inclusion(nodes(LEAVES), index, size), root(LEAVES[:size])]
    parts[data.draw(st.integers(0, len(parts) - 1))] = flipped(data, 32)
    leaf, *path, whole = parts

    with pytest.raises(ProofError):
        require_included(leaf, index, size, path, whole)


@given(st.data())
def test_a_log_that_was_changed_before_is_no_continuation(data: st.DataObject) -> None:
    second = data.draw(st.integers(2, 70))
    first = data.draw(st.integers(1, second - 1))
    changed = [*LEAVES]
    changed[data.draw(st.integers(0, first - 1))] = b"changed"
    path = consistency(nodes(changed), first, second)

    with pytest.raises(ProofError):
        require_consistent(first, root(LEAVES[:first]), second, root(changed[:second]), path)


@given(st.data())
def test_a_proof_with_a_hash_more_or_less_proves_nothing(data: st.DataObject) -> None:
    second = data.draw(st.integers(2, 70))
    first = data.draw(st.integers(1, second - 1))
    roots = root(LEAVES[:first]), root(LEAVES[:second])
    path = consistency(nodes(LEAVES), first, second)
    wrong = data.draw(st.sampled_from([path[:-1], path[1:], [*path, roots[0]], [roots[0], *path]]))
    if wrong == path:
        return

    with pytest.raises(ProofError):
        require_consistent(first, roots[0], second, roots[1], wrong)


def test_there_is_no_proof_of_what_the_tree_has_not() -> None:
    with pytest.raises(ValueError, match="has no leaf 8"):
        inclusion(nodes(INPUTS), 8, 8)
    with pytest.raises(ValueError, match="continues none of 9"):
        consistency(nodes(INPUTS), 9, 8)


@pytest.mark.parametrize("size", range(71))
def test_the_root_of_a_range_is_that_of_its_leaves(size: int) -> None:
    assert range_root(nodes(LEAVES), 0, size) == root(LEAVES[:size])


def flipped(data: st.DataObject, octets: int) -> bytes:
    """Any hash but, as good as certainly, the right one."""
    return data.draw(st.binary(min_size=octets, max_size=octets))

"""The Merkle tree hash, against the vectors of RFC 6962's reference implementation."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.tree import Peaks, leaf_hash, node_hash, root

# The inputs and roots that certificate-transparency implementations share (merkle_tree_test.cc).
INPUTS = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def naive(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(naive(leaves[:split]), naive(leaves[split:]))


@pytest.mark.parametrize("size", range(9))
def test_the_root_is_that_of_the_reference_implementation(size: int) -> None:
    assert root(INPUTS[:size]).hex() == ROOTS[size]


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_the_root_follows_the_recursive_definition(leaves: list[bytes]) -> None:
    assert root(leaves) == naive(leaves)


@given(st.lists(st.binary(max_size=8), min_size=2, max_size=40), st.data())
def test_no_record_can_be_swapped_changed_dropped_or_added(
    leaves: list[bytes], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(leaves) - 2))
    swapped = [*leaves[:at], leaves[at + 1], leaves[at], *leaves[at + 2 :]]
    changed = [*leaves[:at], leaves[at] + b"!", *leaves[at + 1 :]]

    assert root(changed) != root(leaves)
    assert root(leaves[:at] + leaves[at + 1 :]) != root(leaves)
    assert root([*leaves, b""]) != root(leaves)
    assert swapped == leaves or root(swapped) != root(leaves)


@given(st.lists(st.binary(max_size=8), max_size=70), st.data())
def test_a_tree_goes_on_from_its_peaks_as_if_it_had_never_stopped(
    leaves: list[bytes], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(leaves)))
    begun = Peaks()
    begun.extend(leaves[:cut])

    resumed = Peaks(begun.size, begun.hashes)
    resumed.extend(leaves[cut:])

    assert (resumed.size, resumed.root()) == (len(leaves), root(leaves))


def test_a_peak_is_the_root_of_its_complete_subtree() -> None:
    tree = Peaks()
    tree.extend(INPUTS[:7])

    assert tree.hashes == (root(INPUTS[:4]), root(INPUTS[4:6]), root(INPUTS[6:7]))


def test_peaks_that_no_tree_of_the_size_has_are_refused() -> None:
    with pytest.raises(ValueError, match="a tree of 5 has 2 peaks, not 1"):
        Peaks(5, [leaf_hash(b"")])

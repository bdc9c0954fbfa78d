"""Tiles: their paths, their growth in whatever steps, and what they tell of the tree."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventlog.proof import range_root
from eventlog.tiles import (
    WIDTH,
    MissingTileError,
    Place,
    bundle,
    bundle_path,
    grown,
    nodes_of,
    parsed_path,
    path_of,
    tiles_of,
    unbundled,
)
from eventlog.tree import leaf_hash, root

RECORDS = [number.to_bytes(3) for number in range(70_000)]
LEAVES = [*map(leaf_hash, RECORDS)]


@pytest.mark.parametrize(
    ("place", "width", "path"),
    [
        (Place(0, 0), WIDTH, "tile/0/000"),
        (Place(0, 1_234_067), WIDTH, "tile/0/x001/x234/067"),
        (Place(2, 5), 17, "tile/2/005.p/17"),
    ],
)
def test_paths_are_those_of_the_specification(place: Place, width: int, path: str) -> None:
    assert path_of(place, width) == path


@given(st.integers(0, 10**15), st.integers(1, WIDTH))
def test_a_path_names_the_number_that_it_was_made_of(number: int, width: int) -> None:
    assert parsed_path(bundle_path(number, width).removeprefix("tile/entries/")) == (number, width)


@pytest.mark.parametrize("path", ["", "1", "0001", "x000/001", "001.p/0", "001.p/257", "001/", "a"])
def test_what_is_no_path_of_a_tile_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="is no number of a tile"):
        parsed_path(path)


@given(st.lists(st.integers(1, 700), min_size=1, max_size=8))
def test_tiles_are_the_same_in_whatever_steps_the_tree_grows(steps: list[int]) -> None:
    kept: dict[Place, bytes] = {}
    size = 0

    def tile(place: Place) -> bytes:
        return kept.get(place, b"")

    for step in steps:
        kept.update(grown(tile, size, LEAVES[size : size + step]))
        size += step

    assert kept == grown(lambda _: b"", 0, LEAVES[:size])
    assert {place: len(hashes) // 32 for place, hashes in kept.items()} == dict(tiles_of(size))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, len(RECORDS)))
def test_the_root_of_any_earlier_size_comes_of_the_tiles(size: int) -> None:
    kept = grown(lambda _: b"", 0, LEAVES)

    assert range_root(nodes_of(lambda place: kept[place]), 0, size) == root(RECORDS[:size])


def test_a_tile_that_lacks_hashes_is_named() -> None:
    kept = grown(lambda _: b"", 0, LEAVES[:300])
    kept = {**kept, Place(0, 1): kept[Place(0, 1)][:-32]}

    with pytest.raises(MissingTileError, match="tile/0/001"):
        range_root(nodes_of(lambda place: kept[place]), 0, 300)


@given(st.lists(st.binary(max_size=300)))
def test_a_bundle_holds_its_records(records: list[bytes]) -> None:
    assert [*unbundled(bundle(records))] == records


def test_a_bundle_that_was_cut_is_refused() -> None:
    with pytest.raises(ValueError, match="ends within a record"):
        [*unbundled(bundle([b"record"])[:-1])]

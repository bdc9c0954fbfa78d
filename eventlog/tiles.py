"""The tree's tiles (C2SP tlog-tiles): where they are, and the hashes of subtrees that they tell.

A tile of level L holds the hashes of 256 neighbouring subtrees of 256**L leaves each; the last one
of a level holds those that there are.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from eventlog.proof import Node
from eventlog.tree import HASH_BYTES, subtree

HEIGHT = 8
WIDTH = 1 << HEIGHT
_GROUP = 1_000
_NUMBER_PATH = re.compile(r"((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([0-9]{1,3}))?", re.ASCII)


class Place(NamedTuple):
    """A tile's level and number; its first leaf, or subtree, is number * 256."""

    level: int
    number: int


Tiles = Callable[[Place], bytes]
"""Returns the hashes of a tile, one behind the other."""


class MissingTileError(LookupError):
    """A tile is not there, or has fewer hashes than the tree needs."""


def path_of(place: Place, width: int = WIDTH) -> str:
    """Return a tile's path, such as `tile/0/x001/x234/067`, and of a partial one with its width."""
    return f"tile/{place.level}/{number_path(place.number)}" + partial(width)


def bundle_path(number: int, width: int = WIDTH) -> str:
    """Return the path of a bundle of records."""
    return f"tile/entries/{number_path(number)}" + partial(width)


def partial(width: int) -> str:
    """Return what the path of a tile of so many hashes ends with."""
    return "" if width == WIDTH else f".p/{width}"


def number_path(number: int) -> str:
    """Return a number in groups of three digits: 1234067 is `x001/x234/067`."""
    groups = [f"{number % _GROUP:03}"]
    while number := number // _GROUP:
        groups.append(f"x{number % _GROUP:03}")
    return "/".join(reversed(groups))


def parsed_path(path: str) -> tuple[int, int]:
    """Return the number and the width that the end of a path names, such as `x001/x234/067.p/5`.

    Raises:
        ValueError: it names no tile.
    """
    found = _NUMBER_PATH.fullmatch(path)
    if found is None:
        raise ValueError(f"{path!r:.80} is no number of a tile: x001/x234/067 is that of 1234067")
    number, width = int(found[1].replace("x", "").replace("/", "")), int(found[2] or WIDTH)
    if number_path(number) + partial(width) != path or not 0 < width <= WIDTH:
        raise ValueError(f"{path!r:.80} is no number of a tile: write {number_path(number)}")
    return number, width


def bundle(records: Iterable[bytes]) -> bytes:
    """Return records as a bundle: each behind its length in two bytes, big-endian."""
    return b"".join(len(record).to_bytes(2) + record for record in records)


def unbundled(octets: bytes) -> Iterator[bytes]:
    """Yield the records of a bundle.

    Raises:
        ValueError: it ends within a record.
    """
    at = 0
    while at < len(octets):
        begin = at + 2
        at = begin + int.from_bytes(octets[at:begin])
        if at > len(octets):
            raise ValueError("the bundle ends within a record")
        yield octets[begin:at]


def nodes_of(tiles: Tiles) -> Node:
    """Return what tells the hash of any complete subtree, of tiles; each is asked for once."""
    kept: dict[Place, bytes] = {}

    def node(level: int, number: int) -> bytes:
        tile_level, above = divmod(level, HEIGHT)
        first = number << above
        place = Place(tile_level, first // WIDTH)
        if place not in kept:
            kept[place] = tiles(place)
        begin = first % WIDTH * HASH_BYTES
        hashes = kept[place][begin : begin + (HASH_BYTES << above)]
        if len(hashes) != HASH_BYTES << above:
            raise MissingTileError(f"the tile {path_of(place)} lacks hashes of the tree")
        return subtree(hashes)

    return node


def grown(tiles: Tiles, size: int, leaves: Sequence[bytes]) -> Mapping[Place, bytes]:
    """Return the tiles that change as leaf hashes are put behind the first `size` leaves."""
    changed: dict[Place, bytes] = {}
    level, begin, fresh = 0, size, b"".join(leaves)
    while fresh:
        place = Place(level, begin // WIDTH)
        old = tiles(place)[: begin % WIDTH * HASH_BYTES] if begin % WIDTH else b""
        if len(old) != begin % WIDTH * HASH_BYTES:
            raise MissingTileError(f"the tile {path_of(place)} lacks hashes of the tree")
        above: list[bytes] = []
        whole = old + fresh
        for number, at in enumerate(range(0, len(whole), WIDTH * HASH_BYTES), place.number):
            hashes = whole[at : at + WIDTH * HASH_BYTES]
            changed[Place(level, number)] = hashes
            if len(hashes) == WIDTH * HASH_BYTES:
                above.append(subtree(hashes))
        level, begin, fresh = level + 1, begin // WIDTH, b"".join(above)
    return changed


def tiles_of(size: int) -> Iterator[tuple[Place, int]]:
    """Yield the place and the width of every tile that the tree of `size` leaves has."""
    level = 0
    while size:
        for number in range(-(-size // WIDTH)):
            yield Place(level, number), min(WIDTH, size - number * WIDTH)
        level, size = level + 1, size // WIDTH

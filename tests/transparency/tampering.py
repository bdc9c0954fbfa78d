"""What can be done to an export: to a record in its archive or behind it, or to its signature."""

from collections.abc import Callable
from pathlib import Path

import duckdb

from eventlog.checkpoint import Checkpoint, Signer, Verifier
from eventlog.manifest import entry_of, parsed, written
from eventlog.tiles import WIDTH, bundle, bundle_path, grown, path_of, unbundled
from eventlog.tree import leaf_hash, root
from tests.transparency.reading import archived, records, size_of

Change = Callable[[list[bytes], int], None]
"""Changes a list of records at an index."""


def flip_a_bit(records: list[bytes], at: int) -> None:
    record = bytearray(records[at])
    record[record.index(b'"actor":"') + len(b'"actor":"')] ^= 1  # stays UTF-8 and JSON
    records[at] = bytes(record)


def drop(records: list[bytes], at: int) -> None:
    del records[at]


def add(records: list[bytes], at: int) -> None:
    records.insert(at, records[at].replace(b'"actor":"', b'"actor":"x'))


def swap(records: list[bytes], at: int) -> None:
    records[at], records[at + 1] = records[at + 1], records[at]


def tamper(folder: Path, position: int, change: Change) -> None:
    """Change the records of an export from a position on, wherever that stands."""
    segment = archived(folder)
    if position <= len(segment):
        change(segment, position - 1)
        _write_segment(folder, segment)
    else:
        _change_bundle(folder, position, change)


def _write_segment(folder: Path, segment: list[bytes]) -> None:
    """Write the only segment, and let its manifest say so."""
    [path] = (folder / "archive").glob("*.json")
    manifest = parsed(path.read_bytes())
    parquet = folder / "archive" / manifest.records.name
    with duckdb.connect() as duck:
        duck.execute("CREATE TABLE segment (position bigint, record varchar)")
        rows = [(number, record.decode()) for number, record in enumerate(segment, 1)]
        duck.executemany("INSERT INTO segment VALUES (?, ?)", rows)
        duck.execute(f"COPY segment TO '{parquet}' (FORMAT parquet)")
    entry = entry_of(parquet, rows=manifest.size)
    path.write_bytes(written(manifest.model_copy(update={"records": entry})))


def _change_bundle(folder: Path, position: int, change: Change) -> None:
    number, at = divmod(position - 1, WIDTH)
    path = folder / bundle_path(number, min(WIDTH, size_of(folder) - number * WIDTH))
    found = [*unbundled(path.read_bytes())]
    change(found, at)
    path.write_bytes(bundle(found))


def sign_by_another(folder: Path) -> None:
    """Sign the checkpoint with another key of the name, and put that beside it."""
    verifier = Verifier.parsed((folder / "key").read_text())
    signer = Signer(verifier.name, bytes(32))
    checkpoint = verifier.opened((folder / "checkpoint").read_text())
    (folder / "checkpoint").write_text(signer.signed(checkpoint))
    (folder / "key").write_text(f"{signer.verifier}\n")


def rewrite_and_sign(folder: Path, signer: Signer, position: int) -> None:
    """Rewrite a record, the tree and the checkpoint, as only whoever has the signing key can."""
    tamper(folder, position, flip_a_bit)
    told = records(folder)
    for place, tile in grown(lambda _: b"", 0, [*map(leaf_hash, told)]).items():
        (folder / path_of(place, len(tile) // 32)).write_bytes(tile)
    checkpoint = Checkpoint(signer.name, len(told), root(told))
    (folder / "checkpoint").write_text(signer.signed(checkpoint))

"""Reading an export, without looking whether it is what it says."""

from pathlib import Path

import duckdb

from eventlog.tiles import unbundled


def size_of(folder: Path) -> int:
    """Return how many records the checkpoint says there are."""
    return int((folder / "checkpoint").read_text().split("\n")[1])


def root_of(folder: Path) -> str:
    """Return the root, in base64, that the checkpoint says they have."""
    return (folder / "checkpoint").read_text().split("\n")[2]


def archived(folder: Path) -> list[bytes]:
    """Return the records of the segments."""
    with duckdb.connect() as duck:
        rows = duck.execute(
            "SELECT encode(record) FROM read_parquet(?) ORDER BY position",
            [f"{folder}/archive/*.records.parquet"],
        ).fetchall()
    return [record for (record,) in rows]


def records(folder: Path) -> list[bytes]:
    """Return all records, given that whole bundles follow the segments."""
    bundles = sorted(path for path in (folder / "tile/entries").rglob("*") if path.is_file())
    rest = [record for path in bundles for record in unbundled(path.read_bytes())]
    return archived(folder) + rest

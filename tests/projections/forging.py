"""What somebody can do to an export who holds the key that the log signs with."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from eventlog.checkpoint import Checkpoint, Signer
from eventlog.delivered import files_in
from eventlog.tiles import WIDTH, bundle, bundle_path, grown, path_of
from eventlog.tree import HASH_BYTES, leaf_hash, root
from projections.export_listing import NAME, signed_list
from projections.exported import Export

SIGNER = Signer("/dasan/seoul", bytes(range(32)))


def listed_again(folder: Path, signer: Signer = SIGNER) -> Path:
    """Let a list of the files that are there be signed, as whoever has the key can."""
    there = [path for path in files_in(folder) if not path.startswith(("tile/", NAME))]
    checkpoint = Export(folder).checkpoint(signer.verifier)
    (folder / NAME).write_text(signed_list(folder, there, checkpoint, signer))
    return folder


def forged(folder: Path, told: Sequence[bytes], signer: Signer = SIGNER) -> Path:
    """Write an export of any records, as whoever has the key can: all of it fits together."""
    size = len(told)
    shutil.rmtree(folder, ignore_errors=True)
    for number in range(-(-size // WIDTH)):
        part = told[number * WIDTH : (number + 1) * WIDTH]
        path = folder / bundle_path(number, len(part))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bundle(part))
    for place, hashes in grown(lambda _: b"", 0, [*map(leaf_hash, told)]).items():
        path = folder / path_of(place, len(hashes) // HASH_BYTES)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(hashes)
    (folder / "checkpoint").write_text(signer.signed(Checkpoint(signer.name, size, root(told))))
    (folder / "key").write_text(str(signer.verifier))
    return folder

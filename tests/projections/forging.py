"""What somebody can do to an export who holds the key that the log signs with."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from eventlog.archive import Archive
from eventlog.checkpoint import Checkpoint, Signer
from eventlog.delivered import files_in
from eventlog.tiles import WIDTH, bundle, bundle_path, grown, path_of
from eventlog.tree import HASH_BYTES, leaf_hash, root
from projections.export_listing import NAME, signed_list
from projections.exported import Export
from projections.exporting import export
from tests.conftest import Servers
from tests.projections.sealed import sealed, told_days

SIGNER = Signer("/dasan/seoul", bytes(range(32)))


@contextmanager
def exported(servers: Servers, name: str, folder: Path) -> Iterator[Path]:
    """Yield an export of 27 records, 24 of them in three segments, of a log of this name."""
    with told_days(servers, name) as log:
        sealed(log, folder / "archive")
        export(log.database, Archive(str(folder / "archive")), SIGNER, folder / "export")
        yield folder / "export"


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

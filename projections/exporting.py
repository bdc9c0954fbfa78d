"""Making an export: the archive up to a checkpoint, and what proves it."""

import shutil
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from psycopg import Connection

from eventlog import reader
from eventlog.archive import Archive
from eventlog.checkpoint import Checkpoint, Signer
from eventlog.database import Database
from eventlog.delivered import files_in
from eventlog.growing import caught_up, newest, tiles_in
from eventlog.manifest import Manifest, written
from eventlog.tiles import WIDTH, bundle, bundle_path, path_of, tiles_of
from eventlog.tree import HASH_BYTES
from projections.export_listing import NAME, signed_list
from projections.exported import Export, ExportError
from projections.sealing import Progress, seal
from projections.views import views


def export(
    database: Database,
    archive: Archive,
    signer: Signer,
    folder: Path,
    progress: Progress | None = None,
) -> Checkpoint:
    """Write an export up to the log's head into a folder that is not there yet, or empty.

    Seals what is whole first. Returns the checkpoint. `progress` is told the position come to.

    Raises:
        ExportError: the folder is not empty, or the log is.
        TreeError: the log does not continue what was signed.
        ArchiveError: the archive cannot be used.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ExportError(f"{folder} is not empty: name a folder that is not there yet")
    part = folder.with_name(f".{folder.name}.part")  # of a dead run, if it is there
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    with database.connect() as connection:
        checkpoint = caught_up(connection, signer)
        if checkpoint is None:
            raise ExportError("there is nothing to export: the log is empty")
        note = newest(connection, signer.verifier) or ""
        checkpoint = signer.verifier.opened(note)
        seal(database, archive, upto=checkpoint.size)
        (part / "checkpoint").write_text(note, "utf-8")
        (part / "key").write_text(f"{signer.verifier}\n", "utf-8")
        segments = [one for one in archive.segments() if one.last <= checkpoint.size]
        for segment in segments:
            _copy_segment(archive, segment, part / "archive")
            if progress:
                progress(segment.last)
        _write_rest(connection, segments[-1].last if segments else 0, checkpoint.size, part)
        _write_tiles(connection, checkpoint.size, part)
    _write_definitions(part / "definitions")
    told = files("projections").joinpath("export_readme.md").read_text("utf-8")
    (part / "README.md").write_text(told.replace(":origin", checkpoint.origin), "utf-8")
    listed = (path for path in files_in(part) if not path.startswith("tile/"))
    (part / NAME).write_text(signed_list(part, listed, checkpoint, signer), "utf-8")
    if folder.exists():
        folder.rmdir()
    part.rename(folder)
    if progress:
        progress(checkpoint.size)
    return Export(folder).checkpoint(signer.verifier)


def _copy_segment(archive: Archive, segment: Manifest, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for entry in (segment.records, segment.events):
        with TemporaryDirectory(prefix="dasan-exporting-") as name:
            shutil.copyfile(archive.fetch_whole(entry, Path(name)), folder / entry.name)
    (folder / segment.name).write_bytes(written(segment))


def _write_rest(connection: Connection, archived: int, size: int, folder: Path) -> None:
    for number in range(archived // WIDTH, -(-size // WIDTH)):
        width = min(WIDTH, size - number * WIDTH)
        rows = reader.read(connection, after=number * WIDTH, limit=width)
        _write(folder / bundle_path(number, width), bundle(row.record for row in rows))


def _write_tiles(connection: Connection, size: int, folder: Path) -> None:
    tiles = tiles_in(connection)
    for place, width in tiles_of(size):
        _write(folder / path_of(place, width), tiles(place)[: width * HASH_BYTES])


def _write_definitions(folder: Path) -> None:
    folder.mkdir()
    for view in views():
        (folder / f"{view.name}.sql").write_bytes(view.text.encode())


def _write(path: Path, octets: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(octets)

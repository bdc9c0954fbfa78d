"""`dasan audit key | prove | export | verify`: what an auditor needs, and how it is checked."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self
from uuid import UUID

import typer

if TYPE_CHECKING:
    from psycopg import Connection

    from eventlog.checkpoint import Checkpoint, Verifier
    from eventlog.proving import Proof
    from eventlog.reader import StoredRecord
    from projections.export_checking import Checked
    from projections.exported import Export

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
_POSITION = re.compile("[1-9][0-9]{0,18}", re.ASCII)
_EVENT = re.compile("([0-9a-fA-F-]{36})/([1-9][0-9]{0,8})", re.ASCII)


def key() -> None:
    """Print the key that checkpoints are verified with: keep it where we cannot change it."""
    import os

    from cli.opening import named_if_new
    from eventlog.checkpoint import signer_of
    from eventlog.settings import read_settings

    settings = read_settings(os.environ)
    with named_if_new(settings.home):
        verifier = signer_of(settings.source, settings.home).verifier
    print(verifier)


def prove(
    what: Annotated[
        str, typer.Argument(help="A position, an event's id STREAM/VERSION, or an inquiry's id.")
    ],
    to: Annotated[Path, typer.Option(help="The folder to write into.")] = Path(),
) -> None:
    """Write records and the proofs that they are in the log: POSITION.json, POSITION.tlog-proof.

    `dasan audit verify POSITION.tlog-proof --key KEY` checks them anywhere.
    """
    from cli.opening import prepared_city
    from eventlog.checkpoint import signer_of
    from eventlog.growing import caught_up
    from eventlog.proving import Prover

    with prepared_city() as (settings, database, _), database.connect() as connection:
        signer = signer_of(settings.source, settings.home)
        caught_up(connection, signer)
        prover = Prover(connection, signer.verifier)
        proved = [
            (stored, prover.proof(stored.position))
            for stored in _records(connection, what, prover.checkpoint.size)
        ]
    to.mkdir(parents=True, exist_ok=True)
    for stored, proof in proved:
        _write(to, stored, proof)
    print(f"{len(proved):,} records and proofs, up to {prover.checkpoint.size:,}, are in {to}")
    if _is_stream(what):
        print(
            "versions are dense, so that a missing one shows; that nothing came after the last is"
            " proved only by reading the verified log up to the checkpoint"
        )


def _is_stream(what: str) -> bool:
    return not (_POSITION.fullmatch(what) or _EVENT.fullmatch(what))


def _records(connection: "Connection", what: str, size: int) -> "list[StoredRecord]":
    from eventlog.proving import NotProvableError, records_of
    from eventlog.reader import read

    try:
        if _POSITION.fullmatch(what):
            found = read(connection, after=int(what) - 1, upto=size, limit=1)
        elif event := _EVENT.fullmatch(what):
            stream, version = UUID(event[1]), int(event[2])
            found = [one for one in records_of(connection, stream, size) if one.version == version]
        else:
            found = records_of(connection, UUID(what), size)
    except ValueError as error:
        raise typer.BadParameter(
            f"{what!r} is no position, no STREAM/VERSION and no id of an inquiry"
        ) from error
    if not found:
        raise NotProvableError(f"no record {what} is in the log up to position {size:,}")
    return found


def _write(folder: Path, stored: "StoredRecord", proof: "Proof") -> None:
    (folder / f"{stored.position}.json").write_bytes(stored.record)
    (folder / f"{stored.position}.tlog-proof").write_text(str(proof), "utf-8")


def export(
    folder: Annotated[Path, typer.Argument(help="A folder that is not there yet.")],
    as_json: AsJson = False,
) -> None:
    """Write all that an auditor needs to check the log without us: archive, tree, key, checkpoint.

    See docs/auditing.md. Nothing in it is readable that is sealed.
    """
    from cli.opening import prepared_city
    from cli.progress import progress_bar
    from eventlog.archive import Archive
    from eventlog.checkpoint import signer_of
    from eventlog.reader import head
    from projections.exporting import export as make

    with prepared_city() as (settings, database, _):
        with database.connect() as connection:
            total = head(connection)
        signer = signer_of(settings.source, settings.home)
        with progress_bar("exporting", total) as progress, _written():
            made = make(database, Archive(settings.archive), signer, folder, progress)
    if as_json:
        _print({"folder": str(folder), **document(made, signer.verifier)})
    else:
        print(f"{folder} has {made.size:,} records of {made.origin}, and what proves them")


@contextmanager
def _written() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise typer.BadParameter(
            f"the export cannot be written: {error}. Name a folder that can be, where there is room"
        ) from error


def verify(
    path: Annotated[Path, typer.Argument(help="An export, or a .tlog-proof beside its record.")],
    key: Annotated[
        str | None, typer.Option(help="The verifier key, or a file of it, kept elsewhere.")
    ] = None,
    earlier: Annotated[
        Path | None, typer.Option(help="A checkpoint of before, kept elsewhere.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check an export, or a proof, without database and network; name the first thing wrong.

    Every signature, hash and root, the order, every file, and every typed row against its record.
    Status 0: it is proved. 1: something is wrong. 3: nothing is, and it is not proved; it says why.
    """
    from cli.archiving import long_work
    from projections.export_checking import verify as verify_export
    from projections.exported import Export

    if path.suffix == ".tlog-proof":
        raise typer.Exit(_verified_proof(path, key, as_json=as_json))
    export_ = Export(path)
    against = Against.of(export_, key)
    with long_work():
        checked = verify_export(
            export_, against.verifier, None if earlier is None else _text(earlier)
        )
    doubts = against.doubts(checked)
    if as_json:
        kept_elsewhere = earlier is not None
        _print(
            {**document(checked.checkpoint, against.verifier), **against.document(doubts)}
            | {"earlier": kept_elsewhere, "fault": checked.fault and checked.fault._asdict()}
        )
    elif checked.fault:
        print(f"wrong: {checked.fault}")
    else:
        size, origin = checked.checkpoint.size, checked.checkpoint.origin
        print(
            f"nothing is wrong: {size:,} records of {origin} are those that {against.verifier} has"
            f" signed{', and continue the earlier checkpoint' if earlier else ''}"
        )
        against.print_doubts(doubts)
    raise typer.Exit(1 if checked.fault else NOT_PROVED if doubts else 0)


NOT_PROVED = 3
"""The exit status where nothing is wrong, and something is not proved."""


@dataclass(frozen=True, slots=True)
class Against:
    """The key that an export is verified against, and whether it came from elsewhere."""

    verifier: "Verifier"
    is_from_elsewhere: bool

    @classmethod
    def of(cls, export: "Export", key: str | None) -> Self:
        """Return what `--key` names, else the export's own key."""
        if key is None:
            return cls(export.verifier, is_from_elsewhere=False)
        lies_within = Path(key).resolve().is_relative_to(export.folder.resolve())
        return cls(verifier_of(key), is_from_elsewhere=not (lies_within and Path(key).exists()))

    def doubts(self, checked: "Checked") -> list[str]:
        """Return why it is not proved though nothing is wrong."""
        own = (
            "the key lay in the export, where whoever changed the rest could change it: give --key"
            " with one that you had before, or have from elsewhere"
        )
        found = [] if self.is_from_elsewhere else [own]
        return found + ([checked.doubt] if checked.doubt else [])

    def document(self, doubts: list[str]) -> dict[str, object]:
        """Return what JSON says of it."""
        return {"key_from": "--key" if self.is_from_elsewhere else "export", "not_proved": doubts}

    def print_doubts(self, doubts: list[str]) -> None:
        """Say why it is not proved."""
        for doubt in doubts:
            print(f"not proved: {doubt}")


def verifier_of(key: str) -> "Verifier":
    """Return the key that a text or a file of it names."""
    from eventlog.checkpoint import Verifier

    return Verifier.parsed(_text(Path(key)) if Path(key).exists() else key)


def _text(path: Path) -> str:
    try:
        return _octets(path).decode()
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{path} is no text") from error


def _octets(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be read: {error.strerror}") from error


def _verified_proof(path: Path, key: str | None, *, as_json: bool) -> int:
    from eventlog.checkpoint import CheckpointError
    from eventlog.proof import ProofError
    from eventlog.proving import Proof

    if key is None:
        raise typer.BadParameter("a proof is checked with --key, which comes from elsewhere")
    try:
        proof, record = Proof.parsed(_text(path)), _octets(path.with_suffix(".json"))
        verifier = verifier_of(key)
        checkpoint = proof.require(record, verifier)
    except (CheckpointError, ProofError) as error:
        if as_json:
            _print({"fault": {"file": path.name, "position": None, "reason": str(error)}})
        else:
            print(f"wrong: {path.name}: {error}")
        return 1
    position = proof.index + 1
    if as_json:
        _print({**document(checkpoint, verifier), "position": position, "fault": None})
    else:
        print(
            f"nothing is wrong: the record is at position {position:,} of the"
            f" {checkpoint.size:,} that {checkpoint.origin} has signed"
        )
    return 0


def document(checkpoint: "Checkpoint", verifier: "Verifier") -> dict[str, object]:
    """Return what a checkpoint says, and whose it is."""
    from eventlog.base64_text import encoded

    return {
        "origin": checkpoint.origin,
        "size": checkpoint.size,
        "root": encoded(checkpoint.root),
        "key": str(verifier),
    }


def _print(document: dict[str, object]) -> None:
    import orjson

    print(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())

"""`dasan audit replay`: every published KPI, recomputed from an export."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.auditing import AsJson, document, verifier_of

if TYPE_CHECKING:
    from projections.replaying import Replayed


def replay(
    folder: Annotated[Path, typer.Argument(help="What dasan audit export has made.")],
    key: Annotated[
        str | None, typer.Option(help="The verifier key, or a file of it, kept elsewhere.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Recompute every published statement of an export, without database and network.

    Names the first figure of each that is another: docs/statements.md. That the records are those
    that were signed is what `dasan audit verify` checks.
    """
    from cli.answering import print_document
    from cli.progress import progress_bar
    from projections.exported import Export
    from projections.replaying import replay as replay_export

    export = Export(folder)
    verifier = verifier_of(key) if key else export.verifier
    with progress_bar("replaying", export.checkpoint(verifier).size) as progress:
        checkpoint, found = replay_export(export, verifier, progress or (lambda _: None))
    wrong = [one for one in found if one.reason]
    if as_json:
        statements = [_told(one) for one in found]
        print_document({**document(checkpoint, verifier), "statements": statements})
    else:
        for one in wrong:
            print(f"wrong: the statement at position {one.position:,}: {one.reason}")
        for one in found:
            if one.note:
                print(f"note: the statement at position {one.position:,}: {one.note}")
        if not wrong:
            print(
                f"nothing is wrong: {len(found):,} statement{'' if len(found) == 1 else 's'} among"
                f" {checkpoint.size:,} records of {checkpoint.origin} say what the records make"
            )
        if not key:
            print("compare the key with one that you have from elsewhere: it lay in the export")
    raise typer.Exit(1 if wrong else 0)


def _told(one: "Replayed") -> dict[str, Any]:
    statement = one.statement
    return {
        "position": one.position,
        "id": statement and f"{statement.originator_id}/{statement.originator_version}",
        "of_position": statement and statement.position,
        "wrong": one.reason,
        "note": one.note,
    }

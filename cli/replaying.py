"""`dasan audit replay`: every published KPI, recomputed from an export."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.auditing import NOT_PROVED, Against, AsJson, document

if TYPE_CHECKING:
    from eventlog.checkpoint import Checkpoint
    from projections.replaying import Replayed


def replay(
    folder: Annotated[Path, typer.Argument(help="What dasan audit export has made.")],
    key: Annotated[
        str | None, typer.Option(help="The verifier key, or a file of it, kept elsewhere.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Verify an export, and recompute every published statement of it.

    Needs no database and no network. Names what is wrong first with the export, or the first
    figure of each statement that is another: docs/statements.md. The status is as of `verify`.
    """
    from cli.answering import print_document
    from cli.archiving import long_work
    from cli.progress import progress_bar
    from projections.exported import Export
    from projections.replaying import replay as replay_export

    export = Export(folder)
    against = Against.of(export, key)
    size = export.checkpoint(against.verifier).size
    with long_work(), progress_bar("replaying", size) as progress:
        checked, found = replay_export(export, against.verifier, progress or (lambda _: None))
    wrong, doubts = [one for one in found if one.reason], against.doubts(checked)
    if as_json:
        print_document(
            {**document(checked.checkpoint, against.verifier), **against.document(doubts)}
            | {"fault": checked.fault and checked.fault._asdict()}
            | {"statements": [_told(one) for one in found]}
        )
    elif checked.fault:
        print(f"wrong: {checked.fault}")
    else:
        _print_told(checked.checkpoint, found)
        against.print_doubts(doubts)
    raise typer.Exit(1 if checked.fault or wrong else NOT_PROVED if doubts else 0)


def _print_told(checkpoint: "Checkpoint", found: "Sequence[Replayed]") -> None:
    wrong = [one for one in found if one.reason]
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


def _told(one: "Replayed") -> dict[str, Any]:
    statement = one.statement
    return {
        "position": one.position,
        "id": statement and f"{statement.originator_id}/{statement.originator_version}",
        "of_position": statement and statement.position,
        "wrong": one.reason,
        "note": one.note,
    }

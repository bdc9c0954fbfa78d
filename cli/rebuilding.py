"""`dasan rebuild`: a view anew from the whole history, with nobody who reads it disturbed."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from projections.rebuild import Engine
from projections.views import views

if TYPE_CHECKING:
    from projections.rebuild import Rebuilt

DIGITS_SHOWN = 16


def rebuild(
    view: Annotated[str, typer.Argument(help="kpi, inquiries, praise or audit.")],
    engine: Annotated[Engine, typer.Option(help="What folds the history.")] = Engine.DUCKDB,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the tables that are replaced, for --rollback.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="List each row that differs from the live view.")
    ] = False,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Put the kept tables back, and keep the others.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Fold the whole history again, compare it with the live view, and exchange the two.

    The history is the archive's, and what the log holds beyond. Exit status 1: the definition is
    the same and the figures are not.
    """
    from cli.answering import print_document
    from cli.opening import prepared_city
    from cli.progress import progress_bar
    from eventlog.archive import Archive
    from eventlog.reader import head
    from projections.rebuild import rebuild as rebuilt
    from projections.rebuild import roll_back

    known = {one.name: one for one in views()}
    if view not in known:
        raise typer.BadParameter(f"there is no view {view!r}: use {', '.join(known)}")
    if rollback and (keep or explain):
        raise typer.BadParameter("--rollback goes without --keep and --explain")
    differences: list[str] = []
    with prepared_city() as (settings, database, _):
        if rollback:
            position = roll_back(database, known[view])
            if as_json:
                print_document({"view": view, "position": position})
            else:
                print(f"{view} is what it was before, at position {position:,}")
            return
        with database.connect() as connection, progress_bar(view, head(connection)) as progress:
            made = rebuilt(
                database,
                Archive(settings.archive),
                settings.timezone,
                known[view],
                engine=engine,
                keep=keep,
                explain=differences.append if explain else None,
                progress=progress,
            )
    if as_json:
        print_document(made.as_json() | ({"differences": differences} if explain else {}))
    else:
        _show(made, differences)
    if made.found_wrong:
        raise typer.Exit(1)


def _show(made: "Rebuilt", differences: list[str]) -> None:
    for line in differences:
        print(line)
    print(
        f"{made.view}: {made.folded:,} events on {made.engine} in {made.seconds:.1f} s"
        f" ({made.folded / made.seconds:,.0f}/s; {made.archived:,} from the archive),"
        f" now at position {made.position:,}"
    )
    digest = made.digest[:DIGITS_SHOWN]
    match made.is_equal:
        case True:
            print(f"equal to the tables before at position {made.folded:,}: digest {digest}")
        case False:
            was = (made.live_digest or "")[:DIGITS_SHOWN]
            print(f"differs from the tables before: digest {digest}, was {was}", file=sys.stderr)
        case None:
            print(f"digest {digest}; there was nothing at position {made.folded:,} to compare with")

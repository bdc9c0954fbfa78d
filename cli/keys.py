"""`dasan keys rotate`: changing the key-encryption key: docs/forgetting.md."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from eventlog.rotating import Rotated


def rotate(
    old_destroyed: Annotated[
        bool,
        typer.Option(
            "--old-destroyed",
            help="The old key was kept elsewhere, and is destroyed now: certificates say so.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Wrap all keys of personal data under a new key-encryption key, and destroy the old one.

    Stop what else runs, and start it again afterwards. Killed at any time, it goes on when it is
    run again. A key of DASAN_KEY_ENCRYPTION_KEY is replaced by DASAN_NEW_KEY_ENCRYPTION_KEY.
    """
    import orjson

    from cli.opening import prepared_city
    from cli.progress import progress_bar
    from eventlog.rotating import confirm_destroyed, count_keys
    from eventlog.rotating import rotate as change

    with prepared_city() as (settings, database, _):
        if old_destroyed:
            rotated = confirm_destroyed(database, settings.home)
        else:
            with progress_bar("wrapping", count_keys(database)) as progress:
                rotated = change(database, settings.home, os.environ, progress)
    if as_json:
        print(orjson.dumps(rotated, option=orjson.OPT_INDENT_2).decode())
    else:
        _tell(rotated)


def _tell(rotated: "Rotated") -> None:
    print(f"{rotated.keys:,} keys of personal data were wrapped under {rotated.new}")
    if rotated.destroyed_at:
        print(f"the old key-encryption key {rotated.old} is destroyed, in its backups by you")
    else:
        print(
            f"set DASAN_KEY_ENCRYPTION_KEY to the new key, destroy the old one, {rotated.old},"
            " wherever it is, then run dasan keys rotate --old-destroyed"
        )

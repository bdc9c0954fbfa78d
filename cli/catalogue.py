"""`dasan catalogue load`: categories, districts and KPI targets from a file."""

import sys
from pathlib import Path
from typing import Annotated

import typer


def load(
    file: Annotated[Path, typer.Argument(help="The catalogue, as JSON: see docs/catalogue.md.")],
) -> None:
    """Load categories, districts and KPI targets; entries that the file does not name stay.

    A wrong file changes nothing.
    """
    from cli.opening import city
    from projections.catalogue import CatalogueError, parse_catalogue
    from projections.catalogue_tables import load_catalogue

    try:
        # Whole before anything is opened, so that a wrong file is refused at once.
        catalogue = parse_catalogue(file.read_bytes())
    except OSError as error:
        raise _refused(f"{file} cannot be read: {error.strerror}") from error
    except CatalogueError as error:
        raise _refused(f"{file}: {error}") from error
    with city() as log, log.database.connect_as_owner() as connection:
        load_catalogue(connection, catalogue)
    print(
        f"{len(catalogue.categories):,} categories, {len(catalogue.districts):,} districts,"
        f" {len(catalogue.targets):,} targets loaded"
    )


def _refused(reason: str) -> typer.Exit:
    print(f"dasan: {reason}", file=sys.stderr)
    return typer.Exit(2)

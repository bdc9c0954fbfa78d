"""Opening the city's log with its views, as every command does that needs them."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from eventlog.checkpoint import signer_of
from eventlog.continuing import require_continued
from eventlog.database import Database
from eventlog.keys import Keys
from eventlog.log import Log, assembled, prepared
from eventlog.own_keys import require_own
from eventlog.settings import Settings, read_settings
from projections.runner import prepare


@contextmanager
def prepared_city() -> Iterator[tuple[Settings, Database, Keys]]:
    """Yield where the log that the environment names is, made with its views if there is none.

    Raises:
        SettingsError, DatabaseError, EmbeddedServerError, KeyFileError: it cannot be used.
    """
    with examined_city() as (settings, database, keys):
        with database.connect() as connection:
            require_own(connection, keys, signer_of(settings.source, settings.home))
        yield settings, database, keys


@contextmanager
def examined_city() -> Iterator[tuple[Settings, Database, Keys]]:
    """Yield what `prepared_city` does, also where the secrets are not those of the log.

    For whoever looks what is wrong, and writes nothing.
    """
    settings = read_settings(os.environ)
    with ExitStack() as stack:
        with named_if_new(settings.home):
            database, keys = stack.enter_context(prepared(settings))
        prepare(database, settings.timezone)
        yield settings, database, keys


@contextmanager
def continued_city() -> Iterator[tuple[Settings, Database, Keys]]:
    """Yield what `prepared_city` does, of a log that continues the last published checkpoint.

    Raises what `prepared_city` raises, and
        TreeError: it does not continue it; says where, and what to do.
    """
    with prepared_city() as (settings, database, keys):
        with database.connect() as connection:
            require_continued(connection, signer_of(settings.source, settings.home), settings.home)
        yield settings, database, keys


@contextmanager
def city() -> Iterator[Log]:
    """Yield the log that the environment names, opened.

    Raises:
        SettingsError, DatabaseError, EmbeddedServerError, KeyFileError: it cannot be used.
    """
    with prepared_city() as parts, assembled(*parts) as log:
        yield log


@contextmanager
def named_if_new(home: Path) -> Iterator[None]:
    """Say where the home is if it was made meanwhile."""
    is_new = not home.exists()
    try:
        yield
    finally:
        if is_new and home.exists():
            print(
                f"dasan: made the home {home.absolute()}, which holds the secrets and, unless"
                " DASAN_DATABASE_URL names another, the database. DASAN_HOME would name another",
                file=sys.stderr,
            )

"""Opening the city's log with its views, as every command does that needs them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from eventlog.checkpoint import signer_of
from eventlog.continuing import require_continued
from eventlog.database import Database
from eventlog.keys import Keys
from eventlog.log import Log, assembled, prepared
from eventlog.settings import Settings, read_settings
from projections.runner import prepare


@contextmanager
def prepared_city() -> Iterator[tuple[Settings, Database, Keys]]:
    """Yield where the log that the environment names is, made with its views if there is none.

    Raises:
        SettingsError, DatabaseError, EmbeddedServerError, KeyFileError: it cannot be used.
    """
    settings = read_settings(os.environ)
    with prepared(settings) as (database, keys):
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

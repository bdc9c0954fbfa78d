"""Opening the city's log with its views, as every command does that needs them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from eventlog.log import Log, opened
from eventlog.settings import read_settings
from projections.runner import prepare


@contextmanager
def city() -> Iterator[Log]:
    """Yield the log that the environment names, its views made if there are none.

    Raises:
        SettingsError, DatabaseError, EmbeddedServerError, KeyFileError: it cannot be used.
    """
    settings = read_settings(os.environ)
    with opened(settings) as log:
        prepare(log.database, settings.timezone)
        yield log

"""What is to be done now and then while a city is served or its views are kept up to date."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from cli.sealer import Sealer
from domain.inquiries import StaleVersionError
from eventlog.archive import ArchiveError
from eventlog.database import Database
from eventlog.keys import Keys
from eventlog.log import assembled
from eventlog.settings import Settings
from eventlog.writer import WriterError
from importers.contact_deciding import Fate, Told
from importers.contact_taking import Contacts

INTERVAL_S = 600.0
_log = logging.getLogger(__name__)


@contextmanager
def kept_up(settings: Settings, database: Database, keys: Keys) -> Iterator[None]:
    """Do the upkeep at once and then every `INTERVAL_S`, in a thread, until the block is left."""
    stopped = threading.Event()
    sealer = Sealer(database, settings.archive)
    thread = threading.Thread(
        target=_keep_up, args=(settings, database, keys, sealer, stopped), name="upkeep"
    )
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
        sealer.stop()


def _keep_up(
    settings: Settings, database: Database, keys: Keys, sealer: Sealer, stopped: threading.Event
) -> None:
    while not stopped.is_set():
        try:
            _forget_old_answers(database)
            _give_up_steps(settings, database, keys, stopped)
            sealer.begin()
        except (ArchiveError, psycopg.Error, StaleVersionError, WriterError) as error:
            _log.warning("the upkeep is tried again in %.0f s: %s", INTERVAL_S, error)
        stopped.wait(INTERVAL_S)


def _forget_old_answers(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("SELECT forget_old_answers()")


def _give_up_steps(
    settings: Settings, database: Database, keys: Keys, stopped: threading.Event
) -> None:
    """Give up the steps of contacts whose predecessor has not come within the hour.

    The log is opened for it each time: there is mostly nothing to do.
    """
    with assembled(settings, database, keys) as log, database.connect() as connection:
        contacts = Contacts(log, connection)
        while not stopped.is_set() and contacts.give_up(_report):
            pass


def _report(over: list[Told]) -> None:
    """Say what was given up; by hashes, since ids at a gateway may be telephone numbers."""
    for told in over:
        if told.fate in {Fate.WAITING, Fate.REFUSED}:
            step = told.reported.step
            _log.warning(
                "given up: %s of %s, step %s of inquiry %s, %s: %s",
                step.type, step.source, told.reported.ref, told.reported.stream,
                step.time.isoformat(), told.reason,
            )  # fmt: skip

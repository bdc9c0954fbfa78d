"""Signing while the log is in use: the tree follows the log, and each checkpoint is published."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from eventlog.checkpoint import Signer, signer_of
from eventlog.continuing import publish
from eventlog.database import Database
from eventlog.growing import BATCH_RECORDS, TreeError, advance
from eventlog.settings import Settings

INTERVAL_S = 0.5
"""Between two looks at the log: a checkpoint is at most a second older than its newest record."""

RECONNECT_PAUSE_S = 1.0

_log = logging.getLogger(__name__)


@contextmanager
def kept_signed(settings: Settings, database: Database) -> Iterator[None]:
    """Sign checkpoints in a thread until the block is left."""
    stopped = threading.Event()
    signer = signer_of(settings.source, settings.home)
    thread = threading.Thread(
        target=keep_signing, args=(database, signer, settings.home, stopped), name="signing"
    )
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def keep_signing(database: Database, signer: Signer, home: Path, stopped: threading.Event) -> None:
    """Let the tree follow the log until `stopped`; again when the database went away.

    What does not continue what was signed is not signed: it says so and ends.
    """
    while not stopped.is_set():
        try:
            with database.connect() as connection:
                publish(
                    connection, signer.verifier, home
                )  # what was signed before whatever broke off
                size = 0
                while not stopped.is_set():
                    signed = advance(connection, signer)
                    if signed:
                        publish(connection, signer.verifier, home)
                    if signed is None or signed.size - size < BATCH_RECORDS:
                        stopped.wait(INTERVAL_S)  # signing each batch of writers would slow them
                    size = signed.size if signed else size
        except psycopg.OperationalError as error:
            _log.warning("signing lost the database and tries again: %s", error)
            stopped.wait(RECONNECT_PAUSE_S)
        except OSError as error:
            _log.warning("the checkpoint cannot be published, which is tried again: %s", error)
            stopped.wait(RECONNECT_PAUSE_S)
        except TreeError as error:
            _log.error("no checkpoint is signed any more: %s", error)
            return

"""Sealing beside the service: in a process of its own, since DuckDB would keep the memory."""

import logging
import multiprocessing
import os
import signal
import sys

import duckdb
import psycopg

from eventlog.archive import Archive, ArchiveError
from eventlog.database import Database
from projections.decoding import DecodingError
from projections.runner import UnknownTypeError
from projections.sealing import is_worth_it, seal

GRACE_S = 30.0
"""For what DuckDB is doing when the process is told to stop."""

NICENESS = 10
"""Whoever is answered goes first."""

_log = logging.getLogger(__name__)


class Sealer:
    """Starts the sealing of a log, one process at a time."""

    def __init__(self, database: Database, url: str) -> None:
        self._database = database
        self._url = url
        self.process: multiprocessing.process.BaseProcess | None = None

    def begin(self) -> None:
        """Start to seal if there is a whole segment to seal and nobody is at it.

        Raises:
            ArchiveError: the archive cannot be used; psycopg.Error: the log cannot be read.
        """
        if self.process and self.process.is_alive():
            return
        if self.process and self.process.exitcode:
            _log.warning("sealing ended with status %d", self.process.exitcode)
        self.process = None
        if is_worth_it(self._database, Archive(self._url)):
            self.process = multiprocessing.get_context("spawn").Process(
                target=seal_or_say_why, args=(self._database, self._url), name="dasan-sealing"
            )
            self.process.start()

    def stop(self) -> None:
        """End the process; what it has not finished is sealed another time."""
        if self.process:
            self.process.terminate()
            self.process.join(GRACE_S)
            self.process.kill()
            self.process.join()
            self.process.close()
            self.process = None


def seal_or_say_why(database: Database, url: str) -> None:
    """Seal what there is, as a process's whole work."""
    os.nice(NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started it, who says stop
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # leaves no files
    try:
        seal(database, Archive(url))
    except (ArchiveError, DecodingError, UnknownTypeError, psycopg.Error, duckdb.Error) as error:
        _log.warning("sealing is tried again later: %s", error)

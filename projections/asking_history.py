"""The history at hand for a question: on DuckDB, in bounded memory and, if asked for, time."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import duckdb
from duckdb import DuckDBPyConnection
from psycopg import Connection

from eventlog.archive import Archive, ArchiveError
from projections.duck import MEMORY_LIMIT, opened
from projections.history import Progress, gather, relate

_AGAIN_S = 0.05
"""A statement that is about to begin does not hear of an interruption: it is told again."""


class TooLongError(RuntimeError):
    """The history is more than could be read in the time, or in the memory, that there was."""


@dataclass(frozen=True, slots=True)
class Past:
    """Where the history of a city is, and what reading it may take.

    `give_up_at` is of `time.monotonic()`; null is whenever it is done.
    """

    connection: Connection
    archive: Archive
    timezone: str
    memory_limit: str = MEMORY_LIMIT
    give_up_at: float | None = None
    progress: Progress | None = None


class Recalled(NamedTuple):
    """A DuckDB connection with the relation `events`, and a folder for what is made of it."""

    duck: DuckDBPyConnection
    folder: Path

    def narrow(self, begin: datetime, end: datetime, *, keep_received: bool) -> None:
        """Leave in `events` what can count from `begin` until `end`.

        `keep_received` leaves what was received before, too. No event counts later than it
        happened. One that happened after the end counts before it by the time of an earlier one
        only, which stands in a column: each of these is looked for by itself, so that the parts of
        files that hold none are skipped.
        """
        first, last = (f"'{at.isoformat()}'" for at in (begin, end))
        parts = [f"time >= {first} AND time < {last}"]
        reaching = ("enqueued_at", "of_time", "first_entered_at")
        for number, column in enumerate(reaching):
            found = "".join(f" AND ({name} < {last}) IS NOT TRUE" for name in reaching[:number])
            parts.append(f"time >= {last} AND {column} < {last}{found}")
        if keep_received:
            parts.append(f"time < {first} AND type = 'inquiry.received'")
        self.duck.execute("ALTER VIEW events RENAME TO whole")
        self.duck.execute(
            "CREATE TEMPORARY VIEW events AS "
            + " UNION ALL ".join(f"FROM whole WHERE {part}" for part in parts)
        )


@contextmanager
def recalled(past: Past, upto: int) -> Iterator[Recalled]:
    """Yield the history up to a position.

    Raises:
        TooLongError: it took too long, or too much memory.
        ArchiveError: the archive cannot be used; says why.
        DecodingError, UnknownTypeError: a record of the log cannot be typed.
    """
    with (
        TemporaryDirectory(prefix="dasan-history-") as name,
        opened(past.memory_limit) as duck,
        _bounded(past, duck),
    ):
        duck.execute("SET preserve_insertion_order = false")  # which takes memory
        history = gather(duck, past.connection, past.archive, upto, Path(name), _hurried(past))
        relate(duck, history, past.timezone)
        yield Recalled(duck, Path(name))


@contextmanager
def _bounded(past: Past, duck: DuckDBPyConnection) -> Iterator[None]:
    """Say in words of ours what prevented it; interrupt what has not ended in time."""
    done = threading.Event()

    def interrupt() -> None:
        while not done.wait(_AGAIN_S):
            duck.interrupt()

    timer = None
    if past.give_up_at is not None:
        timer = threading.Timer(max(past.give_up_at - time.monotonic(), 0.0), interrupt)
        timer.start()
    try:
        yield
    except duckdb.InterruptException as error:
        raise TooLongError(_TOO_LONG) from error
    except duckdb.OutOfMemoryException as error:
        raise TooLongError(
            f"the history takes more memory than {past.memory_limit} to answer this: {_NARROW}"
        ) from error
    except duckdb.IOException as error:
        raise ArchiveError(
            f"the archive {past.archive.url} cannot be read: {str(error).partition(chr(10))[0]}."
            " See what dasan archive verify says"
        ) from error
    finally:
        done.set()
        if timer is not None:
            timer.cancel()
            timer.join()


def _hurried(past: Past) -> Progress:
    """Return what is told how far typing the log has come, and gives up in time."""

    def tell(position: int) -> None:
        if past.give_up_at is not None and time.monotonic() > past.give_up_at:
            raise TooLongError(_TOO_LONG)
        if past.progress is not None:
            past.progress(position)

    return tell


_NARROW = "ask for fewer days and dimensions, or with the command `dasan`, which waits"
_TOO_LONG = f"the answer from the history took too long: {_NARROW}. A sealed archive is quicker"

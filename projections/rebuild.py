"""Rebuilding a view from the whole history, while it is read and advanced."""

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from psycopg import Connection
from psycopg.errors import LockNotAvailable

from eventlog.archive import Archive
from eventlog.database import Database
from eventlog.reader import head
from projections import shadow
from projections.comparing import standing
from projections.digest import Layout, layouts
from projections.duck import opened
from projections.folding import Rows, on_duckdb, on_postgres
from projections.history import gather, relate
from projections.spark import on_spark
from projections.spark import relate as relate_on_spark
from projections.spark_session import started
from projections.views import View

COMPARABLE_EVENTS = 262_144
"""How far the live view may be behind the head to be compared with: the rest is merged after."""

PATIENCE = "5s"
"""How long another rebuild of the view is waited for."""

Progress = Callable[[int], None]


class Engine(StrEnum):
    """What folds the history."""

    POSTGRES = "postgres"
    DUCKDB = "duckdb"
    SPARK = "spark"


class RebuildError(RuntimeError):
    """A view cannot be rebuilt; says why."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild made: the view of `definition` from positions 1 to `folded`, with its digest.

    `live_definition` and `live_digest` are those of the tables before, the digest at the same
    position, null where they were not there or had other columns.
    `position` is how far the new tables were when readers got to see them. `seconds` is all of it,
    `fold_seconds` until the rows were loaded; `archived` events came from the archive.
    """

    view: str
    engine: Engine
    definition: str
    live_definition: str
    folded: int
    archived: int
    digest: str
    live_digest: str | None
    position: int
    fold_seconds: float
    seconds: float

    @property
    def is_equal(self) -> bool | None:
        """Whether the tables before held the same; null where there was nothing to compare."""
        return None if self.live_digest is None else self.live_digest == self.digest

    @property
    def found_wrong(self) -> bool:
        """Whether the same definition gave other figures: the tables before were not right."""
        return self.is_equal is False and self.live_definition == self.definition

    def as_json(self) -> dict[str, Any]:
        """Return the document of `--json`."""
        return {
            "view": self.view,
            "engine": self.engine,
            "definition": self.definition,
            "live_definition": self.live_definition,
            "range": [min(1, self.folded), self.folded],
            "archived": self.archived,
            "digest": self.digest,
            "live_digest": self.live_digest,
            "equal": self.is_equal,
            "position": self.position,
            "seconds": round(self.seconds, 3),
            "fold_seconds": round(self.fold_seconds, 3),
            "events_per_second": round(self.folded / self.seconds) if self.seconds else None,
        }


def rebuild(
    database: Database,
    archive: Archive,
    timezone: str,
    view: View,
    *,
    engine: Engine = Engine.DUCKDB,
    keep: bool = False,
    explain: Callable[[str], None] | None = None,
    progress: Progress | None = None,
) -> Rebuilt:
    """Fold the whole history anew, compare it with the live view, and put it in its place.

    `explain` is told each row that differs; `progress` the position that was come to.

    Raises:
        RebuildError: the view is being rebuilt already; EngineError: the engine cannot be used.
        ArchiveError, DecodingError, FoldError, UnknownTypeError: the history cannot be folded.
    """
    begun = time.monotonic()
    with ExitStack() as stack:
        owner = stack.enter_context(_claimed(database, view))
        compared = stack.enter_context(ExitStack())
        live = compared.enter_context(standing(database, view))
        is_near = live.position > 0 and head(owner) - live.position <= COMPARABLE_EVENTS
        upto = live.position if is_near else head(owner)
        made = shadow.make_shadow(owner, view)
        laid = layouts(owner, made.schema)
        rows, archived = stack.enter_context(
            _folded(engine, database, archive, timezone, made, laid, upto, progress)
        )
        with ThreadPoolExecutor(1) as beside:
            comparing = beside.submit(live.digest_like, laid) if is_near else None
            with owner.transaction():
                found = shadow.load(owner, made, rows, upto)
            live_digest = comparing.result() if comparing else None
        fold_seconds = time.monotonic() - begun
        if explain and is_near and live_digest != found:
            for line in live.differences(owner, made):
                explain(line)
        compared.close()  # whoever reads the view keeps the exchange waiting
        exchanged = shadow.exchange(owner, made, upto, keep=keep)
        return Rebuilt(
            view=view.name,
            engine=engine,
            definition=view.definition,
            live_definition=live.definition,
            folded=upto,
            archived=archived,
            digest=found,
            live_digest=live_digest,
            position=exchanged.position,
            fold_seconds=fold_seconds,
            seconds=time.monotonic() - begun,
        )


def roll_back(database: Database, view: View) -> int:
    """Put the kept tables of a view in its place, and keep those; return how far they are.

    Raises:
        RollbackError: none are kept, or they are of another definition.
        RebuildError: the view is being rebuilt.
    """
    with _claimed(database, view) as owner:
        tables, position = shadow.kept(owner, view)
        return shadow.exchange(owner, tables, position, keep=True).position


@contextmanager
def _claimed(database: Database, view: View) -> Iterator[Connection]:
    """Yield a connection of the owner; nobody else rebuilds the view meanwhile."""
    with database.connect_as_owner() as owner:
        lock = "hashtext('dasan rebuild'), hashtext(%s)"
        owner.execute(f"SET lock_timeout = '{PATIENCE}'")  # one that was killed is not gone at once
        try:
            owner.execute(f"SELECT pg_advisory_lock({lock})", [view.name])
        except LockNotAvailable as error:
            raise RebuildError(
                f"{view.name} is being rebuilt by another process: let it end first"
            ) from error
        owner.execute("SET lock_timeout = 0")
        yield owner
        # Closed, a connection is the server's for a moment yet, and the next would be refused.
        owner.execute(f"SELECT pg_advisory_unlock({lock})", [view.name])


@contextmanager
def _folded(
    engine: Engine,
    database: Database,
    archive: Archive,
    timezone: str,
    view: View,
    laid: Mapping[str, Layout],
    upto: int,
    progress: Progress | None,
) -> Iterator[tuple[Rows, int]]:
    """Yield the rows of the view's tables, and how many events of them came from the archive."""
    with database.connect() as connection:
        if engine is Engine.POSTGRES:
            with on_postgres(connection, view, upto, progress) as rows:
                yield rows, 0
                return
        with (
            started() if engine is Engine.SPARK else nullcontext() as spark,
            opened() as duck,
            TemporaryDirectory(prefix="dasan-rebuild-") as name,
        ):
            folder = Path(name)
            history = gather(duck, connection, archive, upto, folder, progress)
            if spark:
                relate_on_spark(spark, history, timezone)
                folding = on_spark(spark, duck, view, laid, folder)
            else:
                relate(duck, history, timezone)
                folding = on_duckdb(duck, view, laid, folder)
            with folding as rows:
                yield rows, history.archived

"""The cases, in the order in which they take turns."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from benchmarks.callers import CALLERS, Run, System, callers
from benchmarks.catching_up import LibraryCounter, Views
from benchmarks.figures import Ratio
from benchmarks.library import LibrarySaves
from benchmarks.pgbench import Pgbench
from benchmarks.proving import SIGNED, SignedSaves, proving
from benchmarks.saves import EVENTS, Saves
from benchmarks.server import Bench, Case

ONE, TWO = "save, 1 process", "save, 2 processes"
LIBRARY_ONE, LIBRARY_TWO = "library save, 1 process", "library save, 2 processes"
PGBENCH = "pgbench, 3 rows a transaction"
VIEWS, COUNTER = "catching up, all views", "library ProjectionRunner, one counter"

RATIOS = (
    Ratio("save / library save, 1 process each", ONE, LIBRARY_ONE, aim=6),
    Ratio("save with 2 processes / library save with 1", TWO, LIBRARY_ONE, aim=8),
    Ratio("save / library save, 2 processes each", TWO, LIBRARY_TWO),
    Ratio("save with the tree beside / save", SIGNED, ONE),
    Ratio("save with 1 process / pgbench", ONE, PGBENCH),
    Ratio("save with 2 processes / pgbench", TWO, PGBENCH),
    Ratio("all views / library ProjectionRunner", VIEWS, COUNTER, aim=40),
    Ratio("all views", VIEWS, aim=60_000),
)


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is done: runs of each case, their length, and the events to catch up on or send."""

    rounds: int
    seconds: float
    warm_up_seconds: float
    log_events: int
    library_events: int
    sent_events: int
    leaves: int


FULL = Scale(
    rounds=3, seconds=5, warm_up_seconds=1.5,
    log_events=400_000, library_events=6_000, sent_events=200_000,
    leaves=10_000_000,
)  # fmt: skip
QUICK = Scale(
    rounds=1, seconds=0.2, warm_up_seconds=0.1,
    log_events=3_000, library_events=300, sent_events=1_000,
    leaves=70_000,
)  # fmt: skip


def cases(bench: Bench, scale: Scale) -> list[Case]:
    """Make every system, with the logs to catch up on, and return the cases."""

    def saving(system: System, processes: int) -> Callable[[], Run]:
        return partial(_saving, bench, system, processes, scale)

    pgbench = Pgbench(bench.programs, bench.database("pgbench"))
    pgbench.prepare()
    views = Views(bench.log("views"))
    views.load(scale.log_events)
    counter = LibraryCounter(bench.database("counter"))
    counter.load(scale.library_events)
    return [
        Case(ONE, "saves/s", saving(Saves(bench.log("ours_1")), 1)),
        Case(TWO, "saves/s", saving(Saves(bench.log("ours_2")), 2)),
        Case(SIGNED, "saves/s", saving(SignedSaves(Saves(bench.log("ours_signed"))), 1)),
        Case(LIBRARY_ONE, "saves/s", saving(LibrarySaves(bench.database("library_1"), CALLERS), 1)),
        Case(
            LIBRARY_TWO,
            "saves/s",
            saving(LibrarySaves(bench.database("library_2"), CALLERS // 2), 2),
        ),
        Case(PGBENCH, "transactions/s", partial(pgbench.run, scale.seconds)),
        Case(VIEWS, "events/s", views.run),
        Case(COUNTER, "events/s", counter.run),
        *proving(bench, scale.log_events, scale.leaves),
    ]


def _saving(bench: Bench, system: System, processes: int, scale: Scale) -> Run:
    """Start the callers, warm them up, measure; make sure that all they were told is there."""
    with callers(system, processes=processes) as run:
        run(scale.warm_up_seconds)
        bench.settle()
        before = system.events()
        done = run(scale.seconds)
        assert system.events() - before == EVENTS * done.n, "a save is missing, or is there twice"
    return done

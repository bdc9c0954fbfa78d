"""`make bench`: every case in one run on one server, in turns, so that noise hits all alike."""

import argparse
import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks.callers import Run
from benchmarks.cases import CASES, FULL, QUICK, RATIOS, Scale, cases
from benchmarks.figures import Figure, measured_on, table
from benchmarks.server import Bench, bench


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run; its figures say nothing")
    scale = QUICK if parser.parse_args().quick else FULL
    with bench() as place:
        figures = measure(place, scale)
        postgresql = place.ask("SHOW server_version")
    for figure in figures:
        print(figure.as_json())
    print("", table(figures, RATIOS), "", measured_on(postgresql), sep="\n")


def measure(place: Bench, scale: Scale) -> list[Figure]:
    with progress(scale.rounds) as begin:
        begin("loading what is to be caught up on")
        measured = cases(place, scale)
        runs: dict[str, list[Run]] = {case.name: [] for case in measured}
        for _ in range(scale.rounds):
            for case in measured:
                begin(case.name)
                place.settle()
                runs[case.name].append(case.run())
    return [Figure(case.name, case.unit, runs[case.name]) for case in measured]


@contextmanager
def progress(rounds: int) -> Iterator[Callable[[str], object]]:
    """Yield what to call as each step begins: a bar on a terminal, nothing when piped."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 - not needed when piped
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1 + rounds * CASES)
        begun = itertools.count()
        yield lambda name: bar.update(task, description=name, completed=next(begun))


if __name__ == "__main__":
    main()

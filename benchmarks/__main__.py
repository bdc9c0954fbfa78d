"""`make bench`: every case in one run on one server, in turns, so that noise hits all alike."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks.callers import Measured, Run
from benchmarks.cases import FULL, QUICK, RATIOS, Scale, cases
from benchmarks.figures import Figure, measured_on, table
from benchmarks.served import served
from benchmarks.server import Bench, bench
from benchmarks.service import RATIOS as SERVICE_RATIOS
from benchmarks.service import Load


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run; its figures say nothing")
    scale = QUICK if parser.parse_args().quick else FULL
    with bench() as place, served(place.log("served")) as service:
        figures = measure(place, scale, Load(service, scale.seconds, scale.warm_up_seconds))
        postgresql = place.ask("SHOW server_version")
    for figure in figures:
        print(figure.as_json())
    print("", table(figures, [*RATIOS, *SERVICE_RATIOS]), "", measured_on(postgresql), sep="\n")


def measure(place: Bench, scale: Scale, load: Load) -> list[Figure]:
    with progress() as show:
        show("loading what is to be caught up on", 0)
        measured = [*cases(place, scale), *load.cases()]
        runs: dict[str, list[Run | Measured]] = {case.name: [] for case in measured}
        for done, case in enumerate(measured * scale.rounds):
            show(case.name, done / len(measured) / scale.rounds)
            place.settle()
            runs[case.name].append(case.run())
    return [Figure(case.name, case.unit, runs[case.name]) for case in measured]


@contextmanager
def progress() -> Iterator[Callable[[str, float], None]]:
    """Yield what to tell each step and the share done: a bar on a terminal, nothing when piped."""
    if not sys.stderr.isatty():
        yield lambda _name, _done: None
        return
    from rich.console import Console  # noqa: PLC0415 - not needed when piped
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1)
        yield lambda name, done: bar.update(task, description=name, completed=done)


if __name__ == "__main__":
    main()

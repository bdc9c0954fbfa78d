"""`make bench`: every case in one run on one server, in turns, so that noise hits all alike."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.callers import Measured, Run
from benchmarks.cases import FULL, QUICK, RATIOS, Scale, cases
from benchmarks.figures import Figure, measured_on, table
from benchmarks.progress import progress
from benchmarks.proving import RATIOS as PROVING_RATIOS
from benchmarks.served import served
from benchmarks.server import Bench, bench
from benchmarks.service import RATIOS as SERVICE_RATIOS
from benchmarks.service import Load
from benchmarks.streaming import RATIOS as STREAMING_RATIOS
from benchmarks.streaming import Streaming
from consumers.broker import Broker
from tests.broker import given_or_started
from tests.broker_jars import NoKafkaError


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run; its figures say nothing")
    scale = QUICK if parser.parse_args().quick else FULL
    with bench() as place, served(place.log("served")) as service, kafka() as (broker, without):
        figures = measure(place, scale, Load(service, scale.seconds, scale.warm_up_seconds), broker)
        postgresql = place.ask("SHOW server_version")
    ratios = [*RATIOS, *PROVING_RATIOS, *SERVICE_RATIOS, *(STREAMING_RATIOS if broker else ())]
    for figure in figures:
        print(figure.as_json())
    print("", table(figures, ratios), "", measured_on(postgresql) + without, sep="\n")


def measure(place: Bench, scale: Scale, load: Load, broker: Broker | None) -> list[Figure]:
    with progress() as show:
        show("loading what is to be caught up on", 0)
        measured = [*cases(place, scale), *load.cases()]
        if broker:
            measured += Streaming(place, place.log("sent"), broker).cases(scale.sent_events)
        runs: dict[str, list[Run | Measured]] = {case.name: [] for case in measured}
        for done, case in enumerate(measured * scale.rounds):
            show(case.name, done / len(measured) / scale.rounds)
            place.settle()
            runs[case.name].append(case.run())
    return [Figure(case.name, case.unit, runs[case.name]) for case in measured]


@contextmanager
def kafka() -> Iterator[tuple[Broker | None, str]]:
    """Yield the broker to measure with; without any, why the cases of Kafka are left out."""
    try:
        with given_or_started() as broker:
            yield broker, ""
    except NoKafkaError as error:
        yield None, f"; without Kafka: {error}"


if __name__ == "__main__":
    main()

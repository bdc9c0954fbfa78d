"""The benchmarks run; what they measure is for `make bench` to say."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from consumers.broker import Broker

PROJECT = Path(__file__).parents[1]


@pytest.mark.long
def test_a_smoke_run_prints_a_line_a_figure_and_a_table(broker: Broker) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick"],
        cwd=PROJECT,
        env={**os.environ, "KAFKA_BOOTSTRAP_SERVERS": broker.name},
        check=True,
        capture_output=True,
        text=True,
    )

    lines, table, _, machine = done.stdout.split("\n\n")
    figures = [json.loads(line) for line in lines.splitlines()]
    assert [set(figure) for figure in figures] == [
        {"case", "value", "unit", "n", "seconds", "runs"}
    ] * len(figures)
    assert all(figure["value"] > 0 for figure in figures)
    assert len(table.splitlines()) == 1 + len(figures)
    assert machine.startswith("measured on ")
    assert done.stderr == ""


@pytest.mark.soak
def test_a_smoke_run_of_the_rebuilds_prints_a_line_a_figure_and_what_it_extrapolates() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.rebuilding", "--quick"],
        cwd=PROJECT,
        check=True,
        capture_output=True,
        text=True,
    )

    lines, table, _, end = done.stdout.split("\n\n")
    figures = [json.loads(line) for line in lines.splitlines()]
    assert all(figure["value"] > 0 for figure in figures)
    assert len(table.splitlines()) == 1 + len(figures)
    assert end.startswith("extrapolated, not measured: rebuild kpi of 150 M events in ")
    assert done.stderr == ""

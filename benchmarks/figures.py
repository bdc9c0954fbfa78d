"""Figures: a JSON line each, then a table with the ratios that matter and the aims."""

import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psycopg

from benchmarks.callers import Measured, Run


@dataclass(frozen=True, slots=True)
class Figure:
    """What one case showed in all its runs."""

    case: str
    unit: str
    runs: Sequence[Run | Measured]

    @property
    def value(self) -> float:
        return statistics.median(run.value for run in self.runs)

    def as_json(self) -> str:
        return json.dumps(
            {
                "case": self.case,
                "value": round(self.value, 1),
                "unit": self.unit,
                "n": sum(run.n for run in self.runs),
                "seconds": round(sum(run.seconds for run in self.runs), 3),
                "runs": [round(run.value, 1) for run in self.runs],
            },
            ensure_ascii=False,
        )


@dataclass(frozen=True, slots=True)
class Ratio:
    """One case divided by another, or by nothing; `aim` is the least and `most` the most that it
    should be."""

    name: str
    case: str
    by: str | None = None
    aim: float | None = None
    most: float | None = None

    def line(self, figures: Mapping[str, Figure]) -> str:
        value = figures[self.case].value / (figures[self.by].value if self.by else 1)
        shown = f"{value:,.2f} x" if self.by else f"{_shown(value)} {figures[self.case].unit}"
        line = f"{self.name:<58}{shown:>18}"
        if self.aim is not None:
            return f"{line}   aim {self.aim:,}: {_met(value >= self.aim)}"
        if self.most is not None:
            return f"{line}   aim at most {self.most:,}: {_met(value <= self.most)}"
        return line


def _shown(value: float) -> str:
    """Return a number with a digit behind the point where it is small."""
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def _met(met: bool) -> str:
    return "met" if met else "not met"


def table(figures: Sequence[Figure], ratios: Sequence[Ratio]) -> str:
    named = {figure.case: figure for figure in figures}
    lines = [f"{'case':<44}{'median':>12} {'unit':<16}{'least':>10}{'most':>10}"]
    for figure in figures:
        rates = [run.value for run in figure.runs]
        lines.append(
            f"{figure.case:<44}{_shown(figure.value):>12} {figure.unit:<16}"
            f"{_shown(min(rates)):>10}{_shown(max(rates)):>10}"
        )
    return "\n".join([*lines, "", *(ratio.line(named) for ratio in ratios)])


def measured_on(postgresql: str) -> str:
    """Say which machine and programs the figures are from."""
    return (
        f"measured on {_processor()}, {os.cpu_count()} cores, {platform.system()}; "
        f"PostgreSQL {postgresql}, Python {platform.python_version()}, "
        f"psycopg {version('psycopg')} ({psycopg.pq.__impl__}), "
        f"eventsourcing {version('eventsourcing')}; fsync on"
    )


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()

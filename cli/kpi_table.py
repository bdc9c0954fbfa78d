"""The KPI table that a supervisor knows: fits 100 columns, plain when piped.

A ratio that has a target is marked as met or missed; the targets stand in the last row.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

from projections.answer import Answer, Row
from projections.formulas import REPEAT_WINDOWS
from projections.question import Question
from projections.targets import SERVICE_LEVEL_VARIANT

UNKNOWN = "\N{EN DASH}"
MET, MISSED = "\N{CHECK MARK}", "\N{BALLOT X}"
VARIANT = SERVICE_LEVEL_VARIANT
DEFINITION_DIGITS = 12
WIDTH = 1_000
"""The table is as wide as its words: a number is never cut for a narrow terminal."""

_PERIOD_FORMATS = {"hour": "%m-%d %H:%M", "day": "%Y-%m-%d", "month": "%Y-%m", "year": "%Y"}
_TIME = "%Y-%m-%d %H:%M"


class _Column(NamedTuple):
    title: str
    name: str
    shown: Callable[[float], str]
    part: str = VARIANT

    def value(self, row: Row) -> object:
        """Return the row's sum or ratio, its `part` where it has several."""
        values: Mapping[str, object] = {**row.sums, **row.ratios, **row.recalled}
        value = values[self.name]
        return value[self.part] if isinstance(value, dict) else value

    def cell(self, row: Row) -> str:
        """Return the value as shown, with a mark where there is a target for it."""
        value = self.value(row)
        if not isinstance(value, int | float):
            return UNKNOWN
        met = row.met.get(self.name)
        return self.shown(value) + ("" if met is None else MET if met else MISSED)

    def target(self, rows: Sequence[Row]) -> str:
        """Return the target of the rows, each where they have several."""
        values = sorted({row.targets[self.name] for row in rows if self.name in row.targets})
        return "/".join(map(self.shown, values))


def print_table(question: Question, answer: Answer, total: Answer | None = None) -> None:
    """Print the rows, that of the `total` below them, and what they stand for."""
    columns = _columns(answer)
    titles = [] if question.period == "total" and question.grouped else [question.period]
    table = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    for title in [*titles, *question.grouped]:
        table.add_column(title, vertical="bottom")
    for column in columns:
        table.add_column(column.title, justify="right", vertical="bottom")
    for period, row in zip(_periods(question, answer.rows), answer.rows, strict=True):
        labels = [label or UNKNOWN for label in row.labels.values()]
        table.add_row(*[period for _ in titles], *labels, *(column.cell(row) for column in columns))
    blank = [""] * (len(titles) + len(question.grouped) - 1)
    for row in total.rows if total else ():
        table.add_section()
        table.add_row("total", *blank, *(column.cell(row) for column in columns))
    rows = [*answer.rows, *(total.rows if total else ())]
    targets = [column.target(rows) for column in columns]
    if any(targets):
        table.add_section()
        table.add_row("target", *blank, *targets)
    console = Console(width=WIDTH)
    console.print(table, highlight=False)
    console.print(_standing_for(question, answer), highlight=False)


def _columns(answer: Answer) -> list[_Column]:
    service_level = _Column(f"{VARIANT} in\n{answer.threshold_s} s", "service_level", _percent)
    if any(row.recalled for row in answer.rows):
        return [
            _Column("received", "received", _count),
            _Column("cumulative", "cumulative", _count),
            _Column("answer\nrate", "answer_rate", _percent),
            service_level,
            _Column("1st\nagent", "first_agent_resolution", _percent),
            *(
                _Column(f"FCR\n{window}", "fcr_repeat", _percent, window)
                for window in REPEAT_WINDOWS
            ),
            _Column("citizen\nknown", "fcr_identified", _percent),
        ]
    return [
        _Column("received", "received", _count),
        _Column("offered", "offered", _count),
        _Column("answered", "answered", _count),
        _Column("aban-\ndoned", "abandoned", _count),
        _Column("answer\nrate", "answer_rate", _percent),
        service_level,
        _Column("ASA", "asa_ms", _duration),
        _Column("p90", "wait_p90_ms", _duration),
        _Column("AHT", "aht_ms", _duration),
        _Column("1st\nagent", "first_agent_resolution", _percent),
        _Column("satis-\nfied", "satisfaction", _percent),
    ]


def _count(value: float) -> str:
    return f"{value:,}"


def _percent(value: float) -> str:
    return f"{value:.1%}"


def _duration(milliseconds: float) -> str:
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    return f"{minutes:02}:{seconds:02}"


def _periods(question: Question, rows: Sequence[Row]) -> list[str]:
    """Return what the rows' buckets are called; hours with year and offset where these change."""
    if question.period == "total":
        return ["total" for _ in rows]
    begins = [row.begin for row in rows]
    form = _PERIOD_FORMATS[question.period]
    if question.period == "hour":
        form = _TIME if len({begin.year for begin in begins}) > 1 else form
        form += " %z" if len({begin.utcoffset() for begin in begins}) > 1 else ""
    return [begin.strftime(form) for begin in begins]


def _standing_for(question: Question, answer: Answer) -> str:
    begin, end = (_local(at, question) for at in (question.begin, question.end))
    return (
        f"{answer.timezone}, {begin} to {end}; service level {VARIANT} within"
        f" {answer.threshold_s} s; log position {answer.position:,}{_recorded(question, answer)};"
        f" definition"
        f" {answer.definition[:DEFINITION_DIGITS]}"
    )


def _recorded(question: Question, answer: Answer) -> str:
    """Return when the position was recorded, where the answer is one as of then."""
    if answer.as_of is None:
        return ""
    at = answer.as_of.recordedtime
    return f", recorded {_local(at, question)}" if at else ", before the first event"


def _local(at: datetime, question: Question) -> str:
    return at.astimezone(question.timezone).strftime(_TIME)

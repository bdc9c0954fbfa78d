"""The KPI table that a supervisor knows: fits 100 columns, plain when piped."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

from projections.answer import Answer, Row
from projections.question import Question

UNKNOWN = "\N{EN DASH}"
VARIANT = "F3"
DEFINITION_DIGITS = 12
WIDTH = 1_000
"""The table is as wide as its words: a number is never cut for a narrow terminal."""

_PERIOD_FORMATS = {"hour": "%m-%d %H:%M", "day": "%Y-%m-%d", "month": "%Y-%m", "year": "%Y"}
_TIME = "%Y-%m-%d %H:%M"


class _Column(NamedTuple):
    title: str
    value: Callable[[Row], object]
    shown: Callable[[float], str]


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
        table.add_row(*[period for _ in titles], *labels, *_cells(columns, row))
    for row in total.rows if total else ():
        blank = [""] * (len(titles) + len(question.grouped) - 1)
        table.add_section()
        table.add_row("total", *blank, *_cells(columns, row))
    console = Console(width=WIDTH)
    console.print(table, highlight=False)
    console.print(_standing_for(question, answer), highlight=False)


def _columns(answer: Answer) -> list[_Column]:
    within = f"{VARIANT} in\n{answer.threshold_s} s"
    return [
        _Column("received", lambda row: row.sums["received"], _count),
        _Column("offered", lambda row: row.sums["offered"], _count),
        _Column("answered", lambda row: row.sums["answered"], _count),
        _Column("aban-\ndoned", lambda row: row.sums["abandoned"], _count),
        _Column("answer\nrate", lambda row: row.ratios["answer_rate"], _percent),
        _Column(within, _service_level, _percent),
        _Column("ASA", lambda row: row.ratios["asa_ms"], _duration),
        _Column("p90", lambda row: row.ratios["wait_p90_ms"], _duration),
        _Column("AHT", lambda row: row.ratios["aht_ms"], _duration),
        _Column("1st\nagent", lambda row: row.ratios["first_agent_resolution"], _percent),
        _Column("satis-\nfied", lambda row: row.ratios["satisfaction"], _percent),
    ]


def _service_level(row: Row) -> object:
    variants = row.ratios["service_level"]
    return variants[VARIANT] if isinstance(variants, dict) else None


def _cells(columns: Sequence[_Column], row: Row) -> list[str]:
    values = [column.value(row) for column in columns]
    return [
        column.shown(value) if isinstance(value, int | float) else UNKNOWN
        for column, value in zip(columns, values, strict=True)
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
        f" {answer.threshold_s} s; log position {answer.position:,}; definition"
        f" {answer.definition[:DEFINITION_DIGITS]}"
    )


def _local(at: datetime, question: Question) -> str:
    return at.astimezone(question.timezone).strftime(_TIME)

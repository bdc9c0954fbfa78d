"""`dasan simulate --bulk`: the simulated history of the line, into an empty log."""

import calendar
import re
import signal
import sys
import time
from datetime import date

import typer

from cli.progress import progress_bar
from domain.times import read_date

SCALE = 0.01


def fill_log(first: str | None, last: str | None, scale: float | None, seed: int) -> None:
    """Append the history to the log, or what is left of it, and say what that made of it."""
    from cli.opening import prepared_city
    from simulation.filling import fill
    from simulation.history import BEGINNING, END, History

    history = History(
        first=day_of(first, "--from") if first else BEGINNING,
        last=day_of(last, "--to", at_end=True) if last else END,
        scale=SCALE if scale is None else scale,
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # not without workers
    began = time.monotonic()
    with (
        prepared_city() as (settings, database, keys),
        progress_bar("history", (history.last - history.first).days) as progress,
    ):
        filled = fill(settings, database, keys, history, seed=seed, progress=progress)
    took_s = time.monotonic() - began
    print(
        f"{history.first} to {history.last}: {filled.days:,} days, {filled.inquiries:,} inquiries:"
        f" {filled.events:,} events added in {took_s:,.0f} s"
    )


def day_of(text: str, option: str, *, at_end: bool = False) -> date:
    """Return the day that a date or a month means: the month's first, or its last.

    Raises:
        typer.BadParameter: it is neither.
    """
    try:
        if re.fullmatch("[0-9]{4}-[0-9]{2}", text) is None:
            return read_date(text)
        month = read_date(f"{text}-01")
        last = calendar.monthrange(month.year, month.month)[1]
        return month.replace(day=last) if at_end else month
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is neither a month (2012-02) nor a date (2012-02-29)", param_hint=option
        ) from error

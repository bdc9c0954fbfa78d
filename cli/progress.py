"""Showing on a terminal how far long work has come; nothing when piped."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, ProgressColumn, Task
from rich.text import Text


class _Rate(ProgressColumn):
    """How much is done a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")


@contextmanager
def progress_bar(title: str, total: int) -> Iterator[Callable[[int], None] | None]:
    """Yield what is told the amount done so far, null where nobody would see it."""
    if not sys.stderr.isatty():
        yield None
        return
    columns = (*Progress.get_default_columns(), _Rate())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        # Work that is done before it tells anything shows no bar.
        task = progress.add_task(title, total=total, visible=False)
        yield lambda done: progress.update(task, completed=done, visible=True)

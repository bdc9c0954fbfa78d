"""Showing which case is being measured."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


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

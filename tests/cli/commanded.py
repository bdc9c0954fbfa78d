"""The command as its user gives it, in this process: what it prints, and its exit status."""

import contextlib
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from cli.main import main


class Told(NamedTuple):
    """What a command said, and its exit status."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Told]


def commanded(arguments: list[str], environment: Mapping[str, str]) -> Told:
    """Run `dasan`; variables that are empty are as if not set."""
    out, err = io.StringIO(), io.StringIO()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    status = 0
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", ["dasan", *arguments])
        try:
            main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    return Told(status, out.getvalue(), err.getvalue())


def started(arguments: list[str], environment: Mapping[str, str]) -> Told:
    """Run `dasan` in a process of its own, as what ends with its process has to."""
    done = subprocess.run(
        [Path(sys.executable).with_name("dasan"), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return Told(done.returncode, done.stdout, done.stderr)

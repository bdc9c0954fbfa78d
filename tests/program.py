"""The command `dasan` in a process of its own, that can be killed and started again."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

STOPPED_WITHIN_S = 30.0
DASAN = (str(Path(sys.executable).with_name("dasan")),)


class Program:
    """One command; what it says goes to a file, through all its lives."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        said: Path,
        command: Sequence[str] = DASAN,
    ) -> None:
        self._command = [*command, *arguments]
        self._environment = {**os.environ, **environment, "PYTHONFAULTHANDLER": "1"}
        self._said = said
        self.start()

    def start(self) -> None:
        with self._said.open("ab") as said:
            self.process = subprocess.Popen(
                self._command, env=self._environment, stdout=said, stderr=said
            )

    def kill(self) -> None:
        """End it with SIGKILL, in the middle of whatever it does."""
        self.process.kill()
        assert self.process.wait() == -signal.SIGKILL, self.said

    def stop(self) -> None:
        """Tell it to stop, and see that it does so cleanly; one that does not says where it is."""
        self.process.terminate()
        try:
            status = self.process.wait(STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            status = self.process.wait()
        assert status == 0, self.said

    def end(self) -> None:
        """End it if it still runs."""
        self.process.kill()
        self.process.wait()

    @property
    def said(self) -> str:
        return self._said.read_text()

    def require_alive(self) -> None:
        """Fail with what it said when it ended by itself."""
        assert self.process.poll() is None, self.said

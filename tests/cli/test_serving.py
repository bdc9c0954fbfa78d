"""`dasan serve` and `dasan token`, as their user runs them."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from eventlog.log import Log
from tests.cli.commanded import Run
from tests.cli.test_commands import dasan, events
from tests.conftest import Servers

__all__ = ["dasan"]  # a fixture


@contextmanager
def serving(
    log: Log, servers: Servers, command: str = "serve"
) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Run a command that serves on the test's own log and yield where it listens."""
    process = subprocess.Popen(
        [Path(sys.executable).with_name("dasan"), command, "--port", "0"],
        env={
            **os.environ,
            "DASAN_HOME": str(servers.settings.home),
            "DASAN_DATABASE_URL": log.database.admin_url,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stderr
    with process.stdout, process.stderr:
        try:
            yield process.stderr.readline().split()[-1].removesuffix("/docs"), process
        finally:
            process.kill()
            process.wait()


def ask(
    url: str, token: str, method: str = "GET", body: dict[str, str] | None = None
) -> tuple[int, dict[str, object]]:
    headers = {
        "Authorization": f"Bearer {token}",
        "Idempotency-Key": "k",
        "Content-Type": "application/json",
    }
    data = None if body is None else orjson.dumps(body)
    request = urllib.request.Request(url, data=data, headers=headers, method=method)  # noqa: S310
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - our own server
        return answer.status, orjson.loads(answer.read())


def test_a_token_of_the_command_line_opens_the_service(
    dasan: Run, log: Log, servers: Servers
) -> None:
    token = dasan("token", "--scope", "inquiries:write", "--client", "pbx").stdout.strip()

    with serving(log, servers) as (url, _):
        status, received = ask(f"{url}/v1/inquiries", token, "POST", {"channel": "sms"})

    assert (status, received["version"]) == (201, 1)
    assert events(log) == 1


def test_a_server_that_is_told_to_stop_stops_cleanly(log: Log, servers: Servers) -> None:
    with serving(log, servers) as (url, process):
        urllib.request.urlopen(f"{url}/health/ready").close()  # noqa: S310 - our own server
        process.send_signal(signal.SIGTERM)

        assert process.wait(timeout=60) == 0


def test_a_port_in_use_is_named_and_nothing_is_started(dasan: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        outcome = dasan("serve", "--port", str(port))

    assert outcome.returncode == 2
    assert f"127.0.0.1:{port} cannot be served on" in outcome.stderr
    assert "--port" in outcome.stderr


def test_a_port_that_is_none_is_refused(dasan: Run) -> None:
    outcome = dasan("serve", "--port", "70000")

    assert outcome.returncode == 2
    assert "70000 cannot be served on" in outcome.stderr


def test_a_scope_that_is_none_is_refused(dasan: Run) -> None:
    outcome = dasan("token", "--scope", "everything")

    assert outcome.returncode == 2
    assert "inquiries:write" in outcome.stderr

"""Verifiers that we did not write, run on the folder of an export."""

import base64
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from tests.conftest import skip_or_fail
from tests.transparency.reading import archived, records, root_of

DEBIAN = Path("/usr/share/gocode")
"""Where Debian's packages have Go libraries; elsewhere they come as modules."""


class RefusedError(Exception):
    """A verifier found something wrong; says what it said."""


def run(
    *command: str, cwd: Path, told: bytes = b"", environment: Mapping[str, str] | None = None
) -> str:
    """Run a program and return what it printed.

    Raises:
        RefusedError: it ended with another status than 0.
    """
    done = subprocess.run(
        command,
        cwd=cwd,
        input=told,
        capture_output=True,
        env={**os.environ, **(environment or {})},
        check=False,
    )
    if done.returncode:
        raise RefusedError((done.stderr + done.stdout).decode())
    return done.stdout.decode()


def built_in_go(to: Path) -> Path:
    """Build the verifier in Go, which needs Go and golang.org/x/mod."""
    go = shutil.which("go")
    if go is None:
        skip_or_fail("Go is not installed: apt install golang-go golang-golang-x-mod-dev")
    source = Path(__file__).parent / "verifier"
    environment = {"GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local"}
    if (DEBIAN / "src/golang.org/x/mod").is_dir():
        environment = {"GOFLAGS": "", "GO111MODULE": "off", "GOPATH": str(DEBIAN)}
    try:
        run(go, "build", "-o", str(to), "main.go", cwd=source, environment=environment)
    except RefusedError as error:
        skip_or_fail(f"the verifier in Go cannot be built: {error}")
    return to


def by_go(program: Path, folder: Path, key: Path, *earlier: Path) -> None:
    """Check signature, tiles, records and continuity with Go's own library of logs."""
    told = b"".join(record + b"\n" for record in archived(folder))
    root = run(str(program), str(folder), str(key), *map(str, earlier), cwd=folder, told=told)
    assert root.strip() == root_of(folder)


def told_in_readme(folder: Path, number: int) -> str:
    """Return the commands of a step of an export's README."""
    readme = (folder / "README.md").read_text("utf-8")
    step = readme.split(f"\n{number}. ")[1].split(f"\n{number + 1}. ")[0]
    return "\n".join(line[7:] for line in step.splitlines() if line.startswith(" " * 7))


def by_openssl(folder: Path, key: Path) -> None:
    """Check the signature by the README's commands, with the key that the auditor kept."""
    if shutil.which("openssl") is None:
        skip_or_fail("openssl is not installed")
    shutil.copyfile(key, folder / "key")
    commands = told_in_readme(folder, 1)
    said = run("sh", "-eu", "-c", commands, cwd=folder)
    assert re.search("verified success", said, re.IGNORECASE)


def by_readme(folder: Path) -> None:
    """Compare the root that the README's Python program prints with the checkpoint's."""
    found = run(sys.executable, "-c", told_in_readme(folder, 2), cwd=folder).strip()
    _require_root(found, folder)


def by_pymerkle(folder: Path) -> None:
    """Compare the root that pymerkle makes of the records with the checkpoint's."""
    _require_root(root_by_pymerkle(records(folder)), folder)


def root_by_pymerkle(told: list[bytes]) -> str:
    """Return the root, in base64, of a list of records."""
    if find_spec("pymerkle") is None:
        skip_or_fail("pymerkle is not installed: make setup")
    tree = import_module("pymerkle").InmemoryTree(algorithm="sha256")
    for record in told:
        tree.append_entry(record)
    return base64.b64encode(tree.get_root()).decode()


def _require_root(found: str, folder: Path) -> None:
    if found != root_of(folder):
        raise RefusedError(f"the records have the root {found}, and {root_of(folder)} was signed")

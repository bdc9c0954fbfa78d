"""A database that cannot be trusted is refused, with what is wrong and how to mend it."""

import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from psycopg.conninfo import conninfo_to_dict

from domain.inquiry import Inquiry
from domain.vocabulary import Channel
from eventlog.database import Database, DatabaseError, prepare, reached
from eventlog.embedded import running
from eventlog.log import Log
from eventlog.settings import Settings, SettingsError, read_settings, zone
from tests.conftest import Servers, skip_or_fail
from tests.eventlog.examples import REQUEST, TIME


def at(url: str) -> Settings:
    return Settings(url, Path("unused"), "seoul", "Asia/Seoul")


def refusal(url: str) -> str:
    with pytest.raises(DatabaseError) as raised, reached(at(url)):
        raise AssertionError("the database was taken")
    return str(raised.value)


@contextmanager
def with_setting(database: Database, setting: str) -> Iterator[str]:
    """The URL of the database while it has another setting."""
    name, value = setting.split("=")
    with database.connect_as_owner() as owner:
        owner.execute(f"ALTER SYSTEM SET {name} = {value}".encode())
        owner.execute("SELECT pg_reload_conf()")
        try:
            while owner.execute("SELECT current_setting(%s)", [name]).fetchone() != (value,):
                pass
            yield database.admin_url
        finally:
            owner.execute(f"ALTER SYSTEM RESET {name}".encode())
            owner.execute("SELECT pg_reload_conf()")
            while owner.execute("SELECT current_setting(%s)", [name]).fetchone() == (value,):
                pass


@contextmanager
def old_server(programs: Path) -> Iterator[str]:
    """The URL of a new server of these programs, which refuse to run as root."""
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="dasan-old-"))

    def run(*command: str) -> None:
        subprocess.run(
            [programs / command[0], *command[1:]], user=user, cwd="/", check=True, timeout=120,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip

    try:
        if user:
            shutil.chown(folder, user)
        data = str(folder / "data")
        run("initdb", "-D", data, "--username=postgres", "--auth=trust", "--no-sync")
        run("pg_ctl", "-D", data, "-w", "-o", f"-k {folder} -h ''", "-l", f"{folder}/log", "start")
        try:
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("setting", ["fsync=off", "full_page_writes=off", "synchronous_commit=off"])
def test_a_database_that_may_lose_what_it_acknowledged_is_refused(home: Path, setting: str) -> None:
    with (
        running(home) as server,
        with_setting(Database(server.url, server.admin_url), setting) as url,
    ):
        name = setting.split("=", maxsplit=1)[0]

        assert f"Set {name} = on" in refusal(url)


def test_a_database_too_old_is_refused_by_name_of_both_versions() -> None:
    old = [p for p in Path("/usr/lib/postgresql").glob("*/bin") if int(p.parent.name) < 17]
    if not old:
        skip_or_fail("there is no PostgreSQL older than 17 on this machine")
    with old_server(old[0]) as url:
        said = refusal(url)

    assert f"is PostgreSQL {old[0].parent.name}." in said
    assert "17 or newer is needed" in said


def test_a_port_in_use_by_something_else_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:

        def accept_and_hang_up() -> None:
            other.accept()[0].close()

        hang_up = threading.Thread(target=accept_and_hang_up)
        hang_up.start()
        port = other.getsockname()[1]

        said = refusal(f"postgresql://dasan:secret@127.0.0.1:{port}/dasan")

        hang_up.join()
    assert "cannot be reached" in said
    assert "DASAN_DATABASE_URL" in said
    assert "secret" not in said


def test_a_missing_server_is_named(tmp_path: Path) -> None:
    assert "cannot be reached" in refusal(f"postgresql:///dasan?host={tmp_path}")


def test_what_is_no_url_is_named() -> None:
    assert "no libpq URL" in refusal("mysql://localhost/dasan")


def test_a_second_start_changes_nothing(servers: Servers, log: Log) -> None:
    log.inquiries.receive(Inquiry.receive(uuid4(), at=TIME, channel=Channel.SMS), REQUEST)

    prepare(log.database, servers.settings, servers.keys)

    with log.database.connect() as connection:
        assert connection.execute("SELECT count(*) FROM log").fetchone() == (1,)


def test_a_log_made_by_another_version_gets_the_functions_of_this_one(
    servers: Servers, log: Log
) -> None:
    with log.database.connect_as_owner() as owner:
        body = owner.execute("SELECT prosrc FROM pg_proc WHERE proname = 'append'").fetchone()
        owner.execute("DROP FUNCTION append")
        owner.execute("UPDATE installed SET sha256 = 'another' WHERE file = 'append.sql'")

    prepare(log.database, servers.settings, servers.keys)

    with log.database.connect_as_owner() as owner:
        found = owner.execute("SELECT prosrc FROM pg_proc WHERE proname = 'append'").fetchone()
    assert found == body


def test_another_citys_log_is_refused(servers: Servers, database: Database) -> None:
    with pytest.raises(DatabaseError, match="set DASAN_CITY=seoul"):
        prepare(database, replace(servers.settings, city="busan"), servers.keys)


def test_another_zone_than_the_logs_is_refused(servers: Servers, database: Database) -> None:
    with pytest.raises(DatabaseError, match="DASAN_TIMEZONE=Asia/Seoul"):
        prepare(database, replace(servers.settings, timezone="Europe/Berlin"), servers.keys)


def test_secrets_of_another_log_are_refused(servers: Servers, database: Database) -> None:
    with pytest.raises(DatabaseError, match="restore it from your backup"):
        prepare(database, servers.settings, replace(servers.keys, lookup=b"x" * 32))


def test_a_user_without_rights_is_told_which_it_needs(servers: Servers) -> None:
    with servers.database("test_without_rights", empty=True) as database:
        user = conninfo_to_dict(database.url)["user"]
        with pytest.raises(DatabaseError, match="CREATEROLE") as raised:
            prepare(Database(database.url, database.url), servers.settings, servers.keys)

    assert user == "dasan"
    assert "CREATE on the database" in str(raised.value)


def test_settings_come_from_the_environment() -> None:
    settings = read_settings({"DASAN_CITY": "busan", "DASAN_TIMEZONE": "Asia/Tokyo"})

    assert settings == Settings(None, Path("var"), "busan", "Asia/Tokyo")
    assert settings.source == "/dasan/busan"


@pytest.mark.parametrize("name", ["Asia/Soul", "", "../etc/passwd", "Asia"])
def test_an_unknown_zone_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match="there is no time zone"):
        zone(name)


def test_a_city_that_would_break_its_uri_is_refused() -> None:
    with pytest.raises(SettingsError, match="DASAN_CITY is 'New York'"):
        read_settings({"DASAN_CITY": "New York"})


def test_the_bounds_on_connections_are_set_in_whole_numbers() -> None:
    settings = read_settings({"DASAN_CONNECTIONS": "9", "DASAN_CONNECTIONS_BY_ADDRESS": "0"})

    assert (settings.connections, settings.connections_by_address) == (9, 0)
    for wrong in ({"DASAN_CONNECTIONS": "0"}, {"DASAN_CONNECTIONS_BY_ADDRESS": "many"}):
        with pytest.raises(SettingsError, match=f"{next(iter(wrong))} is '.+': use a whole number"):
            read_settings(wrong)

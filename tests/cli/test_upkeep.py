"""What is done now and then beside serving and projecting: nothing that waits is forgotten."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from psycopg import Connection

from cli.upkeep import kept_up
from eventlog.log import Log
from importers.contact_deciding import Told
from importers.contact_taking import Contacts
from tests.conftest import Servers
from tests.importers.reported import Gateway

PATIENCE_S = 30.0


@pytest.fixture
def gateway(log: Log, tmp_path: Path) -> Gateway:
    return Gateway(log, "pbx", tmp_path / "contacts.ndjson")


def wait_until(reached: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + PATIENCE_S
    while not reached():
        assert time.monotonic() < give_up_at


def waits_in_vain(gateway: Gateway) -> None:
    """An hour ago an answer was reported to a call that nobody knows."""
    gateway.tell(gateway.step("answered", 10, "02-123-4567", queue="general", agent="a1"))
    gateway.let_an_hour_pass()


def test_a_step_that_waited_for_an_hour_is_reported(
    gateway: Gateway, servers: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    waits_in_vain(gateway)

    with kept_up(servers.settings, gateway.log.database, servers.keys):
        wait_until(lambda: not gateway.waiting())

    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert "given up: contact.answered.v1 of pbx, step " in record.message
    assert f"inquiry {gateway.stream('02-123-4567')}, 2012-02-29T00:00:10+00:00" in record.message
    assert "the contact has not been received" in record.message


def test_a_step_is_reported_once_though_two_keep_the_city_up(gateway: Gateway) -> None:
    waits_in_vain(gateway)
    database, reports = gateway.log.database, list[list[Told]]()
    with database.connect() as one, database.connect() as other, database.connect() as observer:
        second = threading.Thread(
            target=Contacts(gateway.log, other).give_up, args=(reports.append,)
        )

        def report(over: list[Told]) -> None:
            reports.append(over)
            second.start()
            wait_until(lambda: blocked(observer) == {other.info.backend_pid})

        Contacts(gateway.log, one).give_up(report)
        second.join()

    assert [len(report) for report in reports] == [1, 0]


def test_a_step_whose_report_failed_waits_on(gateway: Gateway) -> None:
    waits_in_vain(gateway)

    def report(_: list[Told]) -> None:
        raise OSError("no space left on the disk of the log")

    with gateway.log.database.connect() as connection, pytest.raises(OSError, match="no space"):
        Contacts(gateway.log, connection).give_up(report)

    assert len(gateway.waiting()) == 1


def test_what_is_reported_holds_no_id_of_the_gateway(
    gateway: Gateway, servers: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    waits_in_vain(gateway)

    with kept_up(servers.settings, gateway.log.database, servers.keys):
        wait_until(lambda: not gateway.waiting())

    assert "4567" not in caplog.text
    assert "message-1" not in caplog.text


def test_a_step_that_waits_for_less_than_an_hour_waits_on(
    gateway: Gateway, servers: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    waits_in_vain(gateway)
    gateway.tell(gateway.step("answered", 10, "another", queue="general", agent="a1"))

    with kept_up(servers.settings, gateway.log.database, servers.keys):
        wait_until(lambda: len(gateway.waiting()) < 2)

    assert len(gateway.waiting()) == 1
    assert str(gateway.stream("another")) not in caplog.text


def test_answers_are_forgotten_after_their_72_hours(log: Log, servers: Servers) -> None:
    with log.database.connect_as_owner() as owner:
        owner.execute(
            "INSERT INTO command (client, key, fingerprint, response, recordedtime)"
            " VALUES ('pbx', 'old', '', '', now() - interval '73 hours'),"
            " ('pbx', 'new', '', '', now() - interval '71 hours')"
        )

        with kept_up(servers.settings, log.database, servers.keys):
            wait_until(lambda: keys(log) == ["new"])


def test_a_database_that_is_away_is_said_and_does_not_end_it(
    servers: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    with kept_up(servers.settings, servers.named("nowhere"), servers.keys):
        wait_until(lambda: bool(caplog.records))

    assert "the upkeep is tried again in 600 s" in caplog.text


@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["project"]])
def test_serving_and_projecting_report_what_is_given_up(
    command: list[str], gateway: Gateway, servers: Servers
) -> None:
    waits_in_vain(gateway)
    process = subprocess.Popen(
        [Path(sys.executable).with_name("dasan"), *command],
        env={
            **os.environ,
            "DASAN_HOME": str(servers.settings.home),
            "DASAN_DATABASE_URL": gateway.log.database.admin_url,
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(lambda: not gateway.waiting())
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()

    assert process.returncode == 0
    assert told.count("given up: contact.answered.v1 of pbx") == 1


def keys(log: Log) -> list[str]:
    with log.database.connect() as connection:
        return [row[0] for row in connection.execute("SELECT key FROM command")]


def blocked(observer: Connection) -> set[int]:
    """Return the backends that wait for a lock."""
    rows = observer.execute(
        "SELECT pid FROM pg_locks JOIN pg_database d ON d.oid = database"
        " WHERE NOT granted AND datname = current_database()"
    )
    return {row[0] for row in rows}

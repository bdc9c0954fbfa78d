"""The commands around Kafka as their user runs them."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from consumers.broker import Broker
from consumers.replica import prepare_replica
from eventlog.database import Database, prepare
from eventlog.log import Log, assembled
from projections import runner
from tests.cli.commanded import Run, started
from tests.conftest import Servers
from tests.consumers.connected import Connected
from tests.consumers.gateways import send
from tests.consumers.test_contacts import rejections
from tests.faults.harness import await_condition
from tests.importers.reported import Gateway
from tests.program import Program


@pytest.fixture
def dasan(log: Log, servers: Servers) -> Run:
    """Runs `dasan` on the test's own log."""
    own = {
        "DASAN_HOME": str(servers.settings.home),
        "DASAN_DATABASE_URL": log.database.admin_url,
    }
    return lambda *arguments, **changed: started([*arguments], {**own, **changed})


NOWHERE = "127.0.0.1:1"
COMMANDS = [["relay"], ["consume", "contacts"]]


@pytest.fixture
def city_without_topics(servers: Servers, broker: Broker) -> Iterator[Connected]:
    """A city of its own name."""
    name = f"city-{uuid4().hex[:8]}"
    settings = replace(servers.settings, city=name)
    with servers.database(f"cli_{uuid4().hex[:8]}", empty=True) as database:
        prepare(database, settings, servers.keys)
        runner.prepare(database, settings.timezone)
        with assembled(settings, database, servers.keys) as log:
            yield Connected(log, broker, name)


@pytest.fixture
def city(city_without_topics: Connected) -> Connected:
    """A city of its own name, whose programs find its topics."""
    city_without_topics.prepare()
    return city_without_topics


@pytest.fixture
def copy(servers: Servers) -> Iterator[Database]:
    """A database with nothing in it."""
    with servers.database(f"copy_{uuid4().hex[:8]}", empty=True) as database:
        yield database


def environment(city: Connected) -> dict[str, str]:
    return {
        "DASAN_HOME": str(city.log.settings.home),
        "DASAN_DATABASE_URL": city.database.admin_url,
        "DASAN_CITY": city.city,
        "KAFKA_BOOTSTRAP_SERVERS": city.broker.name,
    }


def program(city: Connected, folder: Path, *arguments: str) -> Program:
    return Program(arguments, environment(city), folder / f"{arguments[0]}.txt")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_broker_that_is_not_named_is_asked_for(dasan: Run, command: list[str]) -> None:
    told = dasan(*command, KAFKA_BOOTSTRAP_SERVERS="")

    assert told.returncode == 2
    assert "KAFKA_BOOTSTRAP_SERVERS names no broker: set it" in told.stderr
    assert told.stderr.count("\n") == 1


def test_a_broker_that_is_absent_is_named(dasan: Run) -> None:
    told = dasan("relay", KAFKA_BOOTSTRAP_SERVERS=NOWHERE)

    assert told.returncode == 2
    assert f"no Kafka broker answers at {NOWHERE}" in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_a_topic_that_is_missing_is_named_with_how_to_make_it(
    dasan: Run, city_without_topics: Connected, command: list[str]
) -> None:
    told = dasan(*command, **environment(city_without_topics))

    assert told.returncode == 2
    assert f"there is no topic dasan.{city_without_topics.city}." in told.stderr
    assert "Make it: kafka-topics.sh --create" in told.stderr


@pytest.mark.long
def test_a_log_is_relayed_verified_replicated_and_compared(
    city: Connected, copy: Database, dasan: Run, tmp_path: Path
) -> None:
    city.happen(30)
    goal = city.position()
    relay = program(city, tmp_path, "relay")
    replica = program(city, tmp_path, "consume", "replica", "--database", copy.admin_url)
    await_condition(lambda: city.relayed() == goal and _position(copy) == goal)
    relay.stop()
    replica.stop()

    verified = dasan("relay", "--verify", **environment(city))
    origin = dasan("doctor", "--json", **environment(city))
    file = tmp_path / "origin.json"
    file.write_text(origin.stdout)
    at_replica = environment(city) | {"DASAN_DATABASE_URL": copy.admin_url}
    compared = dasan("doctor", "--against", str(file), **at_replica)

    assert (verified.returncode, verified.stderr) == (0, "")
    assert f"{goal} records beside the log up to position {goal}: 0 missing" in verified.stdout
    assert (compared.returncode, compared.stderr) == (0, "")
    assert f"up to position {goal} it is what" in compared.stdout


def test_what_verifying_finds_is_told_as_json_with_status_1(city: Connected, dasan: Run) -> None:
    city.happen(3)
    city.relay()
    city.send_to(city.events, 0, [b"{}"])

    told = dasan("relay", "--verify", "--json", **environment(city))

    assert told.returncode == 1
    found: dict[str, Any] = json.loads(told.stdout)
    assert (found["missing"], found["different"], found["duplicates"]) == (0, 1, 0)
    assert "is of no log" in found["named"][0]


def test_contacts_are_taken_and_rejected_until_the_program_is_told_to_stop(
    city: Connected, tmp_path: Path
) -> None:
    gateway = Gateway(city.log, "pbx", tmp_path / "unused")
    contacts = program(city, tmp_path, "consume", "contacts")
    send(city.broker, city.contacts.name, [*gateway.call(), b"nonsense"])

    await_condition(lambda: len(gateway.types()) == 6 and len(rejections(city)) == 1)
    contacts.stop()

    assert "Traceback" not in contacts.said


def test_a_database_with_a_log_of_its_own_is_no_replica(city: Connected, dasan: Run) -> None:
    city.happen(1)

    told = dasan("consume", "replica", "--database", city.database.admin_url, **environment(city))

    assert told.returncode == 2
    assert "holds a log of its own: a replica needs an empty one" in told.stderr


def test_no_database_is_no_replica(city: Connected, dasan: Run) -> None:
    told = dasan("consume", "replica", "--database", "", **environment(city))

    assert told.returncode == 2
    assert "name the database to fill" in told.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_what_writes_or_sends_is_refused_at_a_replica(
    city: Connected, copy: Database, dasan: Run, command: list[str]
) -> None:
    prepare(copy, city.log.settings, keys=None)
    prepare_replica(copy)

    told = dasan(*command, **environment(city) | {"DASAN_DATABASE_URL": copy.admin_url})

    assert told.returncode == 2
    assert "is a replica: run this where its log is written" in told.stderr


@pytest.mark.faults
def test_a_program_that_waits_for_a_lock_ends_all_the_same(city: Connected, tmp_path: Path) -> None:
    gateway = Gateway(city.log, "pbx", tmp_path / "unused")
    contacts = program(city, tmp_path, "consume", "contacts")
    with city.database.connect_as_owner() as owner, owner.transaction():
        owner.execute("SELECT * FROM log_head FOR UPDATE")
        send(city.broker, city.contacts.name, gateway.call())
        await_condition(lambda: _waits_for_the_head(city.database))

        contacts.stop()

    assert "left unfinished what did not end within 10 s" in contacts.said


def _waits_for_the_head(database: Database) -> bool:
    with database.connect_as_owner() as owner:
        row = owner.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid IN (SELECT pid FROM"
            " pg_stat_activity WHERE datname = current_database())"
        ).fetchone()
    return row is not None and row[0] > 0


def test_a_relay_whose_log_was_rewritten_ends_with_status_1(city: Connected, dasan: Run) -> None:
    city.happen(3)
    city.relay()
    with city.database.connect_as_owner() as owner:
        owner.execute("ALTER TABLE log DISABLE TRIGGER ALL")
        owner.execute("UPDATE log SET record = record || ' '")

    told = dasan("relay", **environment(city))

    assert told.returncode == 1
    assert "the log was restored from a backup or rewritten" in told.stderr


def _position(database: Database) -> int:
    with database.connect() as connection:
        row = connection.execute(
            "SELECT to_regclass('replica') IS NOT NULL AND EXISTS (SELECT FROM log)"
        ).fetchone()
        if row != (True,):
            return 0
        return int((connection.execute("SELECT position FROM log_head").fetchone() or (0,))[0])

"""Relay, contacts and replica, killed while they work: nothing is lost, nothing is there twice."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from random import Random, SystemRandom
from uuid import uuid4

import pytest

from consumers.remembering import prepare_remembered
from eventlog.database import prepare
from eventlog.log import assembled
from projections import runner
from tests.broker import KafkaServer
from tests.conftest import Servers
from tests.consumers.connected import Connected
from tests.faults.harness import await_condition
from tests.faults.line_up import LineUp, lined_up

Make = Callable[..., LineUp]


@pytest.fixture
def chance() -> Random:
    """Choices by a seed that a failure shows."""
    seed = int(os.environ.get("SEED") or SystemRandom().getrandbits(32))
    print(f"SEED={seed} chooses the same again")  # noqa: T201 - pytest shows it with a failure
    return Random(seed)


@pytest.fixture
def make(
    servers: Servers, own_broker: KafkaServer, tmp_path: Path, chance: Random
) -> Iterator[Make]:
    """Starts two of each program on a city and a replica of its own."""
    with ExitStack() as stack:

        def start(*careless: str) -> LineUp:
            name = uuid4().hex[:8]
            settings = replace(servers.settings, city=f"city-{name}")
            origin = stack.enter_context(servers.database(f"origin_{name}", empty=True))
            copy = stack.enter_context(servers.database(f"copy_{name}", empty=True))
            for database, keys in ((origin, servers.keys), (copy, None)):
                prepare(database, settings, keys)
                runner.prepare(database, settings.timezone)
                prepare_remembered(database)
            log = stack.enter_context(assembled(settings, origin, servers.keys))
            connected = Connected(log, own_broker.broker, settings.city)
            connected.prepare()
            return stack.enter_context(
                lined_up(
                    connected, copy, own_broker, settings.home, tmp_path, chance, careless=careless
                )
            )

        yield start


@pytest.mark.faults
@pytest.mark.parametrize(("kills", "restarts"), [(1, {0}), (20, {5, 11, 17})])
def test_nothing_is_lost_or_there_twice_whatever_is_killed(
    make: Make, kills: int, restarts: set[int]
) -> None:
    line_up = make()

    with line_up.sending():
        for kill in range(kills):
            line_up.kill_one_of_each()
            if kill in restarts:
                line_up.restart_broker()
    line_up.await_rest()
    line_up.await_replica()
    line_up.stop()

    assert line_up.faults() == {}
    assert line_up.kpi_counts() == line_up.sent_counts()


@pytest.mark.faults
def test_a_relay_that_goes_on_at_a_stored_position_is_found_out(make: Make) -> None:
    line_up = make("relay")

    with line_up.sending():
        for _ in range(5):
            line_up.kill_all("relay")

    await_condition(lambda: line_up.connected.reconciled().duplicates > 0)


@pytest.mark.faults
def test_contacts_whose_place_is_stored_before_they_are_taken_are_lost(make: Make) -> None:
    line_up = make("contacts")

    with line_up.sending():
        for _ in range(5):
            line_up.kill_all("contacts")
    line_up.await_rest()

    assert "contacts lost" in line_up.faults()


@pytest.mark.faults
def test_a_replica_that_stores_its_place_before_its_rows_has_gaps(make: Make) -> None:
    line_up = make("replica")

    with line_up.sending():
        for _ in range(5):
            line_up.kill_all("replica")
    line_up.await_rest()

    assert line_up.has_gaps()

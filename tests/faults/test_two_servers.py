"""Two servers on one log: whichever is killed, what was accepted is there once, at both."""

import asyncio
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from random import Random, SystemRandom

import pytest

from api.disclosures import MAX_FIELDS
from api.security import Scope, Tokens, token_key
from eventlog.log import Log
from eventlog.reader import read
from tests.conftest import Servers
from tests.faults.clients import run
from tests.faults.ledger import Ledger, events
from tests.faults.served import Served, served_twice
from tests.faults.shown import opened, shown
from tests.projections import naive
from tests.projections.city import City

LIFETIME = timedelta(hours=1)


@pytest.fixture
def pair(log: Log, servers: Servers, tmp_path: Path) -> Iterator[list[Served]]:
    """Two servers on the test's own log."""
    with served_twice(servers.settings.home, log.database, tmp_path) as pair:
        yield pair


@pytest.fixture
def token(servers: Servers) -> Callable[[str], str]:
    """Issues tokens that both servers know."""
    tokens = Tokens(token_key(servers.settings.home))
    return lambda client: tokens.issue(client, frozenset({Scope.ADMIN}), LIFETIME)


@pytest.fixture
def chance() -> Random:
    """Choices by a seed that a failure shows."""
    seed = int(os.environ.get("SEED") or SystemRandom().getrandbits(32))
    print(f"SEED={seed} chooses the same again")  # noqa: T201 - pytest shows it with a failure
    return Random(seed)


@pytest.mark.long
@pytest.mark.parametrize(
    ("clients", "kills"), [(8, 2), pytest.param(64, 20, marks=pytest.mark.faults)]
)
def test_what_was_accepted_is_there_once_at_both_servers_whichever_was_killed(
    log: Log,
    pair: list[Served],
    token: Callable[[str], str],
    chance: Random,
    clients: int,
    kills: int,
) -> None:
    market = asyncio.run(run(pair, token, chance, clients=clients, kills=kills))

    ledger = Ledger(market.commands, events(log.database), log.keys)
    assert ledger.faults() == {}
    assert market.broken > 0, "no kill met a request: nothing was shown"
    first, second = (shown(server, token("reader"), ledger.versions()) for server in pair)
    assert first == second
    assert first.listed == first.loaded == ledger.versions()
    [total] = first.kpi["rows"]
    assert {name: total[name] for name in ledger.kpi()} == ledger.kpi()
    with log.database.connect() as connection:
        city = City(log, connection)
        rows = read(connection, after=0, limit=len(ledger.log) + 1)
        assert first.records == [row.record for row in rows]
        assert city.kpi() == naive.kpi(city.facts(0).values())
    places, texts = zip(*[*ledger.notes().items()][-MAX_FIELDS:], strict=True)
    assert all(opened(server, token("reader"), places) == list(texts) for server in pair)


@pytest.mark.faults
def test_a_client_that_takes_a_new_key_for_a_retry_is_found_out(
    log: Log, pair: list[Served], token: Callable[[str], str], chance: Random
) -> None:
    market = asyncio.run(run(pair, token, chance, clients=8, kills=0, careless=True))

    ledger = Ledger(market.commands, events(log.database), log.keys)
    assert ledger.faults().keys() >= {"carried out twice", "answered in two ways"}
    [total] = shown(pair[0], token("reader"), []).kpi["rows"]
    assert total["received"] > ledger.kpi()["received"]

"""A follower under 16 writers in 4 processes, some rolling back, some killed."""

import json
from collections.abc import Iterator
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import pytest

from eventlog.database import Database
from tests.conftest import Servers
from tests.faults import harness
from tests.faults.subjects import Dasan, Stock

SHORT = {"commands": 25, "kills": 2}
LONG = {"commands": 1_000, "kills": 12}
SEEDS = range(1, 31)

# What protects the order, taken away.
WITHOUT_LOCK = {"FROM log_head FOR UPDATE;": "FROM log_head;"}
WITH_A_SEQUENCE = WITHOUT_LOCK | {
    "head.position + row_number() OVER (ORDER BY ordinal) AS": "nextval('shortcut') AS"
}


@pytest.fixture
def dasan(servers: Servers, database: Database) -> Dasan:
    return Dasan(servers.settings, database, servers.keys)


@pytest.fixture
def stock(servers: Servers) -> Iterator[Stock]:
    with servers.database("stock", empty=True) as database:
        stock = Stock(database)
        stock.make()
        yield stock


@pytest.mark.long
@pytest.mark.parametrize("size", [SHORT, pytest.param(LONG, marks=pytest.mark.faults)])
def test_a_follower_gets_what_was_committed_in_order_and_once(
    dasan: Dasan, size: dict[str, int], tmp_path: Path
) -> None:
    run = harness.run(dasan, tmp_path, **size)

    assert run.faults() == {}
    assert run.acknowledged
    assert run.rolled_back
    assert run.delivered == run.committed
    assert [seen.position for seen in run.committed] == list(range(1, len(run.committed) + 1))
    assert all(earlier <= later for earlier, later in pairwise(_recorded_times(dasan)))


@pytest.mark.long
def test_the_librarys_recorder_with_database_functions_loses_events_in_the_same_harness(
    stock: Stock, tmp_path: Path
) -> None:
    assert _shows(stock, "lost on the way", tmp_path)


@pytest.mark.parametrize(
    ("broken", "fault"), [(WITHOUT_LOCK, "refused"), (WITH_A_SEQUENCE, "lost on the way")]
)
def test_the_harness_finds_what_a_broken_append_does(
    dasan: Dasan, broken: dict[str, str], fault: str, tmp_path: Path
) -> None:
    _break(dasan.database, broken)

    assert _shows(dasan, fault, tmp_path)


def _shows(subject: harness.Subject, fault: str, folder: Path) -> bool:
    """Whether the harness finds the fault: it is a race, so it gets a few chances."""
    for seed in SEEDS:
        (folder / str(seed)).mkdir()
        if fault in harness.run(subject, folder / str(seed), seed=seed, **SHORT).faults():
            return True
    return False


def _break(database: Database, changes: dict[str, str]) -> None:
    append_sql = files("eventlog").joinpath("append.sql").read_text()
    begin = append_sql.index("CREATE OR REPLACE FUNCTION append(")
    function = append_sql[begin : append_sql.index("END $$;", begin)] + "END $$"
    for protection, shortcut in changes.items():
        assert protection in function
        function = function.replace(protection, shortcut)
    with database.connect_as_owner() as owner:
        owner.execute("CREATE SEQUENCE shortcut")
        owner.execute(function.encode())


def _recorded_times(dasan: Dasan) -> list[str]:
    with dasan.database.connect() as connection:
        rows = connection.execute("SELECT record FROM log ORDER BY position")
        return [json.loads(row[0])["recordedtime"] for row in rows]

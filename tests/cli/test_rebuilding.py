"""`dasan rebuild`, as the KPI team runs it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from cli.rebuilding import rebuild
from eventlog.log import Log
from projections.views import view
from tests.conftest import Servers
from tests.projections.calls import MIDNIGHT, answered
from tests.projections.city import City

Run = Callable[..., Result]


@pytest.fixture
def city(log: Log) -> Iterator[City]:
    """A city of two calls."""
    with log.database.connect() as connection:
        city = City(log, connection)
        city.tell(answered(MIDNIGHT), answered(MIDNIGHT))
        yield city


@pytest.fixture
def run(city: City, servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what runs `dasan rebuild` on the city's log."""
    monkeypatch.setenv("DASAN_DATABASE_URL", city.log.database.admin_url)
    monkeypatch.setenv("DASAN_HOME", str(servers.settings.home))
    monkeypatch.setenv("DASAN_ARCHIVE", str(tmp_path))
    app = typer.Typer()
    app.command("rebuild")(rebuild)
    return lambda *arguments: CliRunner().invoke(app, arguments)


def spoil(city: City) -> None:
    with city.log.database.connect_as_owner() as owner:
        owner.execute("UPDATE kpi.hourly SET received = 7")


def test_equal_figures_are_said_to_be_equal(run: Run, city: City) -> None:
    result = run("kpi")

    assert result.exit_code == 0
    first, second = result.stdout.splitlines()
    assert first.startswith(f"kpi: {city.position} events on duckdb in ")
    assert second.startswith(f"equal to the tables before at position {city.position}: digest ")


def test_the_document_says_what_was_made_of_what(run: Run, city: City) -> None:
    told = json.loads(run("kpi", "--json").stdout)

    assert told["definition"] == told["live_definition"] == view("kpi").definition
    assert (told["range"], told["position"], told["equal"]) == (
        [1, city.position], city.position, True,
    )  # fmt: skip
    assert (told["engine"], told["archived"]) == ("duckdb", 0)
    assert told["seconds"] >= told["fold_seconds"] > 0
    assert told["events_per_second"] == pytest.approx(city.position / told["seconds"], rel=0.1)


def test_figures_that_were_wrong_are_listed_and_the_exit_status_says_so(
    run: Run, city: City
) -> None:
    spoil(city)

    result = run("kpi", "--explain")

    assert result.exit_code == 1
    assert "received 7 -> 2" in result.stdout
    assert "differs from the tables before" in result.stderr
    assert run("kpi").exit_code == 0


def test_differences_stand_in_the_document(run: Run, city: City) -> None:
    spoil(city)

    told = json.loads(run("kpi", "--explain", "--json").stdout)

    assert told["equal"] is False
    assert any("received 7 -> 2" in line for line in told["differences"])


def test_kept_tables_are_rolled_back_to(run: Run, city: City) -> None:
    run("kpi", "--keep")

    result = run("kpi", "--rollback")

    assert result.stdout == f"kpi is what it was before, at position {city.position}\n"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("kpis",), "there is no view 'kpis': use kpi, inquiries, audit, praise"),
        (("kpi", "--engine", "mysql"), "mysql"),
        (("kpi", "--rollback", "--keep"), "--rollback goes without"),
        ((), "Missing argument"),
    ],
)
def test_a_wrong_use_is_refused_with_status_2(
    run: Run, arguments: tuple[str, ...], reason: str
) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert reason in result.stderr

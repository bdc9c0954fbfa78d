"""`dasan kpi --publish` and `dasan audit replay`, as their users see them."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from cli.kpi import kpi
from cli.replaying import replay
from eventlog.log import Log
from eventlog.reader import head
from tests.cli.commanded import commanded
from tests.conftest import Servers
from tests.projections.calls import MIDNIGHT, abandoned, answered
from tests.projections.city import City
from tests.projections.histories import REQUEST
from tests.projections.published import changed, exported, signer

NOON = MIDNIGHT + timedelta(hours=12)
DAY = ("--from", "2012-02-29", "--to", "2012-03-01")
Run = Callable[..., Result]


@pytest.fixture
def told(log: Log) -> Log:
    """A log of 7 events."""
    assert all(log.inquiries.save_each((i, REQUEST) for i in (answered(NOON), abandoned(NOON))))
    return log


@pytest.fixture
def run(told: Log, servers: Servers, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what runs `dasan kpi` on the log."""
    monkeypatch.setenv("DASAN_DATABASE_URL", told.database.admin_url)
    monkeypatch.setenv("DASAN_HOME", str(servers.settings.home))
    app = typer.Typer()
    app.command("kpi")(kpi)
    return lambda *arguments: CliRunner().invoke(app, arguments)


@pytest.fixture
def export(run: Run, told: Log, tmp_path: Path) -> Path:
    """An export of two statements, at the positions 8 and 9."""
    for by in ("total", "queue"):
        assert run(*DAY, "--by", by, "--publish").exit_code == 0
    with told.database.connect() as connection:
        return exported(City(told, connection), tmp_path, events=4)


@pytest.fixture
def audited(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what runs `dasan audit replay` where there is no database and no home."""
    monkeypatch.setenv("DASAN_DATABASE_URL", "postgresql://nowhere.invalid/none")
    monkeypatch.setenv("DASAN_HOME", "/nowhere")
    app = typer.Typer()
    app.command("replay")(replay)
    return lambda *arguments: CliRunner().invoke(app, [*map(str, arguments)])


def position(log: Log) -> int:
    with log.database.connect() as connection:
        return head(connection)


def document(result: Result) -> Any:
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return json.loads(result.stdout)


def test_what_is_shown_is_published_and_where_is_said(run: Run) -> None:
    result = run(*DAY, "--publish")

    assert result.exit_code == 0, result.stderr
    assert "66.7%" not in result.stdout
    assert "50.0%" in result.stdout
    [*_, last] = result.stdout.splitlines()
    assert last.startswith("published at log position 8 as ")
    assert last.endswith("/1")


def test_the_document_has_the_statement_beside_the_answer(run: Run) -> None:
    told = document(run(*DAY, "--publish", "--json"))

    assert told["position"] == 7
    assert told["statement"].keys() == {"id", "position", "root", "digest"}
    assert told["statement"]["position"] == 8


def test_an_earlier_moment_is_published_as_it_was_known(run: Run) -> None:
    told = document(run(*DAY, "--as-of", "4", "--publish", "--json"))

    assert (told["position"], told["rows"][0]["abandoned"]) == (4, 0)
    assert told["known_now"]["rows"][0]["abandoned"] == 1
    assert told["statement"]["position"] == 8


def test_nothing_is_published_unless_asked_to(run: Run, told: Log) -> None:
    assert "statement" not in document(run(*DAY, "--json"))
    assert position(told) == 7


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (["--history"], "--history is not published: a statement has the sums of docs/kpi.md"),
        (["--by", "queue,agency"], "belongs to no queue"),
        ([word for n in range(101) for word in ("--queue", f"q{n}")], "a statement 100 at most"),
    ],
)
@pytest.mark.usefixtures("run")
def test_what_cannot_be_published_is_refused_with_status_2(
    told: Log, more: list[str], reason: str
) -> None:
    refused = commanded(["kpi", *DAY, "--publish", *more], {})

    assert (refused.returncode, refused.stdout) == (2, "")
    assert reason in refused.stderr
    assert position(told) == 7


def test_a_sound_export_is_replayed_without_database_and_home(audited: Run, export: Path) -> None:
    key = (export / "key").read_text()

    result = audited(export, "--key", key)

    assert result.exit_code == 0, result.stdout
    assert result.stdout == (
        "nothing is wrong: 2 statements among 9 records of /dasan/seoul say what the records make\n"
    )


def test_without_a_key_from_elsewhere_it_is_said_so(audited: Run, export: Path) -> None:
    said = audited(export)

    assert "the key lay in the export" in said.stdout
    assert said.exit_code == 3


@pytest.fixture
def deceiving(export: Path, told: Log) -> Iterator[Path]:
    """The export, the second statement of which says one call more."""

    def one_more(data: dict[str, Any]) -> None:
        data["rows"][0]["sums"][1] += 1

    with told.database.connect() as connection:
        yield changed(export, 9, signer(City(told, connection)), one_more)


def test_a_statement_that_does_not_hold_is_named_with_status_1(
    audited: Run, deceiving: Path
) -> None:
    result = audited(deceiving)

    assert result.exit_code == 1
    assert result.stdout.startswith(
        "wrong: the statement at position 9: its digest is not that of its rows\n"
    )
    assert "nothing is wrong" not in result.stdout


def test_the_document_has_every_statement(audited: Run, deceiving: Path) -> None:
    result = audited(deceiving, "--json")

    assert result.exit_code == 1
    found = document(result)
    assert (found["origin"], found["size"]) == ("/dasan/seoul", 9)
    assert [(one["position"], one["of_position"]) for one in found["statements"]] == [
        (8, 7),
        (9, 8),
    ]
    assert [one["wrong"] for one in found["statements"]] == [
        None,
        "its digest is not that of its rows",
    ]


def test_a_folder_that_is_no_export_is_told(audited: Run, tmp_path: Path) -> None:
    result = audited(tmp_path)

    assert "is no export, it has no key" in str(result.exception)

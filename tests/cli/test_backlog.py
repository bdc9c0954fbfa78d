"""`dasan backlog` as its user sees it."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from cli.backlog import backlog
from domain.vocabulary import code
from eventlog.log import Log, assembled
from tests.cli.commanded import commanded
from tests.conftest import Servers
from tests.domain.building import resolve
from tests.projections.calls import MIDNIGHT, answered, call
from tests.projections.histories import REQUEST

NOON = MIDNIGHT + timedelta(hours=12)
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def log(servers: Servers) -> Iterator[Log]:
    """A log of a call that is resolved and of one that waits, which no view knows yet."""
    helped = answered(NOON)
    resolve(helped, agent=code("a1"), at=NOON + timedelta(hours=30))
    with (
        servers.database("test_cli_backlog") as database,
        assembled(servers.settings, database, servers.keys) as log,
    ):
        waiting = call(NOON + timedelta(hours=3), "japanese")
        assert all(log.inquiries.save_each((one, REQUEST) for one in (helped, waiting)))
        yield log


@pytest.fixture
def run(log: Log, servers: Servers, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what runs `dasan backlog` on the log."""
    monkeypatch.setenv("DASAN_DATABASE_URL", log.database.admin_url)
    monkeypatch.setenv("DASAN_HOME", str(servers.settings.home))
    app = typer.Typer()
    app.command("backlog")(backlog)
    return lambda *arguments: CliRunner().invoke(app, arguments)


def document(result: Result) -> Any:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_now_the_view_reaches_the_head_before_it_is_asked(run: Run) -> None:
    told = document(run("--json"))

    assert told["position"] == 7
    [row] = told["rows"]
    assert (row["open"], row["from_30d"], row["waiting"]) == (1, 1, 1)


def test_a_time_is_of_the_citys_zone(run: Run) -> None:
    told = document(run("--at", "2012-02-29T13:00", "--by", "queue", "--json"))

    assert told["at"] == "2012-02-29T13:00:00+09:00"
    assert [(row["queue"], row["open"], row["age_p90_ms"]) for row in told["rows"]] == [
        ("general", 1, 3_600_000)
    ]


def test_as_of_is_the_backlog_that_was_known(run: Run) -> None:
    told = document(run("--at", "2012-03-02", "--as-of", "4", "--json"))

    assert (told["rows"][0]["open"], told["as_of"]["position"]) == (1, 4)
    told = document(run("--at", "2012-03-02", "--as-of", "5", "--json"))
    assert told["rows"][0]["open"] == 0


def test_the_table_has_the_labels_and_all_together(run: Run) -> None:
    lines = run("--at", "2012-03-01T14:30", "--by", "queue").stdout.splitlines()

    assert lines[0].split()[:3] == ["queue", "open", "<"]
    rows = [line.split() for line in lines if line[:1].isalpha()]
    assert rows[1:4] == [
        ["general", "1", "0", "1", "0", "0", *["1.1", "d"] * 3],
        ["japanese", "1", "1", "0", "0", "0", *["23:30:00"] * 3],
        ["total", "2", "1", "1", "0", "0", "23:30:00", *["1.1", "d"] * 2],
    ]
    assert lines[-1] == "Asia/Seoul, 2012-03-01 14:30:00; log position 7"


def test_the_table_of_now_says_who_waits(run: Run) -> None:
    shown = run("--by", "queue").stdout

    assert "waiting" in shown
    assert "talking" in shown
    assert max(len(line) for line in shown.splitlines()) <= 100


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--by", "agent"], "there is no backlog by 'agent'"),
        (["--at", "yesterday"], "'yesterday' is not a date or time"),
        (["--at", "2199-01-01"], "is still to come"),
        (["--as-of", "8"], "the log has no position 8 yet: its last one is 7"),
        (["--as-of", "0"], "nothing was recorded by then"),
    ],
)
@pytest.mark.usefixtures("run")
def test_a_wrong_question_is_refused_with_status_2(arguments: list[str], reason: str) -> None:
    told = commanded(["backlog", *arguments], {})

    assert (told.returncode, told.stdout) == (2, "")
    assert reason in told.stderr

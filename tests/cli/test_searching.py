"""`dasan audit search` as its user sees it."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
import typer
from typer.testing import CliRunner, Result

from cli.searching import search
from domain.events import DisclosureMade
from domain.inquiry import Inquiry
from domain.vocabulary import Channel, FieldRef, Plain, code
from eventlog.log import Log, assembled
from projections.question import QuestionError
from tests.conftest import Servers
from tests.domain.building import after
from tests.projections.calls import MIDNIGHT
from tests.projections.chronicle import append_fact
from tests.projections.histories import REQUEST

QUESTION = Plain("막차가 언제인가요?")
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def inquiry() -> Inquiry:
    """An answered inquiry whose question was read."""
    inquiry = Inquiry.receive(uuid4(), at=MIDNIGHT, channel=Channel.INTERNET, question=QUESTION)
    inquiry.answer(agent=code("a017"), at=after(60))
    return inquiry


@pytest.fixture(scope="module")
def log(servers: Servers, inquiry: Inquiry) -> Iterator[Log]:
    """Its log, which no view knows yet."""
    with (
        servers.database("test_cli_searching") as database,
        assembled(servers.settings, database, servers.keys) as log,
    ):
        assert all(log.inquiries.save_each([(inquiry, REQUEST)]))
        _read(log, inquiry.id)
        yield log


def _read(log: Log, stream: UUID) -> None:
    facts: dict[str, Any] = {
        "originator_id": uuid4(),
        "originator_version": 1,
        "timestamp": MIDNIGHT,
        "reader": code("agent:a017"),
        "purpose": code("complaint"),
        "fields": (FieldRef(stream, 1, code("question")),),
    }
    append_fact(log, facts["originator_id"], 1, DisclosureMade(**facts))


@pytest.fixture
def run(log: Log, servers: Servers, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what runs `dasan audit search` on the log."""
    monkeypatch.setenv("DASAN_DATABASE_URL", log.database.admin_url)
    monkeypatch.setenv("DASAN_HOME", str(servers.settings.home))
    app = typer.Typer()
    app.command("search")(search)
    return lambda *arguments: CliRunner().invoke(app, arguments)


def document(result: Result) -> Any:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_the_view_reaches_the_head_before_it_is_searched(run: Run) -> None:
    told = document(run("--json"))

    assert told["position"] == 3
    assert [entry["position"] for entry in told["entries"]] == [3, 2, 1]


def test_who_read_an_inquiry_is_shown_with_purpose_and_fields(run: Run, inquiry: Inquiry) -> None:
    told = run("--stream", str(inquiry.id), "--type", "disclosure.made")

    assert told.exit_code == 0, told.stderr
    assert "disclosure.made" in told.stdout
    assert f"for complaint: {inquiry.id}/1 question" in told.stdout


def test_a_table_has_a_row_an_entry_and_what_it_stands_for(run: Run) -> None:
    told = run("--agent", "a017", "--time-from", "2012-02-29", "--time-to", "2012-03-01")

    lines = told.stdout.splitlines()
    assert "inquiry.answered" in lines[-2]
    assert lines[-1] == "Asia/Seoul, log position 3"


def test_the_next_page_is_named(run: Run) -> None:
    first = run("--limit", "2", "--oldest")

    assert first.stdout.endswith("more with --after 2\n")
    assert document(run("--limit", "2", "--oldest", "--after", "2", "--json"))["next"] is None


def test_what_was_recorded_at_another_time_is_not_shown(run: Run) -> None:
    assert document(run("--to", "2012-03-01", "--json"))["entries"] == []


@pytest.mark.parametrize(
    "wrong", [("--actor", "a017"), ("--type", "read"), ("--from", "yesterday")], ids=str
)
def test_what_can_never_be_found_is_refused(run: Run, wrong: tuple[str, str]) -> None:
    assert isinstance(run(*wrong).exception, QuestionError)

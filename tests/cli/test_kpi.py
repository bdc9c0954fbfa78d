import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from cli.kpi import kpi
from cli.kpi_table import MET, MISSED, UNKNOWN
from domain.inquiry import Inquiry
from domain.vocabulary import code
from eventlog.log import Log, assembled
from tests.cli.commanded import commanded
from tests.conftest import Servers
from tests.domain.building import resolve
from tests.projections.calls import MIDNIGHT, abandoned, answered
from tests.projections.histories import REQUEST

NOON = MIDNIGHT + timedelta(hours=12)
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def log(servers: Servers) -> Iterator[Log]:
    """A log of three calls that no view knows yet."""
    helped = answered(NOON, waited_ms=75_400, language=code("ja"))
    resolve(helped, agent=code("a1"), at=NOON + timedelta(hours=1))
    calls: list[Inquiry] = [
        helped,
        answered(NOON, "japanese", waited_ms=10_000),
        abandoned(NOON - timedelta(hours=2)),
    ]
    with (
        servers.database("test_cli_kpi") as database,
        assembled(servers.settings, database, servers.keys) as log,
    ):
        assert all(log.inquiries.save_each((inquiry, REQUEST) for inquiry in calls))
        yield log


@pytest.fixture
def run(log: Log, servers: Servers, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what runs `dasan kpi` on the log."""
    monkeypatch.setenv("DASAN_DATABASE_URL", log.database.admin_url)
    monkeypatch.setenv("DASAN_HOME", str(servers.settings.home))
    app = typer.Typer()
    app.command("kpi")(kpi)
    return lambda *arguments: CliRunner().invoke(app, arguments)


def document(result: Result) -> Any:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_the_view_reaches_the_head_before_it_is_asked(run: Run) -> None:
    told = document(run("--json"))

    assert told["position"] == 12
    [row] = told["rows"]
    assert (row["offered"], row["answered"], row["abandoned"]) == (3, 2, 1)


def test_the_range_is_by_default_the_days_that_the_log_holds(run: Run) -> None:
    [row] = document(run("--json"))["rows"]
    assert (row["from"], row["to"]) == ("2012-02-29T00:00:00+09:00", "2012-03-01T00:00:00+09:00")

    [row] = document(run("--json", "--timezone", "America/New_York"))["rows"]
    assert (row["from"], row["to"]) == ("2012-02-28T00:00:00-05:00", "2012-02-29T00:00:00-05:00")


def test_an_empty_log_is_asked_about_today(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = typer.Typer()
    app.command("kpi")(kpi)
    monkeypatch.setenv("DASAN_HOME", str(servers.settings.home))
    with servers.database("test_cli_kpi_empty") as database:
        monkeypatch.setenv("DASAN_DATABASE_URL", database.admin_url)
        [row] = document(CliRunner().invoke(app, ["--json", "--by", "day"]))["rows"]

    assert row["received"] == 0
    begin, end = (datetime.fromisoformat(row[name]) for name in ("from", "to"))
    assert end - begin == timedelta(days=1)
    assert begin <= datetime.now(UTC)


HALF_PAST = """\
1330486199|c1|general|NONE|ENTERQUEUE|||1
1330486200|c2|general|NONE|ENTERQUEUE|||1
1330486205|c2|general|Agent/a1|CONNECT|5|c2.b|2
"""
"""Calls in the last second before nine in Kolkata, and at nine."""


def test_a_city_half_an_hour_from_utc_has_hours_of_its_own(
    servers: Servers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "queue_log").write_text(HALF_PAST)
    monkeypatch.setenv("DASAN_HOME", str(servers.settings.home))
    monkeypatch.setenv("DASAN_TIMEZONE", "Asia/Kolkata")
    with servers.database("test_cli_kpi_kolkata", empty=True) as database:
        environment = {"DASAN_DATABASE_URL": database.admin_url}
        file = str(tmp_path / "queue_log")
        commanded(["import", "queue-log", file, "--timezone", "Asia/Kolkata"], environment)
        told = commanded(["kpi", "--by", "hour", "--threshold", "4", "--json"], environment)

    assert told.stderr == ""
    found = {row["from"]: row for row in json.loads(told.stdout)["rows"] if row["offered"]}
    assert {begin: row["answered"] for begin, row in found.items()} == {
        "2012-02-29T08:00:00+05:30": 0, "2012-02-29T09:00:00+05:30": 1,
    }  # fmt: skip
    assert found["2012-02-29T09:00:00+05:30"]["answered_within"] == 0
    assert found["2012-02-29T09:00:00+05:30"]["wait_p50_ms"] == 5_000


def test_every_option_reaches_the_question(run: Run) -> None:
    told = document(
        run(
            "--from", "2012-02-29", "--to", "2012-03-01", "--by", "day, queue",
            "--queue", "general", "--queue", "japanese", "--channel", "phone",
            "--language", "ja", "--threshold", "76", "--short", "10",
            "--timezone", "Asia/Tokyo", "--json",
        )
    )  # fmt: skip

    assert (told["timezone"], told["threshold_s"], told["short_s"]) == ("Asia/Tokyo", 76, 10)
    [row] = told["rows"]
    assert (row["queue"], row["answered"], row["answered_within"]) == ("general", 1, 1)


def test_times_are_of_the_zone_unless_they_have_an_offset(run: Run) -> None:
    def answered(begin: str, end: str) -> int:
        [row] = document(run("--from", begin, "--to", end, "--json"))["rows"]
        return int(row["answered"])

    assert answered("2012-02-29T12:00", "2012-02-29T13:00") == 2
    assert answered("2012-02-29T12:00Z", "2012-02-29T13:00Z") == 0
    assert answered("2012-02-29T03:00Z", "2012-02-29T13:00") == 2


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--from", "yesterday"], "'yesterday' is not a date or time: write 2012-02-29"),
        (["--from", "2012-03-01", "--to", "2012-03-01"], "`to` is exclusive"),
        (["--from", "2012-03-05"], "to 2012-03-01T00:00:00+09:00: `to` is exclusive"),
        (["--from", "0001-01-01"], "not between 1900-01-01 and 2300-01-01"),
        (["--from", "20120229"], "'20120229' is not a date or time"),
        (["--to", "2012-W09-4"], "'2012-W09-4' is not a date or time"),
        (["--by", "colour"], "there is no grouping by 'colour'"),
        (["--by", ""], "there is no grouping by ''"),
        (["--timezone", "Asia/Soul"], "there is no time zone 'Asia/Soul'"),
        (["--by", "queue,agency"], "what is asked of an agency belongs to no queue"),
        (["--as-of", "13"], "the log has no position 13 yet: its last one is 12"),
        (["--as-of", "soon"], "'soon' is not a date or time"),
        (["--as-of", ""], "'' is not a date or time"),
        (["--channel", "fax"], "there is no channel 'fax'"),
        (["--threshold", "-1"], "threshold is -1"),
        (["--threshold", "many"], "Invalid value"),
    ],
)
@pytest.mark.usefixtures("run")
def test_a_wrong_question_is_refused_with_status_2(arguments: list[str], reason: str) -> None:
    told = commanded(["kpi", *arguments], {})

    assert (told.returncode, told.stdout) == (2, "")
    assert reason in told.stderr


def test_a_view_that_cannot_reach_the_head_is_no_answer(run: Run, log: Log) -> None:
    with log.database.connect_as_owner() as owner:
        stop = "UPDATE projection SET error = 'it met a stone', position = 0 WHERE view = %s"
        owner.execute(stop, ["kpi"])
        try:
            result = run("--json")
        finally:
            owner.execute("UPDATE projection SET error = NULL, position = 12 WHERE view = 'kpi'")

    assert "it met a stone" in str(result.exception)
    assert result.stdout == ""


def test_another_view_that_has_stopped_is_no_hindrance(run: Run, log: Log) -> None:
    with log.database.connect_as_owner() as owner:
        run("--json")
        owner.execute("UPDATE projection SET error = 'it met a stone' WHERE view = 'praise'")
        owner.execute("UPDATE projection SET position = 0 WHERE view = 'praise'")
        try:
            assert document(run("--json"))["position"] == 12
        finally:
            owner.execute("UPDATE projection SET error = NULL, position = 12 WHERE view = 'praise'")


# What takes the history


def test_the_answer_of_then_stands_beside_that_of_now(run: Run) -> None:
    told = document(run("--as-of", "5", "--by", "day", "--json"))

    assert (told["as_of"]["position"], told["known_now"]["position"]) == (5, 12)
    assert [row["resolutions"] for row in told["rows"]] == [1]
    assert [row["answered"] for row in told["rows"]] == [1]
    assert [row["answered"] for row in told["known_now"]["rows"]] == [2]


def test_a_time_is_that_of_the_last_position_recorded_by_then(run: Run) -> None:
    at = document(run("--as-of", "12", "--json"))["as_of"]["recordedtime"]

    assert document(run("--as-of", at, "--json"))["as_of"]["position"] == 12
    assert document(run("--as-of", "2012-02-29", "--json"))["as_of"]["position"] == 0


def test_what_no_table_holds_is_answered(run: Run) -> None:
    rows = document(run("--by", "hour,category,agent", "--json"))["rows"]

    counted = {row["from"]: row["answered"] for row in rows if row["answered"]}
    assert counted == {"2012-02-29T12:00:00+09:00": 2}


def test_the_history_adds_what_takes_it_to_each_row(run: Run) -> None:
    [row] = document(run("--history", "--json"))["rows"]

    assert (row["cumulative"], row["fcr_identified"]) == (3, 0.0)
    assert row["fcr_mature"] == {"24h": 0, "7d": 0, "30d": 0}


def test_the_table_of_then_has_that_of_now_below_it(run: Run) -> None:
    then, now = run("--as-of", "5", "--by", "day").stdout.split("\nknown now:\n")

    assert "; log position 5, recorded 20" in then
    assert "; log position 12; definition" in now
    assert [line.split()[1] for line in then.splitlines() if line.startswith("total")] == ["1"]
    assert [line.split()[1] for line in now.splitlines() if line.startswith("total")] == ["3"]


def test_the_table_of_the_history_shows_what_came_of_it(run: Run) -> None:
    lines = run("--history", "--by", "day").stdout.splitlines()

    assert lines[1].split()[:3] == ["day", "received", "cumulative"]
    assert "FCR FCR FCR" in lines[0]
    assert max(len(line) for line in lines[:-1]) <= 100


# The table


def test_the_table_says_what_a_supervisor_asks(run: Run) -> None:
    lines = run("--by", "day", "--threshold", "20").stdout.splitlines()

    assert [line.split() for line in lines[:2]] == [
        ["aban-", "answer", "F3", "in", "1st", "satis-"],
        ["day", "received", "offered", "answered", "doned", "rate", "20", "s", "ASA", "p90", "AHT",
         "agent", "fied"],
    ]  # fmt: skip
    day = ["3", "3", "2", "1", f"66.7%{MISSED}", "33.3%", "00:43", "01:16", "01:05",
           f"50.0%{MISSED}", UNKNOWN]  # fmt: skip
    assert lines[3].split() == ["2012-02-29", *day]
    assert lines[5].split() == ["total", *day]
    assert lines[7].split() == ["target", "99.7%", "88.0%", "95.7%"]
    assert lines[8].startswith(
        "Asia/Seoul, 2012-02-29 00:00 to 2012-03-01 00:00; service level F3 within 20 s;"
        " log position 12; definition "
    )
    assert len(lines[8].split()[-1]) == 12


def test_a_ratio_is_marked_where_it_has_a_target(run: Run) -> None:
    queues = run("--by", "queue").stdout

    [japanese] = [line.split() for line in queues.splitlines() if line.startswith("japanese")]
    assert japanese[5:7] == [f"100.0%{MET}", f"100.0%{MET}"]
    [total] = [line.split() for line in queues.splitlines() if line.startswith("total")]
    assert total[5:7] == [f"66.7%{MISSED}", f"33.3%{MISSED}"]


def test_without_targets_nothing_is_marked(run: Run) -> None:
    shown = run("--from", "2011-01-01", "--to", "2012-03-01").stdout

    assert "66.7% " in shown
    assert not {MET, MISSED, "target"} & {*shown, *shown.split()}


def test_targets_that_change_within_the_range_are_all_shown(run: Run, log: Log) -> None:
    with log.database.connect_as_owner() as owner:
        owner.execute("INSERT INTO catalogue.target VALUES ('answer_rate', '2012-02-29', 0.95)")
        try:
            shown = run("--by", "day", "--from", "2012-02-28", "--to", "2012-03-01").stdout
        finally:
            owner.execute("DELETE FROM catalogue.target WHERE since = '2012-02-29'")

    assert "95.0%/99.7%" in shown


@pytest.mark.parametrize(
    "by", ["total", "day", "hour", "day,queue", "hour,queue", "queue,language"]
)
def test_the_table_is_plain_and_fits_100_columns(run: Run, by: str) -> None:
    result = run("--by", by)

    assert "\x1b" not in result.stdout
    assert max(len(line) for line in result.stdout.splitlines()[:-1]) <= 100


def test_hours_have_their_offset_where_it_changes(run: Run) -> None:
    night = ["--from", "2012-10-28T02:00", "--to", "2012-10-28T03:00", "--timezone"]

    berlin = run("--by", "hour", *night, "Europe/Berlin").stdout
    seoul = run("--by", "hour", *night, "Asia/Seoul").stdout

    assert "10-28 02:00 +0200" in berlin
    assert "10-28 02:00 +0100" in berlin
    assert "10-28 02:00 " in seoul
    assert "+0900" not in seoul


def test_agents_have_no_total(run: Run) -> None:
    assert "total" not in run("--by", "agent").stdout
    assert "total" in run("--by", "queue").stdout


def test_large_numbers_have_separators_and_are_never_cut(run: Run, log: Log) -> None:
    run("--json")
    with log.database.connect_as_owner() as owner:
        owner.execute("UPDATE kpi.hourly SET received = received + 38000000 WHERE received > 0")
        try:
            shown = run("--by", "hour").stdout
        finally:
            owner.execute("UPDATE kpi.hourly SET received = received - 38000000 WHERE received > 0")

    assert "38,000,001" in shown

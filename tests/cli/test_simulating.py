"""`dasan simulate` and `dasan demo`: a city's day through the service, its history in bulk."""

import signal
import socket
from datetime import date, datetime, time, timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import typer

from cli.answering import caught_up
from cli.history import day_of
from eventlog.log import Log
from projections.answer import answer
from projections.question import Question
from simulation.history import History
from simulation.simulate import simulate
from tests.cli.commanded import Run, started
from tests.cli.test_commands import dasan, events
from tests.cli.test_serving import serving
from tests.conftest import Servers, append
from tests.eventlog.test_append import command, record
from tests.simulation.days import LEAP_DAY, SEOUL
from tests.simulation.figures import figures

__all__ = ["dasan"]  # a fixture

INQUIRIES = 150


@pytest.mark.long
def test_the_demo_runs_the_day_and_a_second_run_adds_nothing(dasan: Run, log: Log) -> None:
    first = dasan("demo", "--port", "0", "--inquiries", str(INQUIRIES))
    added = events(log)

    second = dasan("demo", "--port", "0", "--inquiries", str(INQUIRIES))

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert f"2012-02-29: {INQUIRIES} inquiries, {added:,} commands: {added:,} events added" in (
        first.stdout
    )
    assert ": 0 events added" in second.stdout
    assert first.stdout.splitlines()[1:] == second.stdout.splitlines()[1:]
    assert events(log) == added


def test_the_demo_shows_what_was_published_beside_the_day(dasan: Run, log: Log) -> None:
    shown = dasan("demo", "--port", "0", "--inquiries", "20").stdout.splitlines()

    table = {line[:22].rstrip(): line[22:].split()[-2:] for line in shown[-4:]}
    assert table == {
        "answer rate": ["99.7%", "99.7%"],
        "answered within 15 s": ["97.5%", "97.5%"],
        "first-agent resolution": ["88.0%", "88.0%"],
        "satisfaction": ["95.7%", "95.7%"],
    }
    assert events(log) > 0


def test_the_service_counts_the_day_as_it_was_sent(dasan: Run, log: Log) -> None:
    told = dasan("simulate", "--inquiries", str(INQUIRIES), "--agents", "4", "--seed", "7")

    begin = datetime.combine(LEAP_DAY, time(), SEOUL)
    with caught_up(log) as connection:
        total = answer(connection, Question(begin, begin + timedelta(days=2), SEOUL)).rows[0]
    day = simulate(day=LEAP_DAY, timezone=SEOUL, inquiries=INQUIRIES, agents=4, seed=7)
    counted = figures(day)
    assert told.returncode == 0, told.stderr
    assert {name: total.sums[name] for name in ("received", "answered", "abandoned", "rated")} == {
        name: getattr(counted, name) for name in ("received", "answered", "abandoned", "rated")
    }
    assert total.ratios["satisfaction"] == pytest.approx(counted.satisfaction)
    assert total.ratios["first_agent_resolution"] == pytest.approx(counted.first_agent_resolution)


@pytest.mark.long
def test_a_day_that_broke_off_is_continued_and_nothing_is_there_twice(dasan: Run, log: Log) -> None:
    dasan("simulate", "--inquiries", "30")
    whole = events(log)

    with log.database.connect_as_owner() as owner:
        owner.execute("DELETE FROM command")  # as after 72 hours
    again = dasan("simulate", "--inquiries", "30")

    assert again.stdout.endswith(": 0 events added\n"), again.stderr
    assert events(log) == whole


def test_a_service_that_is_not_there_is_named() -> None:
    told = started(["simulate", "--url", "http://127.0.0.1:9", "--inquiries", "1"], {})

    assert told.returncode == 1
    assert "127.0.0.1:9" in told.stderr


def test_a_demo_that_is_told_to_stop_takes_its_service_with_it(log: Log, servers: Servers) -> None:
    with serving(log, servers, "demo") as (url, demo):
        demo.send_signal(signal.SIGTERM)
        out, _ = demo.communicate(timeout=60)

    assert (demo.returncode, out) == (128 + signal.SIGTERM, "")
    address = urlsplit(url)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((str(address.hostname), address.port or 0))


HISTORY = ("simulate", "--from", "2012-02-28", "--to", "2012-02", "--scale", "0.001", "--bulk")


def test_the_history_is_simulated_in_bulk_and_a_second_run_adds_nothing(
    dasan: Run, log: Log
) -> None:
    first = dasan(*HISTORY)
    added = events(log)

    second = dasan(*HISTORY)

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert first.stdout.startswith(
        f"2012-02-28 to 2012-02-29: 2 days, 74 inquiries: {added:,} events added in "
    )
    assert "74 inquiries: 0 events added" in second.stdout
    assert events(log) == added > 400


def test_a_day_of_the_history_is_what_the_service_makes_of_it(dasan: Run) -> None:
    bulk = dasan(*HISTORY)
    (day,) = History(LEAP_DAY, LEAP_DAY, scale=0.001).days()

    sent = dasan(
        "simulate", "--day", str(day.date), "--inquiries", str(day.inquiries),
        "--agents", str(day.agents),
    )  # fmt: skip

    assert bulk.returncode == 0, bulk.stderr
    assert sent.stdout.endswith(": 0 events added\n"), sent.stderr


def test_a_log_with_other_events_takes_no_history(dasan: Run, log: Log) -> None:
    append(log, command(record(uuid4(), 1)))

    told = dasan(*HISTORY)

    assert told.returncode == 2
    assert "use an empty database (another DASAN_HOME) or leave out --bulk" in told.stderr
    assert events(log) == 1


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--from", "2012-02"], "--from"),
        (["--bulk", "--day", "2012-02-29"], "--day"),
        (["--bulk", "--to", "2012-03"], "ends on 2012-02-29"),
        (["--day", "1330473600"], "'1330473600' is not a date"),
    ],
)
def test_days_and_history_are_not_mixed_up(
    dasan: Run, log: Log, arguments: list[str], reason: str
) -> None:
    told = dasan("simulate", *arguments)

    assert told.returncode == 2
    assert reason in told.stderr
    assert events(log) == 0


def test_a_month_begins_on_its_first_day_and_ends_on_its_last() -> None:
    assert day_of("2012-02", "--from") == date(2012, 2, 1)
    assert day_of("2012-02", "--to", at_end=True) == LEAP_DAY
    assert day_of("2012-02-03", "--to", at_end=True) == date(2012, 2, 3)


@pytest.mark.parametrize(
    "text", ["February", "201202", "2012-2", "2012-13", "20120229", "2012-W09-3"]
)
def test_what_is_neither_a_month_nor_a_date_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match=f"{text}' is neither a month"):
        day_of(text, "--to")

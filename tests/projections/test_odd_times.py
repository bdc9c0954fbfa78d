"""One event of an odd time in an old log leaves every question answerable, for everybody.

Such times were taken once: from 1970 to 2200. They are refused at the doors now, and stay in logs.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from domain.vocabulary import Outcome, code
from eventlog.archive import Archive
from eventlog.log import assembled
from projections.answer import held
from projections.as_of import moment_at
from projections.asking import ask
from projections.asking_history import Past
from projections.backlog import read_backlog
from projections.expected import Expected, compare
from projections.question import Question, instant
from projections.searching import Search, search
from tests.conftest import Servers
from tests.domain.building import resolve
from tests.projections.calls import NEXT_MIDNIGHT, SEOUL, answered
from tests.projections.city import City
from tests.projections.engines import typed
from tests.projections.published import exported, publish, replayed
from tests.projections.test_digest import digests, refolded

pytestmark = pytest.mark.long

FIRST = datetime(1970, 1, 1, tzinfo=UTC)
ORDINARY = NEXT_MIDNIGHT - timedelta(hours=1)
LAST = datetime(2199, 12, 31, 23, 59, 59, tzinfo=UTC)

ELSEWHERE = [
    ZoneInfo(name) for name in ("UTC", "Asia/Kolkata", "Pacific/Kiritimati", "America/New_York")
]


@pytest.fixture(scope="module")
def city(servers: Servers) -> Iterator[City]:
    """A city in which a call was answered and resolved at each of the times."""
    with (
        servers.database("odd_times") as database,
        assembled(servers.timeless, database, servers.keys) as log,
        log.database.connect() as connection,
    ):
        city = City(log, connection)
        for at in (FIRST, ORDINARY, LAST):
            call = answered(at, waited_ms=0, category=code("water"))
            resolve(call, agent=code("a1"), at=at + timedelta(minutes=1))
            call.reopen(reason=code("wrong"), at=at + timedelta(minutes=2))
            call.resolve(outcome=Outcome.ANSWERED, agent=code("a1"), at=at + timedelta(minutes=3))
            city.tell(call)
        yield city


@pytest.fixture
def past(city: City, tmp_path: Path) -> Past:
    return Past(city.connection, Archive(str(tmp_path)), city.log.settings.timezone)


@pytest.mark.parametrize(
    ("zone", "period"),
    [
        *((SEOUL, period) for period in ("total", "day", "month", "year")),
        *((zone, "year") for zone in ELSEWHERE),
    ],
    ids=str,
)
def test_all_that_the_tables_hold_is_answered_by_default(
    city: City, past: Past, zone: ZoneInfo, period: str
) -> None:
    everything = Question(*held(city.connection, zone), zone, (period,))

    [told] = ask(past, [everything])

    assert sum(row.sums["answered"] or 0 for row in told.rows) == 3
    assert sum(row.sums["resolutions"] or 0 for row in told.rows) == 6


def test_the_history_is_told_of_all(city: City, past: Past) -> None:
    everything = Question(*held(city.connection, SEOUL), SEOUL, ("year", "category"))

    [told] = ask(
        past, [everything], as_of=moment_at(city.connection, city.position), with_history=True
    )

    assert told.rows[-1].recalled["cumulative"] == 3
    assert told.known_now
    assert told.known_now.rows == told.rows


def test_labels_that_no_table_has_together_are_counted(city: City, past: Past) -> None:
    days = held(city.connection, SEOUL)

    [told] = ask(past, [Question(*days, SEOUL, ("month", "agent", "category"))])

    assert sum(row.sums["answered"] or 0 for row in told.rows) == 3


@pytest.mark.parametrize("at", ["1900-01-02", "1969-12-31", "1970-01-01T09:10", "2012-03-01"])
def test_the_backlog_of_any_time_is_told(past: Past, at: str) -> None:
    [told] = read_backlog(
        past, ["queue"], at=instant(at, SEOUL), known_by=None, now=datetime.now(UTC)
    )

    assert [row.counts["open"] for row in told.rows] == []


def test_the_backlog_of_now_is_told(past: Past) -> None:
    told = read_backlog(past, [None, "queue"], at=None, known_by=None, now=datetime.now(UTC))

    assert told[0].rows[0].counts["open"] == 0


def test_figures_are_compared(city: City) -> None:
    expected = Expected({"all": {"answered": 3}, "day:1970-01-01": {"answered": 1}})

    assert all(figure.is_equal for figure in compare(city.connection, expected, SEOUL))


def test_who_did_what_is_found(city: City) -> None:
    early = Search(time_to=FIRST + timedelta(seconds=1), limit=500)
    late = Search(time_from=LAST, limit=500)
    nothing = Search(recorded_to=instant("1900-01-02", SEOUL), time_from=FIRST)

    assert len(search(city.connection, early).entries) == 3
    assert len(search(city.connection, late).entries) == 7
    assert search(city.connection, nothing).entries == []


def test_the_engines_say_the_same(city: City) -> None:
    live = digests(city)

    assert refolded(city, 5) == live
    with typed(city, []) as history:
        assert history.on_duckdb() == live


def test_what_is_published_of_all_is_replayed(city: City, tmp_path: Path) -> None:
    for zone in (SEOUL, *ELSEWHERE[:2]):
        publish(city, Question(*held(city.connection, zone), zone, ("year",)))

    assert [one.reason for one in replayed(exported(city, tmp_path, events=10))] == [None] * 3

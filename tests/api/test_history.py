"""Questions over HTTP that take the whole history: as of, backlog, what no table holds."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.security import Scope
from eventlog.database import Database
from tests.api.conftest import TOKENS, Client, token_of
from tests.api.provoking import PATIENCE_S, Place, short_patience
from tests.api.waiting import caught_up, until
from tests.conftest import Servers

DAY = {"from": "2012-02-29", "to": "2012-03-01"}
NOON = "2012-02-29T12:00:00+09:00"


def asked(client: Client, path: str = "/v1/kpi", **params: Any) -> Any:
    answer = client.get(path, **params)
    assert answer.status_code == 200, answer.text
    return answer.json()


# KPIs


def test_the_kpis_that_were_known_stand_beside_those_known_now(client: Client) -> None:
    path = client.received(at=NOON)
    position = caught_up(client)
    client.post(f"{path}/annul", {"reason": "test"})
    caught_up(client)

    told = asked(client, as_of=position, **DAY)

    assert told["as_of"]["position"] == told["position"] == position
    assert datetime.fromisoformat(told["as_of"]["recordedtime"]) < datetime.now(UTC)
    assert told["rows"][0]["received"] == 1
    assert told["known_now"]["rows"][0]["received"] == 0
    assert told["known_now"]["position"] == position + 1


def test_a_time_is_that_of_the_last_position_recorded_by_then(client: Client) -> None:
    client.received(at=NOON)
    caught_up(client)

    before = asked(client, as_of=NOON, **DAY)
    after = asked(client, as_of=datetime.now(UTC).isoformat(), **DAY)

    assert before["as_of"] == {"position": 0, "recordedtime": None}
    assert before["rows"][0]["received"] == 0
    assert after["rows"][0]["received"] == 1


def test_what_no_table_holds_is_answered_from_the_history(client: Client) -> None:
    client.received(at=NOON, category="water")
    position = caught_up(client)

    told = asked(client, by="hour,category", **DAY)

    counted = {row["from"]: row["received"] for row in told["rows"] if row["received"]}
    assert counted == {NOON: 1}
    assert told["position"] == position


def test_the_history_adds_what_takes_it_to_each_row(client: Client) -> None:
    path = client.received(at=NOON)
    client.post(f"{path}/reply", {"agent": "a1", "message": "네.", "at": NOON})
    client.post(f"{path}/resolve", {"outcome": "answered", "at": NOON})
    caught_up(client)

    [row] = asked(client, history=True, **DAY)["rows"]

    assert (row["cumulative"], row["fcr_identified"]) == (1, 0.0)
    assert row["fcr_repeat"] == {"24h": None, "7d": None, "30d": None}
    assert row["fcr_mature"] == {"24h": 0, "7d": 0, "30d": 0}


# Backlog


def test_the_backlog_is_told_now_at_an_instant_and_as_of_a_position(client: Client) -> None:
    path = client.received(channel="phone", contact={"source": "pbx", "id": "1"}, at=NOON)
    client.post(f"{path}/queue", {"queue": "general", "at": NOON})
    position = caught_up(client)
    client.post(f"{path}/abandon", {"at": "2012-02-29T12:01:00+09:00"})
    client.received()
    caught_up(client)

    [now] = asked(client, "/v1/backlog", by="queue")["rows"]
    [then] = asked(client, "/v1/backlog", at="2012-02-29T12:00:30", by="queue")["rows"]
    known = asked(client, "/v1/backlog", at="2012-02-29T12:02:00", as_of=position)

    assert (now["queue"], now["open"], now["waiting"], now["conversations"]) == (None, 1, 0, 0)
    assert (then["queue"], then["open"], then["age_max_ms"]) == ("general", 1, 30_000)
    assert known["as_of"]["position"] == known["position"] == position
    assert known["rows"][0]["open"] == 1
    assert known["at"] == "2012-02-29T12:02:00+09:00"


# What cannot be answered


@pytest.fixture(scope="module")
def idle(servers: Servers) -> Iterator[Client]:
    """A client of a service that nothing has happened to."""
    with servers.database("history") as database:
        app = create_app(servers.settings, database, servers.keys, TOKENS)
        with TestClient(app) as http:
            yield Client(http, token_of(Scope.KPI_READ))


@pytest.mark.parametrize(
    ("path", "params", "reason"),
    [
        ("/v1/kpi", {"as_of": "7"}, "the log has no position 7 yet: its last one is 0"),
        ("/v1/kpi", {"as_of": "soon"}, "'soon' is not a date or time"),
        ("/v1/kpi", {"by": "queue,agency"}, "belongs to no queue"),
        ("/v1/kpi", {"by": "hour,agent", "from": "1971-01-01", "to": "2199-01-01"}, "rows"),
        ("/v1/backlog", {"as_of": "0"}, "nothing was recorded by then"),
        ("/v1/backlog", {"at": "2199-01-01"}, "is still to come"),
        ("/v1/backlog", {"at": "0001-01-01T00:00:00+14:00"}, "is not between 1900-01-01"),
        ("/v1/backlog", {"at": "9999-12-31T23:59:59-14:00"}, "is not between 1900-01-01"),
        ("/v1/backlog", {"as_of": "0001-01-01T00:00:00+14:00"}, "is not between 1900-01-01"),
        ("/v1/kpi", {"as_of": "9" * 5_000}, "the log has no position"),
        ("/v1/backlog", {"by": "agent"}, "query.by: Input should be 'queue', "),
    ],
)
def test_what_cannot_be_answered_is_refused_with_the_reason(
    idle: Client, path: str, params: dict[str, str], reason: str
) -> None:
    answer = idle.get(path, **params)

    assert answer.status_code == 422
    assert reason in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/v1/kpi", "/v1/backlog"])
def test_the_history_is_for_those_who_may_read_kpis(idle: Client, path: str) -> None:
    others = Client(idle.http, token_of(Scope.INQUIRIES_READ))

    assert others.get(path, as_of="0").status_code == 403


def test_a_history_that_takes_longer_than_an_answer_may_is_too_slow(client: Client) -> None:
    client.received(at=NOON)
    caught_up(client)

    with short_patience():
        answer = client.get("/v1/kpi", as_of=1, **DAY)

    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:dasan:problem:too-slow"
    assert asked(client, as_of=1, **DAY)["rows"][0]["received"] == 1


def test_an_archive_that_cannot_be_read_is_said_without_its_place(
    servers: Servers, database: Database, tmp_path: Path
) -> None:
    (tmp_path / "0000000001-0000000002.json").write_text("{}")
    settings = replace(servers.settings, archive_url=str(tmp_path))
    app = create_app(settings, database, servers.keys, TOKENS)
    with TestClient(app) as http:
        client = Client(http, token_of(Scope.ADMIN))
        client.received(at=NOON)
        caught_up(client)

        answer = client.get("/v1/kpi", as_of=1, **DAY)

        assert asked(client, **DAY)["rows"][0]["received"] == 1
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:dasan:problem:unavailable")
    assert str(tmp_path) not in answer.text


# One at a time


@pytest.fixture
def place(url: str, database: Database) -> Iterator[Place]:
    with database.connect_as_owner() as owner, httpx.Client(base_url=url, timeout=60) as http:
        yield Place(Client(http, token_of(Scope.ADMIN)), owner)


def test_one_question_reads_the_history_at_a_time_and_others_are_answered(place: Place) -> None:
    client = place.client
    client.received(at=NOON)
    caught_up(client)
    until(lambda: client.http.get("/checkpoint").is_success or None)  # who signs reads the log, too
    with ThreadPoolExecutor() as pool:
        with place.locked("log", "ACCESS EXCLUSIVE"):
            reading = [pool.submit(asked, client, as_of=1, **DAY) for _ in range(3)]
            place.await_blocked()

            row = asked(client, **DAY)["rows"][0]

            place.owner.execute("SELECT pg_stat_clear_snapshot()")
            [blocked] = place.owner.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"
            ).fetchall()
        told = [future.result(PATIENCE_S) for future in reading]

    assert row["received"] == 1
    assert blocked == (1,)
    assert [one["rows"][0]["received"] for one in told] == [1, 1, 1]

"""Lists, KPIs, events and health: what is read from the views and from the log."""

import json
import threading
from datetime import datetime
from uuid import UUID

import pytest

from api import events
from api.cursors import cursor
from api.security import Scope
from eventlog.database import Database
from tests.api.conftest import Client, token_of
from tests.api.waiting import caught_up

DAY = "2012-02-29"


def received_at(client: Client, hour: int, **body: object) -> str:
    return client.received(at=f"{DAY}T{hour:02}:00:00+09:00", **body).rpartition("/")[2]


def listed(client: Client, **params: object) -> list[str]:
    return [row["id"] for row in client.get("/v1/inquiries", **params).json()["inquiries"]]


def test_the_list_shows_the_last_received_first(client: Client) -> None:
    morning, noon = received_at(client, 9), received_at(client, 12)
    position = caught_up(client)

    answer = client.get("/v1/inquiries").json()

    assert [row["id"] for row in answer["inquiries"]] == [noon, morning]
    assert (answer["position"], answer["next"]) == (position, None)


def test_pages_follow_each_other_without_gap_or_repeat(client: Client) -> None:
    ids = [received_at(client, 9) for _ in range(7)]  # all at one time
    caught_up(client)

    seen, after = [], None
    while True:
        page = client.get("/v1/inquiries", limit=3, **({"after": after} if after else {})).json()
        seen += [row["id"] for row in page["inquiries"]]
        after = page["next"]
        if after is None:
            break

    assert sorted(seen) == sorted(ids)


def test_a_page_past_the_end_is_empty(client: Client) -> None:
    received_at(client, 9)
    caught_up(client)
    last = client.get("/v1/inquiries", limit=1).json()["next"]

    answer = client.get("/v1/inquiries", limit=1, after=last).json()

    assert (answer["inquiries"], answer["next"]) == ([], None)


@pytest.mark.parametrize("cursor", ["x", "%00", "MjAxMi0wMi0yOQ", "가"])
def test_a_cursor_of_ones_own_making_is_refused(client: Client, cursor: str) -> None:
    assert client.get("/v1/inquiries", after=cursor).status_code == 400


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
@pytest.mark.parametrize("path", ["/v1/inquiries", "/v1/praise"])
def test_a_cursor_at_the_end_of_the_calendar_is_no_error_of_ours(
    client: Client, path: str, at: str
) -> None:
    made = cursor(datetime.fromisoformat(at), UUID(int=0), 1)

    assert client.get(path, after=made).status_code in (200, 400)


def test_the_list_is_filtered_by_every_label(client: Client) -> None:
    wanted = received_at(client, 10, channel="sms", language="ko", category="water")
    received_at(client, 10, channel="sns", language="ko", category="water")
    received_at(client, 10, channel="sms", language="en", category="water")
    received_at(client, 10, channel="sms", language="ko", category="tax")
    received_at(client, 12, channel="sms", language="ko", category="water")
    caught_up(client)

    found = listed(
        client,
        channel="sms",
        language="ko",
        category="water",
        status=["received", "resolved"],
        received_from=f"{DAY}T10:00:00+09:00",
        received_to=f"{DAY}T12:00:00+09:00",
    )

    assert found == [wanted]


def test_the_list_shows_who_waits_now(client: Client) -> None:
    path = client.received(channel="phone", contact={"source": "pbx", "id": "1"})
    client.received(channel="phone", contact={"source": "pbx", "id": "2"})
    client.post(f"{path}/queue", {"queue": "general"})
    caught_up(client)

    assert listed(client, status="queued", queue="general") == [path.rpartition("/")[2]]


def test_kpis_are_answered_with_their_position(client: Client) -> None:
    received_at(client, 9)
    position = caught_up(client)

    answer = client.get("/v1/kpi", **{"from": DAY, "to": "2012-03-01", "by": "channel"}).json()

    assert answer["position"] == position
    [row] = answer["rows"]
    assert (row["channel"], row["received"], row["answer_rate"]) == ("internet", 1, None)
    assert row["from"] == "2012-02-29T00:00:00+09:00"


def test_the_catalogue_names_the_codes_and_the_targets(client: Client) -> None:
    client.token = token_of(Scope.INQUIRIES_WRITE)

    answer = client.get("/v1/catalogue").json()

    assert len(answer["districts"]) == 25
    assert {"code": "transport", "ko": "교통", "en": "Transport"}.items() <= next(
        entry for entry in answer["categories"] if entry["code"] == "transport"
    ).items()
    targets = {target["kpi"]: target["value"] for target in answer["targets"]}
    assert targets["answer_rate"] == 0.997


@pytest.mark.parametrize(
    "params",
    [
        {"by": "weather"},
        {"from": "yesterday"},
        {"from": DAY, "to": DAY},
        {"timezone": "Asia/Atlantis"},
        {"threshold": "-1"},
        {"channel": "pigeon"},
        {"by": "hour", "from": "1971-01-01", "to": "2199-01-01"},
    ],
)
def test_a_question_that_cannot_be_answered_says_why(
    client: Client, params: dict[str, str]
) -> None:
    answer = client.get("/v1/kpi", **params)

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_events_are_the_bytes_of_the_log_in_its_order(client: Client) -> None:
    for _ in range(3):
        client.received()

    answer = client.get("/v1/events", after=1, limit=1)

    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["dasan-position"] == "2"
    [event] = [json.loads(line) for line in answer.text.splitlines()]
    assert event["sequence"] == "00000000000000000002"


def test_a_page_of_events_is_bounded_by_its_bytes(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        client.received()
    monkeypatch.setattr(events, "MAX_PAGE_BYTES", 1)

    first = client.get("/v1/events", after=1, limit=10_000)

    assert first.headers["dasan-position"] == "2"
    assert len(first.text.splitlines()) == 1


def test_there_are_no_events_past_the_end(client: Client) -> None:
    answer = client.get("/v1/events", after=9)

    assert (answer.status_code, answer.text, answer.headers["dasan-position"]) == (200, "", "9")


@pytest.mark.parametrize("position", ["-1", "x", "9" * 30, "9" * 5_000, "1_0"])
def test_a_stream_resumes_at_a_position_only(client: Client, position: str) -> None:
    headers = {"Authorization": f"Bearer {client.token}", "Last-Event-ID": position}

    answer = client.http.get("/v1/events/stream", headers=headers)

    assert answer.status_code == 400


def test_the_server_lives_and_is_ready(client: Client) -> None:
    assert client.http.get("/health/live").status_code == 204
    views = client.http.get("/health/ready").json()["views"]
    assert [view["view"] for view in views] == ["audit", "inquiries", "kpi", "praise"]


def test_positions_are_shown_to_prometheus(client: Client) -> None:
    client.received()
    position = caught_up(client)

    text = client.http.get("/metrics").text

    assert f"dasan_log_position {float(position)}" in text
    assert f'dasan_view_position{{view="kpi"}} {float(position)}' in text


def test_no_thread_is_left_when_the_service_has_stopped(client: Client) -> None:
    client.received()

    client.http.__exit__(None, None, None)

    assert not [t for t in threading.enumerate() if "pool" in t.name and t.is_alive()]
    client.http.__enter__()


def test_the_service_and_its_views_go_on_when_every_connection_was_cut(
    client: Client, database: Database
) -> None:
    client.received()
    caught_up(client)
    with database.connect_as_owner() as owner:
        owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    client.received()

    assert caught_up(client) == 2
    assert len(listed(client)) == 2


def test_views_that_all_stood_still_go_on_once_they_are_rebuilt(
    client: Client, database: Database
) -> None:
    with database.connect_as_owner() as owner:
        owner.execute("UPDATE projection SET definition = 'x' || definition")
        answer = client.http.get("/health/ready")
        assert (answer.status_code, "dasan rebuild kpi" in answer.text) == (503, True)

        client.received()
        owner.execute("UPDATE projection SET definition = substr(definition, 2)")

    assert caught_up(client) == 1

"""Who did what, over HTTP: by actor, agent, stream, type and time; and who has read what."""

from http import HTTPStatus
from typing import Any
from uuid import uuid4

import pytest

from api.security import Scope
from tests.api.conftest import Client, token_of
from tests.api.waiting import caught_up

QUESTION = "막차가 언제인가요?"
EARLY, LATE = "2012-02-29T09:00:00+09:00", "2012-02-29T10:00:00+09:00"


def found(client: Client, **wanted: object) -> list[dict[str, Any]]:
    caught_up(client)
    answer = client.get("/v1/audit/entries", **wanted)
    assert answer.status_code == HTTPStatus.OK, answer.text
    entries: list[dict[str, Any]] = answer.json()["entries"]
    return entries


def types(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["type"].removeprefix("inquiry.") for entry in entries]


def stream_of(path: str) -> str:
    return path.rpartition("/")[2]


def opened(client: Client, *streams: str, actor: str = "agent:a017") -> None:
    """Read the questions of inquiries, in one disclosure."""
    fields = [{"stream": stream, "version": 1, "field": "question"} for stream in streams]
    body = {"purpose": "complaint", "fields": fields}
    answer = client.post("/v1/disclosures", body, Dasan_Actor=actor)
    assert answer.status_code == HTTPStatus.OK, answer.text


def answered_and_handed_over(client: Client) -> str:
    """Kim answered, and handed over to Yang."""
    path = client.received()
    client.post(f"{path}/answer", {"agent": "kim"}, Dasan_Actor="agent:kim")
    transfer = {"ref": "t", "kind": "agent", "from_agent": "kim", "to": "yang"}
    answer = client.post(f"{path}/transfer", transfer, Dasan_Actor="service:pbx")
    assert answer.status_code == HTTPStatus.OK, answer.text
    return stream_of(path)


def test_an_entry_says_who_did_what_when_to_which_stream(client: Client) -> None:
    stream = stream_of(client.received(question=QUESTION, at=EARLY))

    [entry] = found(client)

    assert entry["recordedtime"] > entry["time"]
    assert entry | {"recordedtime": ""} == {
        "position": 1,
        "recordedtime": "",
        "time": "2012-02-29T00:00:00Z",
        "stream": stream,
        "version": 1,
        "type": "inquiry.received",
        "actor": "service:tests",
        "agent": None,
        "to_agent": None,
        "sealed": ["question"],
        "purpose": None,
        "opened": None,
    }


def test_it_is_found_by_who_did_it(client: Client) -> None:
    answered_and_handed_over(client)

    assert types(found(client, actor="agent:kim")) == ["answered"]
    assert types(found(client, actor="service:pbx")) == ["transferred"]
    assert found(client, actor="agent:yang") == []


def test_it_is_found_by_the_agent_whom_it_is_about_or_who_takes_over(client: Client) -> None:
    answered_and_handed_over(client)

    assert types(found(client, agent="kim")) == ["transferred", "answered"]
    assert types(found(client, agent="yang")) == ["transferred"]
    assert types(found(client, agent="yang", type="inquiry.answered")) == []


def test_an_agency_is_no_agent(client: Client) -> None:
    path = client.received()
    client.post(f"{path}/transfer", {"ref": "t", "kind": "agency", "to": "bus"})

    assert found(client, agent="bus") == []
    assert types(found(client, type="inquiry.transferred")) == ["transferred"]


def test_it_is_found_by_stream_and_type_together(client: Client) -> None:
    stream = answered_and_handed_over(client)
    answered_and_handed_over(client)

    assert types(found(client, stream=stream)) == ["transferred", "answered", "received"]
    assert types(found(client, stream=stream, type="inquiry.received")) == ["received"]
    assert found(client, stream=str(uuid4())) == []


def test_it_is_found_by_when_it_happened(client: Client) -> None:
    client.received(at=EARLY)
    client.received(at=LATE)

    assert [e["position"] for e in found(client, time_from=EARLY, time_to=LATE)] == [1]
    assert [e["position"] for e in found(client, time_from=LATE)] == [2]
    assert [e["position"] for e in found(client, time_to=LATE)] == [1]


def test_it_is_found_by_when_the_log_took_it(client: Client) -> None:
    for _ in range(3):
        client.received(at=EARLY)
    second = found(client)[1]["recordedtime"]

    from_second = found(client, recorded_from=second, order="oldest")
    before_second = found(client, recorded_to=second)

    assert [entry["position"] for entry in from_second] == [2, 3]
    assert [entry["position"] for entry in before_second] == [1]


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_pages_go_on_where_the_one_before_ended_and_end_empty(client: Client, order: str) -> None:
    for _ in range(4):
        client.received()
    caught_up(client)

    first = page(client, order=order)
    second = page(client, order=order, after=first["next"])
    third = page(client, order=order, after=second["next"])

    positions = [[entry["position"] for entry in one["entries"]] for one in (first, second, third)]
    assert positions == ([[4, 3], [2, 1], []] if order == "newest" else [[1, 2], [3, 4], []])
    assert (third["next"], third["position"]) == (None, 4)


def page(client: Client, **wanted: object) -> dict[str, Any]:
    answer: dict[str, Any] = client.get("/v1/audit/entries", limit=2, **wanted).json()
    return answer


def test_who_has_read_an_inquirys_sealed_texts_is_found_with_the_purpose(client: Client) -> None:
    one, other = (stream_of(client.received(question=QUESTION)) for _ in range(2))
    opened(client, one, actor="agent:a017")
    opened(client, other, one, actor="agent:a018")
    opened(client, other, actor="agent:a019")

    readings = found(client, stream=one, type="disclosure.made")

    assert [(e["actor"], e["purpose"]) for e in readings] == [
        ("agent:a018", "complaint"),
        ("agent:a017", "complaint"),
    ]
    assert readings[1]["opened"] == [{"stream": one, "version": 1, "field": "question"}]
    assert types(found(client, stream=one)) == ["disclosure.made", "disclosure.made", "received"]


def test_a_disclosure_is_found_by_its_reader_and_holds_no_text(client: Client) -> None:
    stream = stream_of(client.received(question=QUESTION))
    opened(client, stream, actor="agent:a017")

    [reading] = found(client, actor="agent:a017", type="disclosure.made")

    assert reading["opened"] == [{"stream": stream, "version": 1, "field": "question"}]
    assert QUESTION not in str(reading)


@pytest.mark.parametrize(
    "wanted",
    [
        {"who": "agent:a017"},
        {"actor": "a017"},
        {"agent": "no code"},
        {"stream": "120"},
        {"type": "inquiry.read"},
        {"time_from": LATE, "time_to": EARLY},
        {"recorded_from": LATE, "recorded_to": LATE},
        {"time_from": "2012-02-29"},
        {"order": "random"},
        {"after": 0},
        {"limit": 501},
    ],
    ids=str,
)
def test_what_is_no_filter_or_can_never_be_found_is_refused(
    client: Client, wanted: dict[str, object]
) -> None:
    answer = client.get("/v1/audit/entries", **wanted)

    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert answer.json()["type"].startswith("urn:dasan:problem:")


def test_the_search_is_for_auditors(client: Client) -> None:
    client.token = token_of(Scope.KPI_READ, Scope.PERSONAL_READ)

    assert client.get("/v1/audit/entries").status_code == HTTPStatus.FORBIDDEN

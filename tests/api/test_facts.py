"""What services may tell of an inquiry: which facts, at which times, in which codes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from pydantic import BaseModel

from api.app import create_app
from api.bodies import COMMANDS, Receive
from api.security import Scope
from domain.vocabulary import MAX_TEXT
from tests.api.conftest import TOKENS, Client, token_of
from tests.conftest import Servers

AT = "2012-02-29T09:00:00+09:00"
LATER = "2012-02-29T09:05:00+09:00"
LATEST = "2012-02-29T09:20:00+09:00"


@pytest.fixture(scope="module")
def client(servers: Servers) -> Iterator[Client]:
    """A client of a service that all tests share: each makes inquiries of its own."""
    with (
        servers.database("facts") as database,
        TestClient(create_app(servers.settings, database, servers.keys, TOKENS)) as http,
    ):
        yield Client(http, token_of(Scope.ADMIN))


# What identifies a fact


def test_a_second_reply_of_the_same_second_is_kept(client: Client) -> None:
    path = client.received(at=AT)
    part = {"agent": "a017", "at": LATER}

    client.post(f"{path}/reply", {**part, "message": "(1/2) 첫 번째"})
    answer = client.post(f"{path}/reply", {**part, "message": "(2/2) 두 번째"})

    assert (answer.status_code, answer.json()["version"]) == (200, 3)


def called(client: Client) -> str:
    """A call that was answered and is over; its path."""
    contact = {"source": "pbx", "id": str(uuid4())}
    path = client.received(channel="phone", contact=contact, at=AT)
    for command, body in (
        ("queue", {"queue": "general", "at": AT}),
        ("answer", {"agent": "a017", "at": LATER, "waited_ms": 300_000}),
        ("end", {"ended_by": "agent", "talk_ms": 60_000, "at": LATER}),
    ):
        answer = client.post(f"{path}/{command}", body)
        assert answer.status_code == 200, answer.text
    return path


REPEATS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "answer": ({"agent": "a017", "at": LATER}, {"waited_ms": 1}),
    "end": ({"ended_by": "agent", "at": LATER}, {"talk_ms": 1}),
    "note": ({"ref": "n1", "kind": "x", "note": "하나"}, {"note": "둘"}),
    "transfer": ({"ref": "t1", "kind": "agent", "to": "a2"}, {"to": "a3"}),
    "follow-ups": (
        {"ref": "f1", "medium": "sms", "purpose": "care", "message": "하나"}, {"message": "둘"},
    ),
    "praise": (
        {"ref": "p1", "title": "하나", "story": "하나", "author": "하나"}, {"author": "둘"},
    ),
    "resolve": ({"outcome": "answered", "resolution": "하나", "at": LATER}, {"resolution": "둘"}),
    "annul": ({"reason": "test"}, {"reason": "phantom"}),
}  # fmt: skip


@pytest.mark.parametrize("command", REPEATS)
def test_a_fact_told_otherwise_under_the_same_identity_is_a_conflict(
    client: Client, command: str
) -> None:
    path = called(client)
    said, change = REPEATS[command]
    first = client.post(f"{path}/{command}", said).json()["version"]

    again = client.post(f"{path}/{command}", said)
    other = client.post(f"{path}/{command}", said | change)

    assert (again.status_code, again.json()["version"]) == (200, first)
    assert other.status_code == 409
    assert client.get(path).json()["version"] == first


def test_a_contact_that_arrives_again_otherwise_is_a_conflict(client: Client) -> None:
    contact = {"source": "pbx", "id": "1330.42"}
    client.received(contact=contact, category="tax", question="언제 열어요?")

    known = client.post("/v1/inquiries", {"channel": "internet", "contact": contact})
    other = client.post(
        "/v1/inquiries", {"channel": "internet", "contact": contact, "category": "water"}
    )
    text = client.post(
        "/v1/inquiries", {"channel": "internet", "contact": contact, "question": "왜요?"}
    )

    assert known.status_code == 201
    assert (other.status_code, text.status_code) == (409, 409)
    assert other.json()["type"] == "urn:dasan:problem:different-fact"
    assert "category" in other.json()["detail"]


# How two inquiries belong together


def id_of(path: str) -> str:
    return path.rpartition("/")[2]


RELATIONS = [
    ("annul", {"reason": "merged"}),
    ("annul", {"reason": "duplicate"}),
    ("link", {"kind": "merged"}),
    ("link", {"kind": "repeat"}),
]


@pytest.mark.parametrize(("command", "body"), RELATIONS)
def test_nothing_belongs_to_an_inquiry_that_there_is_not(
    client: Client, command: str, body: dict[str, Any]
) -> None:
    path = client.received()

    answer = client.post(f"{path}/{command}", {**body, "other": str(uuid4())})

    assert answer.status_code == 404
    assert client.get(path).json()["version"] == 1


@pytest.mark.parametrize(("command", "body"), RELATIONS)
def test_two_inquiries_do_not_belong_to_each_other(
    client: Client, command: str, body: dict[str, Any]
) -> None:
    one, two = client.received(), client.received()
    client.post(f"{one}/{command}", {**body, "other": id_of(two)})

    answer = client.post(f"{two}/{command}", {**body, "other": id_of(one)})

    assert answer.status_code == 409
    assert client.get(two).json()["version"] == 1


def test_nothing_belongs_to_an_inquiry_that_was_annulled(client: Client) -> None:
    gone, path = client.received(), client.received()
    client.post(f"{gone}/annul", {"reason": "test"})

    merged = client.post(f"{path}/annul", {"reason": "merged", "other": id_of(gone)})
    linked = client.post(f"{path}/link", {"kind": "repeat", "other": id_of(gone)})

    assert (merged.status_code, linked.status_code) == (409, 409)


def test_of_two_that_are_merged_into_each_other_at_the_same_time_one_stays(
    client: Client,
) -> None:
    pairs = [(client.received(), client.received()) for _ in range(20)]

    def merge(both: tuple[str, str]) -> int:
        one, other = both
        body = {"reason": "merged", "other": id_of(other)}
        return client.post(f"{one}/annul", body, Idempotency_Key=f"{one}-{other}").status_code

    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(merge, [p for a, b in pairs for p in ((a, b), (b, a))]))

    assert [sorted(pair) for pair in zip(statuses[::2], statuses[1::2], strict=True)] == [
        [200, 409]
    ] * len(pairs)


def test_a_retry_of_a_merger_gets_the_first_answer(client: Client) -> None:
    one, two, three = client.received(), client.received(), client.received()
    body = {"reason": "merged", "other": id_of(two)}
    first = client.post(f"{one}/annul", body, Idempotency_Key="merger")
    client.post(f"{two}/annul", {"reason": "merged", "other": id_of(three)})

    again = client.post(f"{one}/annul", body, Idempotency_Key="merger")

    assert (again.status_code, again.json()) == (200, first.json())


# Times


DIGITS: list[object] = ["20120301", "120301090000", "1330441201", "0", "-", 1330441200, 20120301.5]


@pytest.mark.parametrize("time", DIGITS)
def test_digits_are_no_time_in_a_body(client: Client, time: object) -> None:
    path = client.received()

    received = client.post("/v1/inquiries", {"channel": "sms", "at": time})
    due = client.post("/v1/inquiries", {"channel": "sms", "due_at": time})
    replied = client.post(f"{path}/reply", {"agent": "a1", "message": "네", "at": time})

    assert [a.status_code for a in (received, due, replied)] == [422] * 3
    assert received.json()["errors"][0]["at"] == "body.at"


QUERIES = [
    ("/v1/inquiries", "received_from"), ("/v1/inquiries", "received_to"),
    ("/v1/audit/entries", "recorded_from"), ("/v1/audit/entries", "time_to"),
    ("/v1/kpi", "from"), ("/v1/kpi", "to"), ("/v1/backlog", "at"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "name"), QUERIES)
@pytest.mark.parametrize("time", ["20120301", "1330441200", "2012-W09-3"])
def test_digits_are_no_time_in_a_question(client: Client, path: str, name: str, time: str) -> None:
    assert client.get(path, **{name: time}).status_code == 422


def test_a_leap_second_is_the_last_instant_of_the_second_before(client: Client) -> None:
    path = client.received(at="2012-06-30T23:59:60Z")

    assert client.get(path).json()["received_at"] == "2012-06-30T23:59:59.999999Z"


@pytest.mark.parametrize("ahead", [timedelta(minutes=1), timedelta(minutes=-1)])
def test_the_clocks_of_services_may_differ_by_minutes(client: Client, ahead: timedelta) -> None:
    client.received(at=(datetime.now(UTC) + ahead).isoformat())


@pytest.mark.parametrize(
    "at", ["1970-01-01T00:00:12Z", "1989-12-31T23:59:59Z", "2150-01-01T00:00:00Z"]
)
def test_nothing_happened_before_its_time_or_in_the_future(client: Client, at: str) -> None:
    path = client.received()

    received = client.post("/v1/inquiries", {"channel": "sms", "at": at})
    replied = client.post(f"{path}/note", {"ref": "n", "kind": "x", "note": "네", "at": at})

    assert received.status_code == 422
    assert received.json()["type"] == "urn:dasan:problem:fact-time"
    assert replied.status_code in (409, 422)  # before the inquiry itself, in one case
    assert client.get(path).json()["version"] == 1


def test_what_is_due_lies_in_the_future(client: Client) -> None:
    client.received(due_at="2150-01-01T00:00:00Z")


# Numbers that name a person


NUMBERS = ["010-5551-3006", "01055513006", "900101-1234567"]


@pytest.mark.parametrize("number", NUMBERS)
def test_nobody_acts_under_a_number(client: Client, number: str) -> None:
    answer = client.post("/v1/inquiries", {"channel": "sms"}, Dasan_Actor=f"citizen:{number}")

    assert answer.status_code == 400
    assert number not in answer.text
    assert number not in client.get("/v1/events").text


def code_fields() -> list[tuple[str, str]]:
    """Every field of a command that stands in the clear, by path."""
    bodies: dict[str, type[BaseModel]] = {"": Receive, **COMMANDS}
    return [
        (path, name)
        for path, body in bodies.items()
        for name in body.model_fields
        if name in {"agent", "queue", "category", "district", "language", "ref", "to", "reason",
                    "kind", "from_agent", "moderator", "outcome"}
    ]  # fmt: skip


@pytest.mark.parametrize(("path", "name"), code_fields())
@pytest.mark.parametrize("number", NUMBERS)
def test_no_number_stands_in_a_clear_field(
    client: Client, path: str, name: str, number: str
) -> None:
    target = f"{client.received()}/{path}" if path else "/v1/inquiries"

    answer = client.post(target, {name: number})

    assert answer.status_code == 422
    assert f"body.{name}" in {problem["at"] for problem in answer.json()["errors"]}


def test_a_number_is_redacted_however_it_is_typed(client: Client) -> None:
    numbers = ["90.01.01-1234567", "900101ㅡ1234567", "900101\u200b-123-4567", "900101  -  1234567"]
    path = client.received(question=" / ".join(numbers))
    field = {"stream": id_of(path), "version": 1, "field": "question"}

    opened = client.post("/v1/disclosures", {"purpose": "complaint", "fields": [field]})

    assert opened.json()["fields"][0]["text"] == " / ".join(["[redacted]"] * 4)


def test_a_text_is_counted_as_it_is_kept(client: Client) -> None:
    decomposed = "\u1100\u1161" * MAX_TEXT  # 가, of two letters

    client.received(question=decomposed)
    answer = client.post("/v1/inquiries", {"channel": "sms", "question": "가" * (MAX_TEXT + 1)})

    assert answer.status_code == 422

"""What internal services are promised when they receive, command and read inquiries."""

from uuid import UUID, uuid4

import pytest

from api.bodies import MAX_DURATION_MS
from tests.api.conftest import Client

AT = "2012-02-29T09:00:00+09:00"


def test_an_inquiry_is_received_and_can_be_read_at_once(client: Client) -> None:
    path = client.received(language="ko", question="막차가 언제인가요?", at=AT)

    answer = client.get(path)

    assert answer.headers["etag"] == '"1"'
    assert answer.json()["status"] == "received"
    assert answer.json()["received_at"] == "2012-02-29T00:00:00Z"


def test_the_same_contact_never_makes_two_inquiries(client: Client) -> None:
    contact = {"source": "pbx", "id": "1330.42"}

    assert client.received(contact=contact) == client.received(contact=contact)


def test_a_command_returns_the_version_after_it(client: Client) -> None:
    path = client.received()

    answer = client.post(f"{path}/reply", {"agent": "a017", "message": "23시 40분입니다."})

    assert (answer.status_code, answer.json()["version"]) == (200, 2)
    assert answer.headers["etag"] == '"2"'


def test_a_retry_gets_the_first_answer(client: Client) -> None:
    path = client.received()
    reply = {"agent": "a017", "message": "23시 40분입니다."}

    first = client.post(f"{path}/reply", reply, Idempotency_Key="k")
    client.post(f"{path}/resolve", {"outcome": "answered", "agent": "a017"})
    again = client.post(f"{path}/reply", reply, Idempotency_Key="k")

    assert again.json() == first.json()
    assert client.get(path).json()["version"] == 3


def test_a_retry_that_is_out_of_turn_by_now_gets_the_first_answer(client: Client) -> None:
    path = client.received()
    client.post(f"{path}/reply", {"agent": "a017", "message": "네."})
    resolve = {"outcome": "answered", "agent": "a017"}

    first = client.post(f"{path}/resolve", resolve, Idempotency_Key="k")
    again = client.post(f"{path}/resolve", resolve, Idempotency_Key="k")

    assert (again.status_code, again.json()) == (200, first.json())


def test_a_retry_about_a_contact_that_was_known_gets_the_first_answer(client: Client) -> None:
    told = {"channel": "phone", "contact": {"source": "pbx", "id": "1330.42"}}
    path = client.post("/v1/inquiries", told).headers["location"]

    first = client.post("/v1/inquiries", told, Idempotency_Key="k")
    client.post(f"{path}/queue", {"queue": "general"})
    again = client.post("/v1/inquiries", told, Idempotency_Key="k")
    other = client.post("/v1/inquiries", {"channel": "sms"}, Idempotency_Key="k")

    assert again.json() == first.json()
    assert again.json()["version"] == 1
    assert other.status_code == 422


def test_the_same_key_with_another_body_is_refused(client: Client) -> None:
    client.post("/v1/inquiries", {"channel": "sms"}, Idempotency_Key="k")

    answer = client.post("/v1/inquiries", {"channel": "sns"}, Idempotency_Key="k")

    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:dasan:problem:key-reused"


def test_the_same_key_for_another_path_is_refused(client: Client) -> None:
    one, other = client.received(), client.received()
    note = {"ref": "n1", "kind": "memo", "note": "다시 전화함"}
    client.post(f"{one}/note", note, Idempotency_Key="k")

    answer = client.post(f"{other}/note", note, Idempotency_Key="k")

    assert answer.status_code == 422


@pytest.mark.parametrize("key", [None, "", "with space", "k" * 256])
def test_a_write_needs_a_key(client: Client, key: str | None) -> None:
    headers = {"Authorization": f"Bearer {client.token}"}
    if key is not None:
        headers["Idempotency-Key"] = key

    answer = client.http.post("/v1/inquiries", json={"channel": "sms"}, headers=headers)

    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.json()["detail"]


def test_a_command_out_of_turn_says_why_and_records_nothing(client: Client) -> None:
    path = client.received()

    answer = client.post(f"{path}/resolve", {"outcome": "answered"})

    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:dasan:problem:nobody-answered"
    assert client.get(path).json()["version"] == 1


def test_a_stale_version_is_refused(client: Client) -> None:
    path = client.received()
    client.post(f"{path}/classify", {"category": "traffic"})

    answer = client.post(f"{path}/classify", {"category": "water"}, If_Match='"1"')

    assert answer.status_code == 412
    assert client.get(path).json()["category"] == "traffic"


def test_the_version_that_was_read_is_accepted(client: Client) -> None:
    path = client.received()

    answer = client.post(
        f"{path}/classify", {"category": "water"}, If_Match=client.get(path).headers["etag"]
    )

    assert answer.status_code == 200


def test_there_is_no_inquiry_of_another_id(client: Client) -> None:
    for answer in (
        client.get(f"/v1/inquiries/{uuid4()}"),
        client.get(f"/v1/inquiries/{uuid4()}/events"),
        client.post(f"/v1/inquiries/{uuid4()}/annul", {"reason": "test"}),
    ):
        assert answer.status_code == 404
        assert answer.json()["type"] == "urn:dasan:problem:inquiry-not-found"


@pytest.mark.parametrize(
    ("command", "body"),
    [
        ("queue", {"queue": "막차"}),
        ("queue", {"queue": "general", "unknown": 1}),
        ("queue", {}),
        ("answer", {"agent": "a1", "waited_ms": -1}),
        ("answer", {"agent": "a1", "waited_ms": 1.5}),
        ("answer", {"agent": "a1", "waited_ms": MAX_DURATION_MS + 1}),
        ("answer", {"agent": "a1", "at": "2012-02-29T09:00:00"}),
        ("answer", {"agent": "a1", "at": "9999-12-31T23:59:59-12:00"}),
        ("answer", {"agent": "a1", "visit": 2**31}),
        ("rating", {"score": 6}),
        ("rating", {"score": "5"}),
        ("note", {"ref": "n", "kind": "memo", "note": "가" * 8_001}),
        ("note", {"ref": "900101-1234567", "kind": "memo", "note": "번호"}),
    ],
)
def test_what_is_no_such_command_is_named_field_by_field(
    client: Client, command: str, body: dict[str, object]
) -> None:
    path = client.received()

    answer = client.post(f"{path}/{command}", body)

    assert answer.status_code == 422, answer.text
    assert answer.json()["type"] == "urn:dasan:problem:invalid"
    assert all(error["at"].startswith("body.") for error in answer.json()["errors"])


@pytest.mark.parametrize("body", [b"{", b"", b"[" * 100_000, b'{"channel": "\xff"}'])
def test_a_body_that_is_no_json_is_refused(client: Client, body: bytes) -> None:
    answer = client.http.post(
        "/v1/inquiries",
        content=body,
        headers={
            "Authorization": f"Bearer {client.token}",
            "Idempotency-Key": "k",
            "Content-Type": "application/json",
        },
    )

    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_that_is_too_large_is_refused(client: Client) -> None:
    answer = client.post("/v1/inquiries", {"channel": "sms", "question": "x" * 200_000})

    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_actor_is_the_client_unless_it_names_another(client: Client) -> None:
    path = client.received()
    client.post(f"{path}/classify", {"category": "water"}, Dasan_Actor="agent:a017")

    received, classified = client.get(f"{path}/events").json()

    assert (received["actor"], classified["actor"]) == ("service:tests", "agent:a017")


def test_an_actor_of_no_known_kind_is_refused(client: Client) -> None:
    answer = client.post("/v1/inquiries", {"channel": "sms"}, Dasan_Actor="nobody:17")

    assert answer.status_code == 400


def test_the_timeline_holds_the_records_with_their_texts_sealed(client: Client) -> None:
    path = client.received(question="막차가 언제인가요?")

    [received] = client.get(f"{path}/events").json()

    assert received["type"] == "inquiry.received.v1"
    assert set(received["data"]["question"]) == {"c", "k", "n", "v"}
    assert "막차" not in str(received)


def test_a_call_passes_through_all_its_steps(client: Client) -> None:
    path = client.received(channel="phone", contact={"source": "pbx", "id": "7"}, at=AT)
    steps: list[tuple[str, dict[str, object]]] = [
        ("queue", {"queue": "general", "at": AT}),
        ("answer", {"agent": "a017", "at": "2012-02-29T09:00:12+09:00"}),
        ("transfer", {"ref": "t1", "kind": "agency", "to": "bus-company", "holds": False}),
        ("agency-reply", {"of": 4, "outcome": "found", "reply": "차고지에 있습니다."}),
        ("end", {"ended_by": "citizen", "talk_ms": 90_000}),
        ("resolve", {"outcome": "answered", "agent": "a017", "resolution": "찾음"}),
        ("follow-ups", {"ref": "f1", "medium": "sms", "purpose": "care", "message": "잘 가셨나요"}),
        ("follow-ups/8/report", {"outcome": "delivered"}),
        ("rating", {"score": 5, "comment": "고맙습니다"}),
        ("praise", {"ref": "p1", "title": "감사", "story": "가방을 찾음", "author": "장미란"}),
        ("reopen", {"reason": "new-question"}),
        ("identify", {"citizen": str(uuid4())}),
        ("link", {"other": client.received().rpartition("/")[2], "kind": "repeat"}),
        ("annul", {"reason": "test"}),
    ]

    answers = [client.post(f"{path}/{name}", body) for name, body in steps]

    assert [answer.status_code for answer in answers] == [200] * len(steps), [
        answer.text for answer in answers
    ]
    assert [answer.json()["version"] for answer in answers] == list(range(2, 16))
    assert client.get(path).json()["status"] == "annulled"


def test_a_visit_can_be_abandoned_left_or_refused(client: Client) -> None:
    path = client.received(channel="phone", contact={"source": "pbx", "id": "8"})
    steps: list[tuple[str, dict[str, object]]] = [
        ("queue", {"queue": "general"}),
        ("abandon", {}),
        ("queue", {"queue": "water"}),
        ("leave-queue", {"reason": "timeout"}),
        ("leave-queue", {"reason": "full", "queue": "tax"}),
    ]
    for name, body in steps:
        assert client.post(f"{path}/{name}", body).status_code == 200

    visits = client.get(path).json()["visits"]

    assert [visit["left"] for visit in visits] == [None, "timeout", "full"]
    assert visits[0]["abandoned"] is True


def test_ids_without_a_contact_follow_the_time(client: Client) -> None:
    ids = [UUID(client.received().rpartition("/")[2]) for _ in range(3)]

    assert [one.version for one in ids] == [7, 7, 7]
    assert ids == sorted(ids)

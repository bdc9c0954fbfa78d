"""Forgetting over HTTP: who may, what it answers, and what can be read afterwards."""

from uuid import uuid4

from api.security import Scope
from tests.api.conftest import Client, token_of

QUESTION = "막차가 언제인가요?"


def asked(client: Client, citizen: str) -> str:
    """A citizen asked; the inquiry's id."""
    return client.received(citizen=citizen, question=QUESTION).rpartition("/")[2]


def opened(client: Client, stream: str) -> int:
    """Try to read a question; the status of the answer."""
    field = {"stream": stream, "version": 1, "field": "question"}
    body = {"purpose": "complaint", "fields": [field]}
    return client.post("/v1/disclosures", body).status_code


def test_a_citizen_is_forgotten_with_a_certificate(client: Client) -> None:
    citizen, other = str(uuid4()), str(uuid4())
    inquiry, others = asked(client, citizen), asked(client, other)

    answer = client.delete(f"/v1/citizens/{citizen}", basis="pipa-36")

    certificate = answer.json()
    assert answer.status_code == 200
    assert (certificate["citizen"], certificate["basis"]) == (citizen, "pipa-36")
    assert (certificate["inquiries"], len(certificate["kids"])) == ([inquiry], 1)
    assert certificate["backups_until"] is None
    assert (opened(client, inquiry), opened(client, others)) == (410, 200)


def test_the_inquiry_stays_as_it_was_told(client: Client) -> None:
    citizen = str(uuid4())
    inquiry = asked(client, citizen)
    before = client.get(f"/v1/inquiries/{inquiry}").json()

    client.delete(f"/v1/citizens/{citizen}", basis="pipa-36")

    assert client.get(f"/v1/inquiries/{inquiry}").json() == before


def test_a_second_time_answers_the_same_and_is_no_event(client: Client) -> None:
    citizen = str(uuid4())
    asked(client, citizen)

    answers = [client.delete(f"/v1/citizens/{citizen}", basis="pipa-36") for _ in range(2)]

    assert answers[0].json() == answers[1].json()
    assert client.get("/v1/events").text.count("citizen.forgotten.v1") == 1


def test_whoever_asked_one_inquiry_is_forgotten_by_it(client: Client) -> None:
    inquiry = client.received(question=QUESTION).rpartition("/")[2]

    answer = client.delete(f"/v1/inquiries/{inquiry}/personal-data", basis="pipa-36")

    assert (answer.json()["inquiry"], answer.json()["citizen"]) == (inquiry, None)
    assert opened(client, inquiry) == 410


def test_who_is_held_is_forgotten_once_the_last_hold_is_released(client: Client) -> None:
    citizen = str(uuid4())
    inquiry = asked(client, citizen)
    held = [client.put(f"/v1/citizens/{citizen}/hold", basis=basis) for basis in ("a", "b")]

    refused = client.delete(f"/v1/citizens/{citizen}", basis="pipa-36")
    released = [client.delete(f"/v1/citizens/{citizen}/hold", basis=basis) for basis in ("a", "b")]

    assert [one.json()["holds"] for one in held + released] == [["a"], ["a", "b"], ["b"], []]
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:dasan:problem:citizen-held")
    assert "held on the basis a, b" in refused.json()["detail"]
    assert opened(client, inquiry) == 200
    assert client.delete(f"/v1/citizens/{citizen}", basis="pipa-36").status_code == 200


def test_an_inquiry_that_was_forgotten_goes_on(client: Client) -> None:
    citizen = str(uuid4())
    inquiry = asked(client, citizen)
    client.delete(f"/v1/citizens/{citizen}", basis="pipa-36")

    answer = client.post(f"/v1/inquiries/{inquiry}/reply", {"agent": "a1", "message": "네."})

    assert answer.json()["version"] == 2


def test_forgetting_needs_its_own_scope(client: Client) -> None:
    citizen = str(uuid4())
    asked(client, citizen)
    client.token = token_of(Scope.INQUIRIES_WRITE, Scope.PERSONAL_READ)

    answers = [
        client.delete(f"/v1/citizens/{citizen}", basis="pipa-36"),
        client.put(f"/v1/citizens/{citizen}/hold", basis="pipa-36"),
        client.delete(f"/v1/citizens/{citizen}/hold", basis="pipa-36"),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    client.token = token_of(Scope.PRIVACY_ERASE)
    assert client.delete(f"/v1/citizens/{citizen}", basis="pipa-36").status_code == 200


def test_a_basis_is_a_code(client: Client) -> None:
    answer = client.delete(f"/v1/citizens/{uuid4()}", basis="김철수가 부탁함")

    assert answer.status_code == 422


def test_an_inquiry_that_is_named_as_a_citizen_is_not_one(client: Client) -> None:
    victim = asked(client, str(uuid4()))
    asked(client, victim)

    held = client.put(f"/v1/citizens/{victim}/hold", basis="lawsuit")
    forgotten = client.delete(f"/v1/citizens/{victim}", basis="pipa-36")

    assert (held.status_code, forgotten.status_code) == (404, 404)
    assert client.get(f"/v1/inquiries/{victim}").status_code == 200
    assert opened(client, victim) == 200


def test_holds_are_not_read_as_the_events_of_an_inquiry(client: Client) -> None:
    citizen = str(uuid4())
    asked(client, citizen)
    client.put(f"/v1/citizens/{citizen}/hold", basis="lawsuit")

    read = client.get(f"/v1/inquiries/{citizen}/events")

    assert read.status_code == 404

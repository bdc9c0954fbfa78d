"""Requests on a condition (RFC 9110, section 13): what a client has seen, by its entity tag."""

import pytest

from tests.api.conftest import Client

CITIZEN = "0191b1c2-0000-7000-8000-000000000000"
FIELD = {"stream": CITIZEN, "version": 1, "field": "question"}


@pytest.fixture
def path(client: Client) -> str:
    """The path of an inquiry at version 2."""
    path = client.received()
    client.post(f"{path}/classify", {"category": "traffic"})
    return path


@pytest.mark.parametrize("seen", ['"2"', '"1", "2"', '"2","1"', ' , "2" ,', 'W/"1", "2"', "*"])
def test_a_decision_on_the_version_that_is_there_is_accepted(
    client: Client, path: str, seen: str
) -> None:
    answer = client.post(f"{path}/classify", {"category": "water"}, If_Match=seen)

    assert (answer.status_code, answer.headers["etag"]) == (200, '"3"')


@pytest.mark.parametrize("seen", ['"1"', '"1", "3"', 'W/"2"', '"02"', '"theirs"', '""', '"1,2"'])
def test_a_decision_on_no_version_that_is_there_is_stale(
    client: Client, path: str, seen: str
) -> None:
    answer = client.post(f"{path}/classify", {"category": "water"}, If_Match=seen)

    assert answer.status_code == 412
    assert answer.json()["type"] == "urn:dasan:problem:stale-version"
    assert client.get(path).json()["category"] == "traffic"


@pytest.mark.parametrize("seen", ["2", '"2', '2"', 'w/"2"', '*, "2"', '"1" "2"', '"2 "', "", ","])
@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
def test_what_is_no_entity_tag_is_refused(
    client: Client, path: str, header: str, seen: str
) -> None:
    headers = {"Authorization": f"Bearer {client.token}", "Idempotency-Key": "k", header: seen}

    answer = (
        client.http.get(path, headers=headers)
        if header == "If-None-Match"
        else client.http.post(f"{path}/classify", json={"category": "water"}, headers=headers)
    )

    assert answer.status_code == 400
    assert header in answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "of", "body"),
    [
        ("POST", "/v1/inquiries", {"channel": "sms"}),
        ("DELETE", "{path}/personal-data?basis=asked", None),
        ("DELETE", f"/v1/citizens/{CITIZEN}?basis=asked", None),
        ("PUT", f"/v1/citizens/{CITIZEN}/hold?basis=court", None),
        ("DELETE", f"/v1/citizens/{CITIZEN}/hold?basis=court", None),
        ("POST", "/v1/disclosures", {"purpose": "complaint", "fields": [FIELD]}),
    ],
)
def test_what_has_no_version_is_not_at_one(
    client: Client, path: str, method: str, of: str, body: dict[str, object] | None
) -> None:
    before = client.get("/v1/events").content
    headers = {"Authorization": f"Bearer {client.token}", "Idempotency-Key": "k"}

    answer = client.http.request(
        method, of.format(path=path), json=body, headers=headers | {"If-Match": '"2"'}
    )

    assert answer.status_code == 412
    assert client.get("/v1/events").content == before


def test_several_lines_of_a_header_are_one_list(client: Client, path: str) -> None:
    sent = [
        ("Authorization", f"Bearer {client.token}"),
        ("Idempotency-Key", "k"),
        ("If-Match", '"1"'),
        ("If-Match", '"2"'),
    ]

    answer = client.http.post(f"{path}/classify", json={"category": "water"}, headers=sent)

    assert answer.status_code == 200


@pytest.mark.parametrize("known", ['"2"', 'W/"2"', '"1", W/"2"', "*"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_is_known_is_not_sent_again(
    client: Client, path: str, method: str, known: str
) -> None:
    headers = {"Authorization": f"Bearer {client.token}", "If-None-Match": known}

    answer = client.http.request(method, path, headers=headers)

    assert (answer.status_code, answer.headers["etag"], answer.content) == (304, '"2"', b"")


@pytest.mark.parametrize("known", ['"1"', '"1", W/"3"', '"theirs"'])
def test_what_is_not_known_is_sent(client: Client, path: str, known: str) -> None:
    headers = {"Authorization": f"Bearer {client.token}", "If-None-Match": known}

    answer = client.http.get(path, headers=headers)

    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    assert answer.json()["version"] == 2


def test_a_file_of_the_documentation_that_is_known_is_not_sent_again(client: Client) -> None:
    asset = "/docs/assets/swagger-ui.css"
    known = client.http.get(asset).headers["etag"]

    answer = client.http.get(asset, headers={"If-None-Match": f'"other", W/{known}'})

    assert (answer.status_code, answer.headers["etag"], answer.content) == (304, known, b"")

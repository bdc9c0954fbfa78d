"""Personal texts: opened for a purpose, and shown on the board once they are published."""

from uuid import uuid4

from tests.api.conftest import Client
from tests.api.waiting import caught_up

QUESTION = "막차가 언제인가요?"


def asked(client: Client) -> str:
    return client.received(question=QUESTION).rpartition("/")[2]


def field(stream: str, name: str = "question", version: int = 1) -> dict[str, object]:
    return {"stream": stream, "version": version, "field": name}


def disclosures(client: Client) -> list[str]:
    return [e for e in client.get("/v1/events").text.splitlines() if '"disclosure.made.v1"' in e]


def test_a_sealed_text_is_opened_for_a_purpose_and_that_is_an_event(client: Client) -> None:
    stream = asked(client)

    answer = client.post("/v1/disclosures", {"purpose": "complaint", "fields": [field(stream)]})

    assert answer.json()["fields"] == [{**field(stream), "text": QUESTION}]
    [event] = disclosures(client)
    assert stream in event
    assert '"purpose":"complaint"' in event


def test_each_time_that_texts_are_read_is_an_event(client: Client) -> None:
    body = {"purpose": "complaint", "fields": [field(asked(client))]}

    first = client.post("/v1/disclosures", body, Idempotency_Key="k")
    again = client.post("/v1/disclosures", body, Idempotency_Key="k")

    assert again.json()["fields"] == first.json()["fields"]
    assert len(disclosures(client)) == 2


def test_texts_are_not_read_under_the_key_of_another_actor(client: Client) -> None:
    body = {"purpose": "complaint", "fields": [field(asked(client))]}
    client.post("/v1/disclosures", body, Idempotency_Key="k", Dasan_Actor="agent:a017")

    other = client.post("/v1/disclosures", body, Idempotency_Key="k", Dasan_Actor="agent:a018")

    assert other.status_code == 422
    assert len(disclosures(client)) == 1


def test_the_client_is_named_beside_the_actor(client: Client) -> None:
    body = {"purpose": "complaint", "fields": [field(asked(client))]}

    client.post("/v1/disclosures", body, Dasan_Actor="agent:a017")

    [event] = disclosures(client)
    assert '"actor":"agent:a017"' in event
    assert '"client":"tests"' in event


def test_what_is_not_sealed_or_not_there_is_not_opened(client: Client) -> None:
    stream = asked(client)
    for wrong in (
        field(stream, "channel"),
        field(stream, "place"),
        field(stream, version=2),
        field(str(uuid4())),
    ):
        answer = client.post("/v1/disclosures", {"purpose": "complaint", "fields": [wrong]})

        assert answer.status_code == 404

    assert disclosures(client) == []


def praised(client: Client) -> str:
    """An inquiry was answered and praised; its story waits for the moderator."""
    path = client.received()
    client.post(f"{path}/reply", {"agent": "a017", "message": "23시 40분입니다."})
    praise = {"ref": "p", "title": "감사합니다", "story": "막차를 탔어요", "author": "김철수"}
    version = client.post(f"{path}/praise", {**praise, "agent": "a017"}).json()["version"]
    return f"{path.rpartition('/')[2]}.{version}"


def board(client: Client) -> list[dict[str, object]]:
    caught_up(client)
    stories: list[dict[str, object]] = client.http.get("/v1/praise").json()["stories"]
    return stories


def test_a_story_is_on_the_board_once_it_is_published(client: Client) -> None:
    story = praised(client)
    before = board(client)

    answer = client.post(f"/v1/praise/{story}/publication", {"moderator": "m1"})

    assert (before, answer.status_code) == ([], 200)
    [shown] = board(client)
    assert (shown["title"], shown["author"], shown["agent"]) == ("감사합니다", "김○○", "a017")


def test_the_moderators_words_are_shown_in_place_of_the_authors(client: Client) -> None:
    story = praised(client)

    client.post(f"/v1/praise/{story}/publication", {"moderator": "m1", "story": "이름을 뺀 이야기"})

    assert board(client)[0]["story"] == "이름을 뺀 이야기"


def test_a_withdrawn_story_leaves_the_board(client: Client) -> None:
    story = praised(client)
    client.post(f"/v1/praise/{story}/publication", {"moderator": "m1"})

    answer = client.delete(f"/v1/praise/{story}/publication", moderator="m1", reason="asked")

    assert answer.status_code == 200
    assert board(client) == []


def test_the_board_has_pages(client: Client) -> None:
    stories = [praised(client) for _ in range(3)]
    for story in stories:
        client.post(f"/v1/praise/{story}/publication", {"moderator": "m1"})
    caught_up(client)

    first = client.http.get("/v1/praise", params={"limit": 2}).json()
    second = client.http.get("/v1/praise", params={"limit": 2, "after": first["next"]}).json()

    assert [one["id"] for one in first["stories"] + second["stories"]] == stories[::-1]
    assert second["next"] is None


def test_there_is_no_story_of_another_id(client: Client) -> None:
    answer = client.post(f"/v1/praise/{uuid4()}.1/publication", {"moderator": "m1"})

    assert answer.status_code == 404

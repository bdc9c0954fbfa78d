"""The press release's four stories over HTTP, by a client that knows the OpenAPI document only.

It finds each operation by its id, holds what it sends and what it gets against the schemas there,
and goes on with what the answers say.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any

import httpx2 as httpx
import pytest
from jsonschema_rs import Draft202012Validator

from api.security import Scope
from tests.api.conftest import token_of


class Reader:
    """A client that has read the document at a URL."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self._document = http.get("/openapi.json").json()
        self._keys = count(1)
        self._operations = {
            operation["operationId"]: (method, path, operation)
            for path, operations in self._document["paths"].items()
            for method, operation in operations.items()
        }

    def call(self, operation_id: str, body: Any = None, **values: Any) -> Any:
        method, path, operation = self._operations[operation_id]
        named = {parameter["name"]: parameter for parameter in operation.get("parameters", ())}
        headers, query = {}, {}
        for name, value in values.items():
            if named[name]["in"] == "path":
                path = path.replace(f"{{{name}}}", str(value))
            else:
                query[name] = value
        if "idempotency-key" in named:
            headers["Idempotency-Key"] = f"story-{next(self._keys)}"
        if body is not None:
            self._hold(body, operation["requestBody"]["content"]["application/json"]["schema"])
        answer = self._http.request(method, path, json=body, params=query, headers=headers)
        described = operation["responses"][str(answer.status_code)]
        assert answer.status_code < 300, answer.text
        self._hold(answer.json(), described["content"]["application/json"]["schema"])
        return answer.json()

    def _hold(self, value: Any, schema: dict[str, Any]) -> None:
        whole = {**schema, "components": self._document["components"]}
        Draft202012Validator(whole).validate(value)


@pytest.fixture
def reader(url: str) -> Iterator[Reader]:
    headers = {"Authorization": f"Bearer {token_of(Scope.ADMIN)}"}
    with httpx.Client(base_url=url, headers=headers) as http:
        yield Reader(http)


class Story:
    """One inquiry that a story is about."""

    def __init__(self, reader: Reader, number: str, **received: Any) -> None:
        self._reader = reader
        contact = {"source": "pbx", "id": number}
        told = {"channel": "phone", "contact": contact, **received}
        self.id = reader.call("receive", told)["id"]

    def tell(self, step: str, **body: Any) -> int:
        version: int = self._reader.call(step, body, inquiry_id=self.id)["version"]
        return version

    def answered(self, agent: str) -> None:
        self.tell("queue", queue="general")
        self.tell("answer", agent=agent)

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self._reader.call("state", inquiry_id=self.id)
        return state


def test_a_money_bag_left_on_a_bus_is_found(reader: Reader) -> None:
    story = Story(reader, "1", question="버스에 돈 가방을 두고 내렸어요")
    story.answered("a017")

    asked = story.tell("transfer", ref="t1", kind="agency", to="bus-company", holds=False)
    story.tell("agency-reply", of=asked, outcome="found", reply="차고지에 있으니 찾아가세요")
    story.tell("end", ended_by="citizen", talk_ms=240_000)
    story.tell("resolve", outcome="answered", agent="a017")
    praise = story.tell(
        "praise", ref="p1", title="돈 가방을 찾았어요", story="세금이 아깝지 않아요",
        author="장미란", agent="a017",
    )  # fmt: skip
    reader.call("publish", {"moderator": "m1"}, story_id=f"{story.id}.{praise}")

    state = story.state
    assert (state["status"], state["holder"]) == ("resolved", "a017")
    assert state["transfers"][0]["outcome"] == "found"
    assert state["praises"][0]["published"] is True


def test_an_old_woman_gets_a_dog(reader: Reader) -> None:
    story = Story(reader, "2", question="너무 적적해서 개를 키우고 싶어요")
    story.answered("a120")

    for number, (agency, outcome) in enumerate(
        [("shelter", "none"), ("animal-hospital", "none"), ("gangdong", "adoption")]
    ):
        asked = story.tell("transfer", ref=f"t{number}", kind="agency", to=agency, holds=False)
        story.tell("agency-reply", of=asked, outcome=outcome)
    story.tell("end", ended_by="agent")
    story.tell("resolve", outcome="answered", agent="a120", resolution="구청의 분양 사업")
    story.tell("rating", score=5, comment="새 식구가 생겨 기쁘다")

    state = story.state
    assert [transfer["outcome"] for transfer in state["transfers"]] == ["none", "none", "adoption"]
    assert state["resolutions"][0]["score"] == 5


def test_a_night_traveller_catches_the_last_bus_and_is_asked_after(reader: Reader) -> None:
    story = Story(reader, "3", question="막차가 있나요?")
    story.answered("a203")
    story.tell("end", ended_by="citizen")
    story.tell("resolve", outcome="answered", agent="a203")

    sent = story.tell(
        "follow-ups", ref="f1", medium="sms", purpose="care", message="잘 들어가셨는지요"
    )
    reader.call("report_follow_up", {"outcome": "delivered"}, inquiry_id=story.id, version=sent)

    assert story.state["follow_ups"] == [
        {**story.state["follow_ups"][0], "version": sent, "outcome": "delivered"}
    ]


def test_japanese_visitors_get_the_new_address_after_the_call(reader: Reader) -> None:
    story = Story(reader, "4", language="ja", question="기획사를 찾고 있어요")
    story.answered("a311")
    story.tell("end", ended_by="citizen")
    before = story.state["status"]

    story.tell(
        "follow-ups", ref="f1", medium="sms", purpose="information", message="청담동으로 옮겼습니다"
    )
    story.tell("resolve", outcome="answered", agent="a311")

    assert before == "received"
    assert story.state["status"] == "resolved"

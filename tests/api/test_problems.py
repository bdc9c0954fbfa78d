"""Bad input over HTTP: every problem that the service knows, provoked once."""

import re
import threading
from collections.abc import Iterator

import httpx2 as httpx
import pytest

from api import service
from api.__main__ import document
from api.app import create_app
from api.problems import HTTP_STATUS, MEDIA_TYPE, OTHERS, TITLES, URN, names
from api.security import Scope
from eventlog.log import Patience
from tests.api.conftest import TOKENS, Client, serving, token_of
from tests.api.provoking import PROVOKE, SHORT_S, Place, short_patience
from tests.conftest import Servers

STATUS = {name: status for status in {*HTTP_STATUS.values(), *OTHERS} for name in names(status)}

INVALID_FIRST = {"score", "vocabulary"}
"""Rules of the domain that the bodies state, too, so that `invalid` is the answer."""


@pytest.fixture(scope="module")
def place(servers: Servers) -> Iterator[Place]:
    with (
        servers.database("problems") as database,
        pytest.MonkeyPatch.context() as patch,
        database.connect_as_owner() as owner,
    ):
        patch.setattr(service, "PATIENCE", Patience(connection_s=5.0, statement_ms=1_000))
        app = create_app(servers.settings, database, servers.keys, TOKENS)
        with serving(app) as url, httpx.Client(base_url=url, timeout=60) as http:
            yield Place(Client(http, token_of(Scope.ADMIN)), owner)


@pytest.mark.parametrize("name", PROVOKE)
def test_each_problem_is_a_document_of_its_type(place: Place, name: str) -> None:
    answer = PROVOKE[name](place)

    problem = answer.json()
    assert (problem["type"], answer.status_code) == (URN + name, STATUS[name])
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert problem["status"] == answer.status_code
    assert problem["title"]
    assert problem["detail"]


def test_every_problem_that_the_service_knows_is_provoked() -> None:
    assert PROVOKE.keys() | INVALID_FIRST == STATUS.keys()


def test_the_document_names_no_other_problems() -> None:
    named = set(re.findall(rf"{URN}([a-z-]+)", document().decode()))

    assert named <= STATUS.keys()
    assert STATUS.keys() - named == {"method-not-allowed", "unforeseen", "vault"}


def test_titles_are_those_of_the_standard_whatever_python_calls_them(place: Place) -> None:
    assert PROVOKE["too-large"](place).json()["title"] == "Content Too Large"
    assert PROVOKE["invalid"](place).json()["title"] == "Unprocessable Content"
    assert TITLES.keys() == set(STATUS.values())


@pytest.mark.parametrize(
    ("command", "body"),
    [
        ("rating", {"score": 6}),
        ("note", {"ref": "no code", "kind": "memo", "note": "다시 전화함"}),
        ("note", {"ref": "n1", "kind": "memo", "note": "가" * 8_001}),
    ],
)
def test_what_a_body_cannot_hold_is_said_by_field(
    place: Place, command: str, body: dict[str, object]
) -> None:
    answer = place.tell(place.inquiry(), command, **body)

    assert answer.json()["type"] == URN + "invalid"
    assert answer.json()["errors"]


def test_a_question_that_takes_too_long_is_to_be_narrowed(place: Place) -> None:
    assert "narrow it" in PROVOKE["too-slow"](place).json()["detail"]


def test_a_command_that_takes_too_long_is_carried_out_once_when_it_is_sent_again(
    place: Place,
) -> None:
    path, note = place.inquiry(), {"ref": "n1", "kind": "memo", "note": "다시 전화함"}
    with place.locked("log_head", "ACCESS EXCLUSIVE"), short_patience():
        late = place.client.post(f"{path}/note", note, Idempotency_Key="late")

    again = place.client.post(f"{path}/note", note, Idempotency_Key="late")

    assert (late.status_code, late.json()["type"]) == (503, URN + "too-slow")
    assert "same Idempotency-Key" in late.json()["detail"]
    assert late.headers["retry-after"] == "1"
    assert (again.status_code, again.json()["version"]) == (200, 2)
    assert place.client.get(path).json()["version"] == 2


def test_a_stream_goes_on_for_longer_than_an_answer_may_take(place: Place) -> None:
    headers = {"Authorization": f"Bearer {place.client.token}"}
    with (
        short_patience(),
        place.client.http.stream("GET", "/v1/events/stream", headers=headers) as stream,
    ):
        lines = stream.iter_lines()
        threading.Event().wait(2 * SHORT_S)  # this is what is promised: time passes
        path = place.inquiry()

        assert any(path.rpartition("/")[2] in line for line in lines)


def test_whoever_sends_no_body_in_time_is_hung_up_on(place: Place) -> None:
    assert PROVOKE["request-timeout"](place).headers["connection"] == "close"


def test_whoever_met_what_was_unforeseen_is_told_that_the_connection_ends(place: Place) -> None:
    assert PROVOKE["unforeseen"](place).headers["connection"] == "close"

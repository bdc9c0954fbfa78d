"""The published KPIs over REST."""

from collections.abc import Iterator
from datetime import datetime
from http import HTTPStatus
from typing import Any

import pytest

from api.security import Scope
from eventlog.database import Database
from eventlog.log import assembled
from projections.question import Question
from tests.api.conftest import Client, token_of
from tests.conftest import Servers
from tests.projections.calls import MIDNIGHT, NEXT_MIDNIGHT, SEOUL, abandoned, answered
from tests.projections.city import City
from tests.projections.published import publish

PATH = "/v1/audit/statements"
BY_QUEUE = Question(
    MIDNIGHT, NEXT_MIDNIGHT, SEOUL, ("day", "queue"), {"queue": ("general", "")}, threshold_s=20
)


@pytest.fixture
def city(servers: Servers, database: Database) -> Iterator[City]:
    """The city of the service's database, with seven events."""
    with (
        assembled(servers.settings, database, servers.keys) as log,
        log.database.connect() as connection,
    ):
        city = City(log, connection)
        city.tell(answered(MIDNIGHT), abandoned(MIDNIGHT))
        yield city


def page(client: Client, **params: Any) -> dict[str, Any]:
    answer = client.get(PATH, **params)
    assert answer.status_code == HTTPStatus.OK, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_statement_is_listed_with_what_it_is_of(client: Client, city: City) -> None:
    made = publish(city, BY_QUEUE)

    [told] = page(client)["statements"]

    assert (told["position"], told["id"], told["of_position"]) == (8, made.id, 7)
    assert (told["root"], told["digest"]) == (made.root, made.digest)
    assert (told["actor"], told["city"]) == ("service:publish", "Asia/Seoul")
    assert told["question"].pop("threshold_s") == 20
    assert told["question"] == {
        "from": "2012-02-28T15:00:00Z",
        "to": "2012-02-29T15:00:00Z",
        "timezone": "Asia/Seoul",
        "by": ["day", "queue"],
        "filters": {"queue": ["general", ""]},
        "short_s": 5,
    }
    assert datetime.fromisoformat(told["recordedtime"]).tzinfo


def test_its_rows_are_those_of_the_kpi_answer_less_the_ratios(client: Client, city: City) -> None:
    publish(city, BY_QUEUE)

    [told] = page(client)["statements"]

    asked = {"by": "day,queue", "queue": ["general", ""], "threshold": 20}
    shown = client.get("/v1/kpi", **asked, **{"from": "2012-02-29", "to": "2012-03-01"}).json()
    assert len(told["rows"]) == len(shown["rows"]) == 2
    for said, row in zip(told["rows"], shown["rows"], strict=True):
        assert said == {name: row[name] for name in said}
        assert {"from", "to", "queue", "offered", "answered_within"} <= said.keys()


def test_rows_that_are_not_in_the_statement_are_null(client: Client, city: City) -> None:
    year = Question(MIDNIGHT, MIDNIGHT.replace(month=12, day=31), SEOUL, ("day",))
    publish(city, year)

    [told] = page(client)["statements"]

    assert (told["rows"], told["row_count"]) == (None, len(year.buckets()))


def test_pages_follow_each_other_and_past_the_end_there_are_none(
    client: Client, city: City
) -> None:
    for _ in range(3):
        publish(city, BY_QUEUE)

    first = page(client, limit=2)
    second = page(client, limit=2, after=first["next"])

    assert [one["position"] for one in first["statements"]] == [8, 9]
    assert [one["position"] for one in second["statements"]] == [10]
    assert second["next"] is None
    assert page(client, after=10) == {"statements": [], "next": None}


def test_it_is_for_auditors(client: Client) -> None:
    assert client.http.get(PATH).status_code == HTTPStatus.UNAUTHORIZED
    client.token = token_of(Scope.KPI_READ)
    assert client.get(PATH).status_code == HTTPStatus.FORBIDDEN
    client.token = token_of(Scope.AUDIT_READ)
    assert page(client) == {"statements": [], "next": None}


@pytest.mark.parametrize("params", [{"limit": 0}, {"limit": 101}, {"after": -1}])
def test_wrong_parameters_are_refused(client: Client, params: dict[str, int]) -> None:
    assert client.get(PATH, **params).json()["type"] == "urn:dasan:problem:invalid"

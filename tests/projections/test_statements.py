"""What a statement says of an answer, and the text that its digest is of."""

import hashlib
import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
import rfc8785

from cli.publishing import published
from domain.publishing import statements_of
from domain.vocabulary import VocabularyError, code
from eventlog.reader import read
from eventlog.record import decode
from eventlog.tree import root
from projections.answer import answer
from projections.question import Question, QuestionError
from projections.statements import MAX_FILTERS, digest_of, question_of, text_of
from tests.projections.calls import MIDNIGHT, NEXT_MIDNIGHT, SEOUL, abandoned, answered
from tests.projections.city import City
from tests.projections.published import publish, signer

DOCUMENTED = Path(__file__).parents[2] / "docs" / "statements.md"
YEAR = timedelta(days=365)
DAY = Question(MIDNIGHT, NEXT_MIDNIGHT, SEOUL)


def statement(city: City, question: Question, as_of: int | None = None) -> Any:
    """Publish a question's answer; return the data of the statement, as it is in the log."""
    position = publish(city, question, as_of).position
    [stored] = read(city.connection, after=position - 1, limit=1)
    return orjson.loads(stored.record)["data"]


def test_it_says_what_was_answered_of_which_log(city: City) -> None:
    city.tell(answered(MIDNIGHT), abandoned(MIDNIGHT))

    told = statement(city, DAY)

    assert (told["position"], told["row_count"]) == (7, 1)
    assert told["root"] == root(one.record for one in read(city.connection, after=0)[:7]).hex()
    [row] = told["rows"]
    assert (row["begin"], row["labels"]) == ("2012-02-28T15:00:00.000000Z", [])
    sums = dict(zip(told["names"], row["sums"], strict=True))
    assert (sums["offered"], sums["answered"], sums["abandoned"]) == (2, 1, 1)


def test_what_is_not_known_is_null(city: City) -> None:
    city.tell(answered(MIDNIGHT, category=code("water")), abandoned(MIDNIGHT, "taxes"))

    told = statement(city, Question(MIDNIGHT, NEXT_MIDNIGHT, SEOUL, ("category", "queue")))

    rows = [(row["labels"], row["sums"][told["names"].index("received")]) for row in told["rows"]]
    assert (["water", "general"], None) in rows
    assert ([None, "taxes"], None) in rows
    assert (["water", None], 1) in rows


def test_an_earlier_moment_has_its_own_root(city: City) -> None:
    city.tell(answered(MIDNIGHT), abandoned(MIDNIGHT))

    told = statement(city, DAY, as_of=4)

    assert told["position"] == 4
    assert told["root"] == root(one.record for one in read(city.connection, after=0)[:4]).hex()
    assert told["rows"][0]["sums"][told["names"].index("abandoned")] == 0


def test_the_digest_is_of_the_rows_as_they_stand_in_the_record(city: City) -> None:
    city.tell(answered(MIDNIGHT, language=code("ko")), abandoned(MIDNIGHT))
    position = publish(city, Question(MIDNIGHT, NEXT_MIDNIGHT, SEOUL, ("day", "language"))).position

    [stored] = read(city.connection, after=position - 1, limit=1)

    fact = decode(stored.record)
    text = text_of(fact.rows)
    assert b'"rows":' + text in stored.record
    assert rfc8785.dumps(orjson.loads(stored.record)["data"]["rows"]) == text
    assert fact.digest == hashlib.sha256(text).hexdigest()


def test_rows_that_are_too_long_are_left_out_and_digested(city: City) -> None:
    city.tell(answered(MIDNIGHT))

    told = statement(city, Question(MIDNIGHT, MIDNIGHT + YEAR, SEOUL, ("day",)))

    assert told["rows"] is None
    assert told["row_count"] == YEAR.days
    assert len(told["digest"]) == 64


@pytest.mark.parametrize(
    "question",
    [
        DAY,
        Question(MIDNIGHT, NEXT_MIDNIGHT, SEOUL, ("hour", "queue"), {"language": ("ko", "")}),
        Question(
            MIDNIGHT, NEXT_MIDNIGHT, ZoneInfo("America/Argentina/Buenos_Aires"), ("agent",),
            {"channel": ("phone", "sms")}, threshold_s=20, short_s=10,
        ),
    ],
)  # fmt: skip
def test_the_question_is_in_it(city: City, question: Question) -> None:
    city.tell(answered(MIDNIGHT))
    position = publish(city, question).position

    [stored] = read(city.connection, after=position - 1, limit=1)

    assert question_of(decode(stored.record)) == question


def test_the_longest_question_has_room(city: City) -> None:
    values = tuple(f"{number:03}".ljust(64, "x") for number in range(MAX_FILTERS))

    told = statement(city, Question(MIDNIGHT, NEXT_MIDNIGHT, SEOUL, filters={"queue": values}))

    assert len(told["filters"]) == MAX_FILTERS


def test_a_question_that_is_too_long_is_refused_and_nothing_published(city: City) -> None:
    values = tuple(map(str, range(MAX_FILTERS + 1)))

    with pytest.raises(QuestionError, match="names 101 labels, and a statement 100 at most"):
        publish(city, Question(MIDNIGHT, NEXT_MIDNIGHT, SEOUL, filters={"queue": values}))

    assert city.position == 0


def test_a_question_that_names_a_person_is_not_published(city: City) -> None:
    question = Question(MIDNIGHT, NEXT_MIDNIGHT, SEOUL, filters={"queue": ("kim@seoul.go.kr",)})

    with pytest.raises(VocabularyError, match="mail address"):
        publish(city, question)

    assert city.position == 0


def test_statements_are_numbered_in_one_stream(city: City) -> None:
    made = [publish(city, DAY) for _ in range(3)]

    stream = statements_of(city.log.settings.source)
    assert [one.id for one in made] == [f"{stream}/{number}" for number in (1, 2, 3)]
    assert [one.position for one in made] == [1, 2, 3]


def test_who_publishes_at_once_gets_a_number_each(city: City) -> None:
    city.tell(answered(MIDNIGHT))
    told = answer(city.connection, DAY)
    signer(city)  # makes its key, which threads of one process must not do at once

    def publish_once(_: int) -> str:
        with city.log.database.connect() as own:
            return published(city.log, own, DAY, told).id

    with ThreadPoolExecutor(8) as threads:
        made = {*threads.map(publish_once, range(24))}

    stream = statements_of(city.log.settings.source)
    assert made == {f"{stream}/{number}" for number in range(1, 25)}


def test_the_views_count_nothing_of_a_statement(city: City) -> None:
    city.tell(answered(MIDNIGHT))
    before = city.kpi()

    publish(city, DAY)
    city.catch_up()

    assert city.kpi() == before
    assert city.positions() == dict.fromkeys(city.positions(), city.position)


def test_the_documented_example_is_true() -> None:
    words = DOCUMENTED.read_text("utf-8")
    found = re.search(r"^    (\[\{.*\}\])\n", words, re.MULTILINE)
    digest = re.search(r"^    ([0-9a-f]{64})\n", words, re.MULTILINE)
    program = re.search(r"^    import hashlib, json\n(?:    .*\n)+", words, re.MULTILINE)
    assert found
    assert digest
    assert program

    data = {"rows": json.loads(found[1])}
    scope: dict[str, Any] = {"record": json.dumps({"data": data})}
    exec(re.sub("^    ", "", program[0], flags=re.MULTILINE), scope)  # noqa: S102 - it is ours

    assert rfc8785.dumps(data["rows"]).decode() == found[1]
    assert digest_of(found[1].encode()) == digest[1] == scope["digest"]

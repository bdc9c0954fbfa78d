"""Figures as they were known: at any position of the log they are what the tables held there."""

from datetime import datetime, timedelta
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.vocabulary import AnnulReason, code
from eventlog.archive import Archive
from eventlog.reader import read
from projections.answer import Answer, answers
from projections.as_of import Moment, moment_at, moment_of, position_or_time
from projections.asking import ask, from_history
from projections.asking_history import Past, TooLongError
from projections.question import Question, QuestionError
from projections.runner import Runner
from projections.sealing import seal
from tests.projections.calls import MIDNIGHT, NEXT_MIDNIGHT, SEOUL, abandoned, answered
from tests.projections.city import City
from tests.projections.histories import History, histories
from tests.projections.test_split import recorded

HOUR = timedelta(hours=1)
NOON = MIDNIGHT + 12 * HOUR
TICK = timedelta.resolution
UNHURRIED = settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.too_slow])
EVER = (MIDNIGHT - timedelta(days=2), MIDNIGHT + timedelta(days=60))

QUESTIONS = [
    Question(*EVER, SEOUL, ("total",), threshold_s=17, short_s=1),
    Question(*EVER, SEOUL, ("hour", "queue", "language")),
    Question(*EVER, SEOUL, ("day", "category", "district"), {"channel": ("phone", "sms")}),
    Question(*EVER, SEOUL, ("month", "agent")),
    Question(*EVER, SEOUL, ("agency", "category")),
    Question(MIDNIGHT, NOON, SEOUL, ("channel",), {"language": ("a", "")}, threshold_s=60),
]
"""What the view's tables can answer, each from another of them."""


@pytest.fixture
def past(city: City, tmp_path: Path) -> Past:
    """The history of a city whose archive is empty."""
    return Past(city.connection, Archive(str(tmp_path)), "Asia/Seoul")


@pytest.fixture(scope="module")
def old_past(old_city: City, tmp_path_factory: pytest.TempPathFactory) -> Past:
    """The history of a city that the examples of a property share."""
    folder = tmp_path_factory.mktemp("archive")
    return Past(old_city.connection, Archive(str(folder)), "Asia/Seoul")


def known_at(past: Past, position: int, question: Question) -> Answer:
    """Return the answer as of a position."""
    [told] = from_history(past, [question], position, with_history=False)
    return told


def day(past: Past, as_of: int | None = None) -> Answer:
    """Ask for the 29th of February, as of a position."""
    moment = None if as_of is None else moment_at(past.connection, as_of)
    [told] = ask(past, [Question(MIDNIGHT, NEXT_MIDNIGHT, SEOUL)], as_of=moment)
    return told


# Moments


@pytest.fixture
def times(city: City) -> list[datetime]:
    """When each event of a log was recorded, which holds several of one time."""
    city.tell(answered(NOON), abandoned(NOON))
    city.tell(answered(NOON))
    records = [orjson.loads(stored.record) for stored in read(city.connection, after=0)]
    return [datetime.fromisoformat(record["recordedtime"]) for record in records]


def test_a_time_is_the_last_position_that_was_recorded_by_then(
    city: City, times: list[datetime]
) -> None:
    for at in times:
        for asked in (at - TICK, at, at + TICK):
            last = sum(recorded <= asked for recorded in times)

            assert moment_of(city.connection, asked).position == last


def test_a_moment_says_when_its_position_was_recorded(city: City, times: list[datetime]) -> None:
    for position, at in enumerate(times, start=1):
        assert moment_of(city.connection, position) == Moment(position, at)


def test_before_the_first_event_is_position_0(city: City, times: list[datetime]) -> None:
    nothing = Moment(0, None)

    assert moment_of(city.connection, times[0] - TICK) == nothing
    assert moment_of(city.connection, 0) == nothing
    assert nothing.as_json() == {"position": 0, "recordedtime": None}


def test_a_position_that_the_log_has_not_come_to_is_refused(
    city: City, times: list[datetime]
) -> None:
    assert moment_of(city.connection, len(times)).position == len(times)
    with pytest.raises(QuestionError, match=f"no position {len(times) + 1} yet: its last one is "):
        moment_of(city.connection, len(times) + 1)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("0", 0),
        ("20120229", 20_120_229),
        ("9" * 5_000, int("9" * 20)),
        ("2012-02-29", MIDNIGHT),
        ("2012-02-29T12:00+09:00", NOON),
    ],
)
def test_digits_are_a_position_and_anything_else_a_time(text: str, asked: int | datetime) -> None:
    assert position_or_time(text, SEOUL) == asked


@pytest.mark.parametrize("text", ["", "-1", "٣", "yesterday"])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(QuestionError, match="is no date or time"):
        position_or_time(text, SEOUL)


# Answers


def test_the_answer_of_then_has_that_of_now_beside_it(city: City, past: Past) -> None:
    phantom = answered(NOON)
    city.tell(phantom)
    before = city.position
    phantom.annul(reason=AnnulReason.PHANTOM, at=NOON + HOUR)
    city.tell(phantom)

    told = day(past, as_of=before)

    assert told.rows[0].sums["answered"] == 1
    assert told.position == before
    assert told.as_of == moment_at(city.connection, before)
    assert told.known_now == day(past)
    assert told.known_now.rows[0].sums["answered"] == 0
    document = told.as_json()
    assert document["as_of"].keys() == {"position", "recordedtime"}
    assert document["known_now"]["position"] == before + 1
    assert document.keys() - document["known_now"].keys() == {"as_of", "known_now"}


def test_before_the_first_event_nothing_was_known(city: City, past: Past) -> None:
    city.tell(answered(NOON))

    [row] = day(past, as_of=0).rows

    assert set(row.sums.values()) == {0}
    assert row.ratios["wait_p90_ms"] is None


def test_a_label_that_was_learnt_later_was_not_known(city: City, past: Past) -> None:
    inquiry = answered(NOON)
    city.tell(inquiry)
    inquiry.classify(category=code("water"), at=NOON + HOUR)
    city.tell(inquiry)
    by_category = Question(MIDNIGHT, NEXT_MIDNIGHT, SEOUL, ("category",))

    labels = [
        [row.labels["category"] for row in known_at(past, position, by_category).rows]
        for position in (city.position - 1, city.position)
    ]

    assert labels == [[None], ["water"]]


def test_nothing_is_left_on_the_connection(city: City, past: Past) -> None:
    city.tell(answered(NOON))

    day(past, as_of=1)

    made = city.connection.execute("SELECT FROM pg_class WHERE relname LIKE 'asked%'")
    assert made.fetchall() == []
    assert city.connection.info.transaction_status.name == "IDLE"


def test_views_that_lag_are_no_matter_for_what_was_known(city: City, past: Past) -> None:
    city.tell(answered(NOON))
    whole = known_at(past, city.position, QUESTIONS[0])
    city.begin_again()

    assert moment_of(city.connection, datetime.now(SEOUL)).position == city.position
    assert known_at(past, city.position, QUESTIONS[0]) == whole


def test_a_history_that_cannot_be_read_in_time_is_given_up(city: City, past: Past) -> None:
    city.tell(answered(NOON))
    hurried = Past(past.connection, past.archive, past.timezone, give_up_at=0.0)

    with pytest.raises(TooLongError, match="ask for fewer days"):
        day(hurried, as_of=1)

    assert day(past, as_of=1).rows[0].sums["received"] == 1


# Properties


@UNHURRIED
@given(
    history=histories(max_inquiries=2),
    question=st.sampled_from(QUESTIONS),
    share=st.floats(0, 1),
    sealed=st.booleans(),
)
def test_any_position_has_the_answer_of_the_tables_that_came_so_far(
    old_city: City, old_past: Past, history: History, question: Question, share: float, sealed: bool
) -> None:
    begin = recorded(old_city, history)
    if sealed:
        seal(old_city.log.database, old_past.archive, events=23)
    position = begin + round(share * (old_city.position - begin))

    told = known_at(old_past, position, question)

    assert told == held_at(old_city, position, question)


def held_at(city: City, position: int, question: Question) -> Answer:
    """Return the answer of the live tables, folded up to a position and no further."""
    city.begin_again()
    if position:
        Runner(city.connection, batch=position).advance()
    [told] = answers(city.connection, [question])
    return told

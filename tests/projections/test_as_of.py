"""Figures as they were known: at any position of the log they are what the tables held there."""

from dataclasses import replace
from datetime import datetime, timedelta

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.vocabulary import AnnulReason, code
from eventlog.reader import read
from projections.answer import Answer, answers
from projections.as_of import Moment, moment_at, moment_of, position_or_time
from projections.asking import ask, from_history
from projections.asking_history import Past, TooLongError
from projections.question import Question, QuestionError
from projections.runner import Runner
from projections.sealing import seal
from tests.projections.calls import MIDNIGHT, SEOUL, abandoned, answered
from tests.projections.city import City
from tests.projections.histories import History, histories
from tests.projections.test_split import recorded

HOUR = timedelta(hours=1)
NOON = MIDNIGHT + 12 * HOUR
TICK = timedelta.resolution
UNHURRIED = settings(deadline=None, max_examples=6, suppress_health_check=[HealthCheck.too_slow])
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


def known_at(past: Past, position: int, question: Question) -> Answer:
    """Return the answer as of a position."""
    [told] = from_history(past, [question], position, with_history=False)
    return told


def day(past: Past, noon: datetime, as_of: int | None = None) -> Answer:
    """Ask for a day, as of a position."""
    moment = None if as_of is None else moment_at(past.connection, as_of)
    [told] = ask(past, [question_of(noon)], as_of=moment)
    return told


def question_of(noon: datetime, *by: str) -> Question:
    return Question(noon - 12 * HOUR, noon + 12 * HOUR, SEOUL, by or ("total",))


# Moments


@pytest.fixture
def times(old_city: City, noon: datetime) -> list[datetime]:
    """When each event of a log was recorded, which holds several of one time."""
    old_city.tell(answered(noon), abandoned(noon))
    old_city.tell(answered(noon))
    records = [orjson.loads(stored.record) for stored in read(old_city.connection, after=0)]
    return [datetime.fromisoformat(record["recordedtime"]) for record in records]


def test_a_time_is_the_last_position_that_was_recorded_by_then(
    old_city: City, times: list[datetime]
) -> None:
    for at in times:
        for asked in (at - TICK, at, at + TICK):
            last = sum(recorded <= asked for recorded in times)

            assert moment_of(old_city.connection, asked).position == last


def test_a_moment_says_when_its_position_was_recorded(
    old_city: City, times: list[datetime]
) -> None:
    for position, at in enumerate(times, start=1):
        assert moment_of(old_city.connection, position) == Moment(position, at)


def test_before_the_first_event_is_position_0(old_city: City, times: list[datetime]) -> None:
    nothing = Moment(0, None)

    assert moment_of(old_city.connection, times[0] - TICK) == nothing
    assert moment_of(old_city.connection, 0) == nothing
    assert nothing.as_json() == {"position": 0, "recordedtime": None}


def test_a_position_that_the_log_has_not_come_to_is_refused(
    old_city: City, times: list[datetime]
) -> None:
    last = len(times)

    assert moment_of(old_city.connection, last).position == last
    with pytest.raises(QuestionError, match=f"no position {last + 1} yet: its last one is {last}"):
        moment_of(old_city.connection, last + 1)


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
    with pytest.raises(QuestionError, match="is not a date or time"):
        position_or_time(text, SEOUL)


# Answers


def test_the_answer_of_then_has_that_of_now_beside_it(
    old_city: City, past: Past, noon: datetime
) -> None:
    phantom = answered(noon)
    old_city.tell(phantom)
    before = old_city.position
    phantom.annul(reason=AnnulReason.PHANTOM, at=noon + HOUR)
    old_city.tell(phantom)

    told = day(past, noon, as_of=before)

    assert told.rows[0].sums["answered"] == 1
    assert told.position == before
    assert told.as_of == moment_at(old_city.connection, before)
    assert told.known_now == day(past, noon)
    assert told.known_now.rows[0].sums["answered"] == 0
    document = told.as_json()
    assert document["as_of"].keys() == {"position", "recordedtime"}
    assert document["known_now"]["position"] == before + 1
    assert document.keys() - document["known_now"].keys() == {"as_of", "known_now"}


def test_before_the_first_event_nothing_was_known(
    old_city: City, past: Past, noon: datetime
) -> None:
    old_city.tell(answered(noon))

    [row] = day(past, noon, as_of=0).rows

    assert set(row.sums.values()) == {0}
    assert row.ratios["wait_p90_ms"] is None


def test_a_label_that_was_learnt_later_was_not_known(
    old_city: City, past: Past, noon: datetime
) -> None:
    inquiry = answered(noon)
    old_city.tell(inquiry)
    inquiry.classify(category=code("water"), at=noon + HOUR)
    old_city.tell(inquiry)

    labels = [
        [row.labels["category"] for row in known_at(past, position, by_category).rows]
        for by_category in [question_of(noon, "category")]
        for position in (old_city.position - 1, old_city.position)
    ]

    assert labels == [[None], ["water"]]


def test_nothing_is_left_on_the_connection(old_city: City, past: Past, noon: datetime) -> None:
    old_city.tell(answered(noon))

    day(past, noon, as_of=1)

    made = old_city.connection.execute(
        "SELECT FROM pg_class WHERE relname LIKE 'asked%' AND relpersistence = 't'"
    )
    assert made.fetchall() == []
    assert old_city.connection.info.transaction_status.name == "IDLE"


def test_views_that_lag_are_no_matter_for_what_was_known(
    old_city: City, past: Past, noon: datetime
) -> None:
    old_city.tell(answered(noon))
    whole = known_at(past, old_city.position, question_of(noon))
    old_city.begin_again()

    assert moment_of(old_city.connection, datetime.now(SEOUL)).position == old_city.position
    assert known_at(past, old_city.position, question_of(noon)) == whole
    assert whole.rows[0].sums["answered"] == 1


def test_a_history_that_cannot_be_read_in_time_is_given_up(
    old_city: City, past: Past, noon: datetime
) -> None:
    old_city.tell(answered(noon))

    with pytest.raises(TooLongError, match="ask for fewer days"):
        day(replace(past, give_up_at=0.0), noon, as_of=old_city.position)

    assert day(past, noon, as_of=old_city.position).rows[0].sums["received"] == 1


# Properties


@pytest.mark.long
@UNHURRIED
@given(
    history=histories(max_inquiries=2),
    question=st.sampled_from(QUESTIONS),
    share=st.floats(0, 1),
    sealed=st.booleans(),
)
def test_any_position_has_the_answer_of_the_tables_that_came_so_far(
    old_city: City, past: Past, history: History, question: Question, share: float, sealed: bool
) -> None:
    begin = recorded(old_city, history)
    if sealed:
        seal(old_city.log.database, past.archive, events=23)
    position = begin + round(share * (old_city.position - begin))

    told = known_at(past, position, question)

    assert told == held_at(old_city, position, question)


def held_at(city: City, position: int, question: Question) -> Answer:
    """Return the answer of the live tables, folded up to a position and no further."""
    city.begin_again()
    if position:
        Runner(city.connection, batch=position).advance()
    [told] = answers(city.connection, [question])
    return told

from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.vocabulary import (
    AnnulReason,
    Channel,
    Outcome,
    TransferKind,
    code,
)
from eventlog.reader import head
from projections.answer import answers
from projections.formulas import DERIVED, RATIO_NAMES, SUMS
from projections.question import Question, UnanswerableError
from projections.runner import Runner
from projections.sources import THRESHOLDS_S
from projections.sums import STORED
from tests.domain.building import resolve
from tests.projections.calls import (
    MIDNIGHT,
    MS,
    NEXT_MIDNIGHT,
    SEOUL,
    abandoned,
    answered,
    asked,
    call,
    counted,
    row,
    rows,
)
from tests.projections.city import City
from tests.projections.histories import REQUEST

HOUR = timedelta(hours=1)
NOON = MIDNIGHT + 12 * HOUR
BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture
def city(old_city: City) -> City:
    """A city in which nothing counts yet."""
    old_city.begin_again(head(old_city.connection))
    return old_city


# What an answer says


def test_an_answer_names_what_it_stands_for(city: City) -> None:
    before = head(city.connection)
    city.tell(answered(NOON))

    told = asked(city, threshold_s=20, short_s=10).as_json()

    assert list(told) == ["definition", "timezone", "threshold_s", "short_s", "position", "rows"]
    assert (told["timezone"], told["threshold_s"], told["short_s"]) == ("Asia/Seoul", 20, 10)
    assert told["position"] == before + 4
    [definition] = city.connection.execute(
        "SELECT definition FROM projection WHERE view = 'kpi'"
    ).fetchall()
    assert (told["definition"],) == definition


def test_rows_are_those_of_the_position_whatever_happens_meanwhile(city: City) -> None:
    city.tell(answered(NOON))
    question = Question(MIDNIGHT, NEXT_MIDNIGHT, SEOUL)

    def with_a_call_in_between() -> Iterator[Question]:
        yield question
        assert all(city.log.inquiries.save_each([(answered(NOON), REQUEST)]))
        with city.log.database.connect() as other:
            Runner(other).catch_up()
        yield question

    before, after = answers(city.connection, with_a_call_in_between())

    assert before == after
    assert after.rows[0].sums["answered"] == 1
    assert row(city).sums["answered"] == 2


def test_a_row_has_its_bucket_labels_sums_and_ratios_in_order(city: City) -> None:
    city.tell(answered(NOON))

    [told] = asked(city, "day", "queue", "language", filters={"queue": ("general",)}).as_json()[
        "rows"
    ]

    assert list(told) == ["from", "to", "queue", "language", *SUMS, *RATIO_NAMES, "target", "met"]
    assert told["from"] == "2012-02-29T00:00:00+09:00"
    assert told["to"] == "2012-03-01T00:00:00+09:00"
    assert (told["queue"], told["language"]) == ("general", None)
    assert (told["answered"], told["waited_ms"], told["asa_ms"]) == (1, 10_000, 10_000.0)
    assert told["aht_ms"] == 65_000.0
    assert told["service_level"] == dict.fromkeys(("F1", "F2", "F3", "F4", "F6"), 1.0)
    assert told["fcr_repeat"] == {"24h": None, "7d": None, "30d": None}


def test_every_sum_of_the_tables_is_given(city: City) -> None:
    for table in ("hourly", "daily", "daily_agent", "daily_agency"):
        named = city.connection.execute(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_schema = 'kpi' AND table_name = %s",
            [table],
        )
        columns = {name for (name,) in named} - {*city.dimensions(table)}

        within = {f"{w}_within_{s}" for s in THRESHOLDS_S for w in ("answered", "abandoned")}
        assert columns == {*STORED} | within
    assert {*STORED} == {*SUMS} - DERIVED


def test_nothing_is_one_row_of_zeros_without_ratios(city: City) -> None:
    nothing = row(city)

    assert set(nothing.sums.values()) == {0}
    assert nothing.ratios["answer_rate"] is None
    assert nothing.ratios["wait_p50_ms"] is None
    assert rows(city, "queue") == []


# Buckets


def test_midnight_belongs_to_the_day_that_begins(city: City) -> None:
    city.tell(answered(MIDNIGHT - MS), answered(MIDNIGHT), answered(NEXT_MIDNIGHT - MS))
    city.tell(answered(NEXT_MIDNIGHT))

    days = rows(city, "day", begin=MIDNIGHT - 24 * HOUR, end=NEXT_MIDNIGHT + 24 * HOUR)

    assert [day.sums["answered"] for day in days] == [1, 2, 1]
    assert row(city).sums["answered"] == 2


def test_a_visit_counts_where_it_entered_however_late_its_end_is_told(city: City) -> None:
    waiting = call(MIDNIGHT - timedelta(seconds=5))
    city.tell(waiting)
    days = {"begin": MIDNIGHT - 24 * HOUR, "end": NEXT_MIDNIGHT}
    before = rows(city, "day", **days)

    waiting.abandon(at=MIDNIGHT + timedelta(seconds=10))
    city.tell(waiting)

    assert [day.sums["waiting"] for day in before] == [1, 0]
    after = rows(city, "day", **days)
    assert [day.sums["waiting"] for day in after] == [0, 0]
    assert [day.sums["abandoned"] for day in after] == [1, 0]
    assert [day.sums["abandoned_within"] for day in after] == [1, 0]


def test_every_bucket_has_every_combination_that_occurs(city: City) -> None:
    city.tell(
        answered(NOON, "general"), answered(NOON + 24 * HOUR, "japanese", language=code("ja"))
    )

    found = rows(city, "day", "queue", "language", end=NEXT_MIDNIGHT + 24 * HOUR)

    assert [(*row.labels.values(), row.sums["answered"]) for row in found] == [
        ("general", None, 1), ("japanese", "ja", 0), (None, "ja", 0), (None, None, 0),
        ("general", None, 0), ("japanese", "ja", 1), (None, "ja", 0), (None, None, 0),
    ]  # fmt: skip
    assert found[1].ratios["answer_rate"] is None


def test_what_was_taken_back_does_not_occur(city: City) -> None:
    moved, phantom = answered(NOON), answered(NOON, "phantom")
    city.tell(moved, phantom)
    moved.classify(category=code("water"), at=NOON + HOUR)
    phantom.annul(reason=AnnulReason.PHANTOM, at=NOON + HOUR)
    city.tell(moved, phantom)

    assert counted(rows(city, "category"), "answered") == {("water",): 1}
    assert [row.labels["queue"] for row in rows(city, "queue")] == ["general", None]


def test_months_and_years_are_summed_from_hours_and_days(city: City) -> None:
    city.tell(answered(NOON), answered(NOON + 24 * HOUR, category=code("water")))
    spring = {"begin": MIDNIGHT.replace(month=1), "end": MIDNIGHT.replace(month=4, day=1)}

    months = counted(rows(city, "month", **spring), "answered")
    by_category = rows(city, "year", "category", **spring)

    assert list(months) == ["2012-02-01T00:00:00+09:00", "2012-03-01T00:00:00+09:00"]
    assert counted(by_category, "answered") == {("water",): 1, (None,): 1}


def test_another_zone_has_other_days(city: City) -> None:
    city.tell(answered(MIDNIGHT), answered(NOON))

    days = rows(
        city, "day", begin=(MIDNIGHT - 24 * HOUR).replace(tzinfo=NEW_YORK),
        end=NEXT_MIDNIGHT.replace(tzinfo=NEW_YORK), timezone=NEW_YORK,
    )  # fmt: skip

    assert counted(days, "answered") == {"2012-02-28T00:00:00-05:00": 2}


def test_a_day_of_25_hours_holds_what_happened_in_each(city: City) -> None:
    begin = MIDNIGHT.replace(month=10, day=28, tzinfo=BERLIN)
    long_day = {"begin": begin, "end": begin.replace(day=29), "timezone": BERLIN}
    first = begin.astimezone(SEOUL)
    city.tell(*(answered(first + hour * HOUR) for hour in range(-1, 26)))

    assert counted(rows(city, "day", **long_day), "answered") == {begin.isoformat(): 25}
    hours = counted(rows(city, "hour", **long_day), "answered")
    assert len(hours) == 25
    assert hours["2012-10-28T02:00:00+02:00"] == hours["2012-10-28T02:00:00+01:00"] == 1


def test_a_day_of_23_hours_holds_what_happened_in_each(city: City) -> None:
    begin = MIDNIGHT.replace(month=3, day=11, tzinfo=NEW_YORK)
    short_day = {"begin": begin, "end": begin.replace(day=12), "timezone": NEW_YORK}
    first = begin.astimezone(SEOUL)
    city.tell(*(answered(first + hour * HOUR) for hour in range(-1, 24)))

    assert counted(rows(city, "day", **short_day), "answered") == {begin.isoformat(): 23}
    hours = counted(rows(city, "hour", **short_day), "answered")
    assert len(hours) == 23
    assert "2012-03-11T02:00:00-05:00" not in hours


def test_a_question_that_is_refused_leaves_the_connection_usable(city: City) -> None:
    with pytest.raises(UnanswerableError):
        asked(city, "hour", "category")

    assert row(city).sums["received"] == 0


# Waits


def test_a_wait_of_the_threshold_is_within_it_and_one_above_is_not(city: City) -> None:
    city.tell(
        answered(NOON, waited_ms=15_000), answered(NOON, waited_ms=15_400),
        abandoned(NOON, waited_ms=5_000), abandoned(NOON, waited_ms=5_001),
        abandoned(NOON, waited_ms=15_001),
    )  # fmt: skip

    sums = row(city).sums

    assert (sums["answered_within"], sums["abandoned_within"]) == (1, 2)
    assert sums["short_abandoned"] == 1


@pytest.mark.parametrize(("seconds", "within"), [(0, 1), (16, 1), (17, 2), (18, 2), (3600, 3)])
def test_any_threshold_is_exact(city: City, seconds: int, within: int) -> None:
    waits = [0, 17_000, 18_001]
    city.tell(*(answered(NOON, waited_ms=wait) for wait in waits))
    city.tell(*(abandoned(NOON, waited_ms=wait) for wait in waits))

    sums = row(city, threshold_s=seconds, short_s=seconds).sums

    assert sums["answered_within"] == sums["abandoned_within"] == within
    assert sums["short_abandoned"] == within


@pytest.mark.parametrize(
    ("waits_s", "p50_s", "p90_s"),
    [
        ([4], 4, 4),
        ([0, 0, 9], 0, 9),
        ([1, 2, 3, 4], 2, 4),
        (list(range(1, 11)), 5, 9),
        ([0.1, 0.2, 7.5], 1, 8),
    ],
)
def test_percentiles_are_the_least_whole_seconds_that_suffice(
    city: City, waits_s: list[float], p50_s: int, p90_s: int
) -> None:
    city.tell(*(answered(NOON, waited_ms=round(1000 * wait)) for wait in waits_s))
    city.tell(abandoned(NOON, waited_ms=0), abandoned(NOON, waited_ms=90_000))

    ratios = row(city).ratios

    assert (ratios["wait_p50_ms"], ratios["wait_p90_ms"]) == (1000 * p50_s, 1000 * p90_s)


def test_percentiles_are_null_where_nobody_was_answered_or_waits_are_not_kept(city: City) -> None:
    city.tell(abandoned(NOON, "japanese"), answered(NOON, "general"))

    found = {row.labels["queue"]: row.ratios["wait_p90_ms"] for row in rows(city, "queue")}

    assert found == {"general": 10_000, "japanese": None, None: None}
    assert {row.ratios["wait_p90_ms"] for row in rows(city, "category")} == {None}


# Labels


def test_filters_take_any_of_their_values_and_every_dimension(city: City) -> None:
    ja, en = code("ja"), code("en")
    city.tell(
        answered(NOON, "a", language=ja), answered(NOON, "b", language=ja),
        answered(NOON, "b", language=en), answered(NOON, "c"),
    )  # fmt: skip

    def found(**filters: tuple[str, ...]) -> int | None:
        return row(city, filters=filters).sums["answered"]

    assert found(queue=("a", "c")) == 2
    assert found(queue=("a", "b"), language=("ja",)) == 2
    assert found(language=("",)) == 1
    assert found(queue=("nowhere",)) == 0
    assert found(queue=()) == 4


def test_text_channels_have_replies_and_no_visits(city: City) -> None:
    text = answered(NOON)
    text.classify(channel=Channel.SMS, at=NOON + HOUR)
    city.tell(answered(NOON), text)

    by_channel = rows(city, "channel")

    assert counted(by_channel, "received") == {("phone",): 1, ("sms",): 1}
    assert counted(by_channel, "offered") == {("phone",): 1}


def test_what_belongs_to_no_queue_is_null_for_a_queue_and_never_zero(city: City) -> None:
    inquiry = answered(NOON)
    resolve(inquiry, agent=code("a1"), at=NOON + HOUR)
    city.tell(inquiry)

    general, without = rows(city, "queue")
    filtered = row(city, filters={"queue": ("general",)})

    for found in (general, filtered):
        assert (found.sums["answered"], found.sums["answered_inquiries"]) == (1, 1)
        assert (found.sums["received"], found.sums["resolved_by_first_agent"]) == (None, None)
        assert found.ratios["first_agent_resolution"] is None
    assert (without.labels["queue"], without.sums["received"]) == (None, 1)
    assert without.ratios["first_agent_resolution"] is None
    assert row(city).ratios["first_agent_resolution"] == 1


def test_an_agent_has_answers_and_no_offered_visits(city: City) -> None:
    helped = answered(NOON, agent="a1", waited_ms=16_000)
    resolve(helped, agent=code("a1"), at=NOON + HOUR)
    city.tell(helped, answered(NOON, agent="a2"), abandoned(NOON))

    one, two = rows(city, "agent")

    assert (one.labels["agent"], two.labels["agent"]) == ("a1", "a2")
    assert (one.sums["answered"], one.sums["answered_within"], one.sums["ended"]) == (1, 0, 1)
    unknown = ("received", "offered", "abandoned", "abandoned_within", "waiting", "reopened")
    assert {one.sums[name] for name in unknown} == {None}
    assert one.ratios["answer_rate"] is None
    assert one.ratios["asa_ms"] == 16_000
    assert (one.ratios["first_agent_resolution"], two.ratios["first_agent_resolution"]) == (1, 0)
    assert row(city, filters={"agent": ("a1", "a2")}).sums["answered"] == 2


def test_an_agency_has_what_was_asked_of_it_and_no_calls(city: City) -> None:
    inquiry = answered(NOON)
    inquiry.transfer(
        ref=code("t1"), kind=TransferKind.AGENCY, to=code("bus"), at=NOON + HOUR, holds=False
    )
    inquiry.agency_reply(of=inquiry.version, outcome=code("found"), at=NOON + 2 * HOUR)
    inquiry.resolve(outcome=Outcome.REFERRED, at=NOON + 3 * HOUR)
    city.tell(inquiry)

    found = row(city, "agency")

    assert found.labels == {"agency": "bus"}
    known = {name: value for name, value in found.sums.items() if value is not None}
    assert known == {
        "transferred": 0, "transferred_agency": 1, "transfer_hops": 0,
        "agency_replied": 1, "agency_took_ms": 3_600_000,
    }  # fmt: skip
    assert not any(v for v in found.ratios.values() if not isinstance(v, dict))

"""What the whole history alone tells: inquiries so far, and citizens who did not come back."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import duckdb
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import events
from domain.inquiry import Inquiry
from domain.vocabulary import AnnulReason, Channel, Code, Outcome, code
from eventlog.reader import read
from projections.answer import Answer, Row
from projections.asking import from_history
from projections.asking_history import Past
from projections.asking_tables import RESOLUTIONS, RESOLVED_SUMS
from projections.formulas import REPEAT_SUMS, REPEAT_WINDOWS
from projections.question import Question, midnight
from projections.runner import fill
from tests.domain.building import ANOTHER, CITIZEN, resolve
from tests.projections.calls import SEOUL, answered
from tests.projections.city import City
from tests.projections.histories import REQUEST
from tests.projections.naive import Fact
from tests.projections.test_as_of import UNHURRIED

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TICK = timedelta.resolution
NOON = datetime(2012, 2, 29, 3, tzinfo=UTC)
WATER, TAX, A1 = code("water"), code("tax"), code("a1")
WINDOWS = dict(zip(REPEAT_WINDOWS, (DAY, 7 * DAY, 30 * DAY), strict=True))


def told(past: Past, begin: datetime, *by: str, days: int = 1, **more: Any) -> Answer:
    """Return the answer with history about some days, as of the position of the head."""
    [head] = past.connection.execute("SELECT position FROM log_head").fetchall()
    return known(past, head[0], begin, *by, days=days, **more)


def known(past: Past, position: int, begin: datetime, *by: str, days: int, **more: Any) -> Answer:
    question = Question(begin, begin + days * DAY, SEOUL, by or ("total",), **more)
    [answer] = from_history(past, [question], position, with_history=True)
    return answer


def row(past: Past, noon: datetime, **more: Any) -> Row:
    """Return the one row of a day."""
    [only] = told(past, midnight_of(noon), **more).rows
    return only


def midnight_of(noon: datetime) -> datetime:
    return noon - 12 * HOUR


def helped(at: datetime, citizen: UUID | None = CITIZEN, **labels: Any) -> Inquiry:
    """A call of a citizen that an agent resolved an hour after it came."""
    inquiry = answered(at, citizen=citizen, **labels)
    resolve(inquiry, agent=A1, at=at + HOUR)
    return inquiry


def asked(at: datetime, citizen: UUID | None = CITIZEN, **labels: Any) -> Inquiry:
    return Inquiry.receive(uuid4(), at=at, channel=Channel.SMS, citizen=citizen, **labels)


# Citizens who did not come back


def test_who_comes_back_within_a_window_is_a_repeat_in_it(
    old_city: City, past: Past, noon: datetime
) -> None:
    old_city.tell(helped(noon), asked(noon + 3 * DAY))

    found = row(past, noon)

    assert found.ratios["fcr_repeat"] == {"24h": 1.0, "7d": 0.0, "30d": 0.0}
    assert found.recalled["fcr_identified"] == 1.0
    assert found.recalled["fcr_mature"] == {"24h": 1, "7d": 1, "30d": 1}


@pytest.mark.parametrize(
    ("hours", "other"),
    [
        (2, {"citizen": ANOTHER}),
        (2, {"citizen": None}),
        (2, {"category": TAX}),
        (1, {}),
        (-1, {}),
    ],
    ids=["another citizen", "nobody known", "another category", "at once", "before"],
)
def test_what_is_no_new_inquiry_of_the_citizen_and_category_is_no_repeat(
    old_city: City, past: Past, noon: datetime, hours: int, other: dict[str, Any]
) -> None:
    old_city.tell(helped(noon), asked(noon + hours * HOUR, **other))

    found = row(past, noon, filters={"channel": ("phone",)})

    assert found.ratios["fcr_repeat"] == dict.fromkeys(REPEAT_WINDOWS, 1.0)


def test_a_resolution_counts_one_repeat_however_often_the_citizen_comes(
    old_city: City, past: Past, noon: datetime
) -> None:
    old_city.tell(helped(noon), helped(noon, ANOTHER), *(asked(noon + n * HOUR) for n in (2, 3, 4)))

    assert row(past, noon).ratios["fcr_repeat"] == dict.fromkeys(REPEAT_WINDOWS, 0.5)


def test_each_resolution_of_a_reopened_inquiry_counts_by_itself(
    old_city: City, past: Past, noon: datetime
) -> None:
    inquiry = helped(noon)
    inquiry.reopen(reason=code("wrong"), at=noon + 2 * HOUR)
    inquiry.resolve(outcome=Outcome.ANSWERED, agent=A1, at=noon + 4 * HOUR)
    old_city.tell(inquiry, asked(noon + 3 * HOUR))

    found = row(past, noon)

    assert found.recalled["fcr_mature"]["24h"] == 2
    assert found.ratios["fcr_repeat"] == dict.fromkeys(REPEAT_WINDOWS, 0.5)


def test_what_is_learnt_later_of_citizen_and_category_counts_once_it_is_known(
    old_city: City, past: Past, noon: datetime
) -> None:
    first, second = helped(noon, None, category=WATER), asked(noon + 2 * HOUR, category=TAX)
    old_city.tell(first, second)
    before = old_city.position
    first.identify(citizen=CITIZEN, at=noon + DAY)
    second.classify(category=WATER, at=noon + DAY)
    old_city.tell(first, second)

    [earlier] = known(past, before, midnight_of(noon), days=1).rows
    later = row(past, noon)

    assert earlier.recalled["fcr_identified"] == 0.0
    assert earlier.ratios["fcr_repeat"] == dict.fromkeys(REPEAT_WINDOWS)
    assert later.recalled["fcr_identified"] == 1.0
    assert later.ratios["fcr_repeat"] == dict.fromkeys(REPEAT_WINDOWS, 0.0)


@pytest.mark.parametrize(
    ("learnt", "unrepeated"), [([ANOTHER], 1.0), ([ANOTHER, CITIZEN], 0.0)], ids=["other", "again"]
)
def test_the_citizen_is_the_one_who_was_learnt_last(
    old_city: City, past: Past, noon: datetime, learnt: list[UUID], unrepeated: float
) -> None:
    mistaken = helped(noon)
    for citizen in learnt:
        mistaken.identify(citizen=citizen, at=noon + DAY)
    old_city.tell(mistaken, asked(noon + 2 * HOUR))

    assert row(past, noon).ratios["fcr_repeat"] == dict.fromkeys(REPEAT_WINDOWS, unrepeated)


def test_a_resolution_belongs_to_the_range_that_begins_with_it(
    old_city: City, past: Past, noon: datetime
) -> None:
    old_city.tell(helped(midnight_of(noon) - HOUR))

    before, after = told(past, midnight_of(noon) - DAY, "day", days=2).rows

    for counts, found in (
        (0, before),
        (1, after),
        (1, row(past, noon)),
        (0, row(past, noon - DAY)),
    ):
        assert found.sums["resolutions"] == found.recalled["fcr_mature"]["24h"] == counts


def test_annulled_inquiries_are_neither_resolutions_nor_repeats(
    old_city: City, past: Past, noon: datetime
) -> None:
    phantom, duplicate = helped(noon, ANOTHER), asked(noon + 2 * HOUR)
    old_city.tell(helped(noon), phantom, duplicate)
    for inquiry in (phantom, duplicate):
        inquiry.annul(reason=AnnulReason.TEST, at=noon + DAY)
    old_city.tell(phantom, duplicate)

    found = row(past, noon)

    assert found.recalled["fcr_mature"]["24h"] == 1
    assert found.ratios["fcr_repeat"] == dict.fromkeys(REPEAT_WINDOWS, 1.0)


def test_a_window_that_is_not_over_is_not_counted(old_city: City, past: Past) -> None:
    now, category = datetime.now(UTC), code("fresh")
    old_city.tell(helped(now - 2 * DAY, category=category))

    [found] = told(past, begin_before(now), days=21, filters={"category": (category,)}).rows

    assert found.ratios["fcr_repeat"] == {"24h": 1.0, "7d": None, "30d": None}
    assert found.recalled["fcr_mature"] == {"24h": 1, "7d": 0, "30d": 0}


def begin_before(now: datetime) -> datetime:
    """Return the midnight 20 days before a day."""
    return midnight(now.astimezone(SEOUL).date() - 20 * DAY, SEOUL)


@pytest.mark.parametrize("name", WINDOWS)
def test_a_window_is_over_and_holds_a_return_at_its_very_end(
    relation: duckdb.DuckDBPyConnection, name: str
) -> None:
    end = NOON + WINDOWS[name]

    assert sums(relation, name, known_at=end - TICK) == (0, 0)
    assert sums(relation, name, known_at=end) == (1, 1)
    assert sums(relation, name, known_at=end, returned_at=end) == (1, 0)
    assert sums(relation, name, known_at=end + DAY, returned_at=end + TICK) == (1, 1)


@pytest.fixture
def relation() -> Iterator[duckdb.DuckDBPyConnection]:
    """An engine with resolutions of one's own making."""
    with duckdb.connect() as duck:
        duck.execute(
            "CREATE TABLE resolved (is_identified boolean, resolved_at timestamptz,"
            " returned_at timestamptz, known_at timestamptz)"
        )
        yield duck


def sums(
    duck: duckdb.DuckDBPyConnection,
    window: str,
    *,
    known_at: datetime,
    returned_at: datetime | None = None,
) -> tuple[int, int]:
    """Return how many resolutions, of one at noon, are mature and how many are no repeat."""
    duck.execute("DELETE FROM resolved")
    duck.execute("INSERT INTO resolved VALUES (true, ?, ?, ?)", [NOON, returned_at, known_at])
    found = duck.execute(f"SELECT {RESOLVED_SUMS} FROM resolved")  # noqa: S608 - our own text
    names = [name for name, *_ in found.description]
    assert tuple(names) == REPEAT_SUMS
    [values] = found.fetchall()
    told = dict(zip(names, values, strict=True))
    return told[f"mature_{window}"], told[f"unrepeated_{window}"]


def test_of_a_queue_or_an_agency_it_is_not_known_and_of_an_agent_it_is(
    old_city: City, past: Past, noon: datetime
) -> None:
    old_city.tell(helped(noon))

    general, without = told(past, midnight_of(noon), "queue").rows
    [agent] = told(past, midnight_of(noon), "agent").rows

    assert general.ratios["fcr_repeat"] == dict.fromkeys(REPEAT_WINDOWS)
    assert set(general.recalled["fcr_mature"].values()) == {None}
    assert (general.recalled["fcr_identified"], general.recalled["cumulative"]) == (None, None)
    assert without.ratios["fcr_repeat"] == dict.fromkeys(REPEAT_WINDOWS, 1.0)
    assert agent.ratios["fcr_repeat"] == dict.fromkeys(REPEAT_WINDOWS, 1.0)
    assert agent.recalled["cumulative"] is None
    assert told(past, midnight_of(noon), "agency").rows == []


# Inquiries so far


def test_cumulative_is_what_was_received_from_the_beginning_until_the_end_of_a_row(
    old_city: City, past: Past, noon: datetime
) -> None:
    begin, pools, roads = midnight_of(noon), code("pools"), code("roads")
    old_city.tell(
        *(asked(begin + days * DAY, category=pools) for days in (-400, -1, 0, 0, 2)),
        asked(begin, category=roads),
    )

    by_day = told(past, begin - DAY, "day", "category", days=4)
    [filtered] = told(past, begin, filters={"category": ("roads",)}).rows

    def cumulative(label: str) -> list[int]:
        return [r.recalled["cumulative"] for r in by_day.rows if r.labels["category"] == label]

    assert cumulative("pools") == [2, 4, 4, 5]
    assert cumulative("roads") == [0, 1, 1, 1]
    assert filtered.recalled["cumulative"] == 1


def test_without_being_asked_for_the_history_adds_nothing(
    old_city: City, past: Past, noon: datetime
) -> None:
    old_city.tell(helped(noon))
    question = Question(midnight_of(noon), noon, SEOUL)

    [plain] = from_history(past, [question], old_city.position, with_history=False)

    [with_history] = told(past, midnight_of(noon)).as_json()["rows"]
    [without] = plain.as_json()["rows"]
    assert with_history.keys() - without.keys() == {
        "cumulative", "fcr_identified", "fcr_mature"
    }  # fmt: skip
    assert without["fcr_repeat"] == dict.fromkeys(REPEAT_WINDOWS)


# Properties


class Case(NamedTuple):
    """An inquiry: how many hours before now it came, and what became of it."""

    hours: int
    citizen: UUID | None
    category: Code | None
    resolved_after: tuple[int, ...]
    identified: UUID | None
    classified: Code | None
    annulled: bool


citizens = st.sampled_from([None, CITIZEN, CITIZEN, ANOTHER])
categories = st.sampled_from([None, WATER, TAX])
hours = st.sampled_from([0, 1, 5, 23, 24, 25, 100, 168, 169, 500, 719, 720, 721, 1000])
cases = st.builds(
    Case,
    hours=hours,
    citizen=citizens,
    category=categories,
    resolved_after=st.lists(hours, max_size=2).map(lambda drawn: tuple(sorted(drawn))),
    identified=citizens,
    classified=categories,
    annulled=st.sampled_from([False, False, False, True]),
)


def made(case: Case, now: datetime) -> Inquiry:
    """Return the inquiry, resolved and reopened as the case has it."""
    at = now - case.hours * HOUR
    inquiry = asked(at, case.citizen, category=case.category)
    inquiry.answer(agent=A1, at=at)
    for after in case.resolved_after:
        if inquiry.resolution:
            inquiry.reopen(reason=code("wrong"), at=at + after * HOUR)
        inquiry.resolve(outcome=Outcome.ANSWERED, agent=A1, at=at + after * HOUR)
    if case.identified:
        inquiry.identify(citizen=case.identified, at=at)
    if case.classified:
        inquiry.classify(category=case.classified, at=at)
    if case.annulled:
        inquiry.annul(reason=AnnulReason.TEST, at=at)
    return inquiry


class Known(NamedTuple):
    """What is known of an inquiry that was not annulled, in the end."""

    received_at: datetime
    citizen: UUID | None
    category: str | None
    resolved_at: list[datetime]


def in_the_end(inquiries: Iterable[Sequence[Fact]]) -> list[Known]:
    found = []
    for facts in inquiries:
        named = [f.citizen for f in facts if isinstance(f, events.Received | events.Identified)]
        resolved_at = [fact.timestamp for fact in facts if isinstance(fact, events.Resolved)]
        if not any(isinstance(fact, events.Annulled) for fact in facts):
            last = facts[-1]
            found.append(Known(facts[0].timestamp, named[-1], last.category, resolved_at))
    return found


def naive(
    inquiries: Sequence[Known], begin: datetime, end: datetime, known_at: datetime
) -> dict[str | None, Counter[str]]:
    """Count each resolution of a range by itself, by category."""
    counts: dict[str | None, Counter[str]] = {}
    for one in inquiries:
        found = counts.setdefault(one.category, Counter())
        found["cumulative"] += one.received_at < end
        for at in one.resolved_at:
            if not begin <= at < end:
                continue
            found["resolutions"] += 1
            found["identified"] += one.citizen is not None
            for name, window in WINDOWS.items():
                if one.citizen and known_at - at >= window:
                    found[f"mature_{name}"] += 1
                    found[f"unrepeated_{name}"] += not any(
                        at < other.received_at <= at + window
                        for other in inquiries
                        if other is not one
                        and (other.citizen, other.category) == (one.citizen, one.category)
                    )
    return counts


@UNHURRIED
@given(drawn=st.lists(cases, min_size=1, max_size=8))
def test_each_resolution_counts_by_the_words_of_the_definition(
    old_city: City, past: Past, drawn: list[Case]
) -> None:
    now = datetime.now(UTC)
    assert all(old_city.log.inquiries.save_each((made(case, now), REQUEST) for case in drawn))
    begin = begin_before(now)

    answer = told(past, begin, "category", days=21)

    [last] = read(old_city.connection, after=old_city.position - 1)
    known_at = datetime.fromisoformat(orjson.loads(last.record)["recordedtime"])
    expected = naive(in_the_end(old_city.facts(0).values()), begin, begin + 21 * DAY, known_at)
    for row in answer.rows:
        counts = expected[row.labels["category"]]
        assert row.sums["resolutions"] == counts["resolutions"]
        assert row.recalled["cumulative"] == counts["cumulative"]
        assert row.recalled["fcr_identified"] == share(counts, "identified", "resolutions")
        for name in WINDOWS:
            assert row.recalled["fcr_mature"][name] == counts[f"mature_{name}"]
            expected_share = share(counts, f"unrepeated_{name}", f"mature_{name}")
            assert row.ratios["fcr_repeat"][name] == expected_share  # type: ignore[index]  # a dict
    counted = {row.labels["category"] for row in answer.rows}
    assert {label for label, counts in expected.items() if counts["resolutions"]} <= counted


def share(counts: Counter[str], of: str, per: str) -> float | None:
    return counts[of] / counts[per] if counts[per] else None


def test_postgresql_reads_the_definition_the_same(
    old_city: City, past: Past, noon: datetime
) -> None:
    old_city.tell(helped(noon), asked(noon + 3 * DAY), helped(noon, None), helped(noon, ANOTHER))

    with old_city.connection.transaction():
        fill(old_city.connection, 0, old_city.position)
        text = f"SELECT {RESOLVED_SUMS} FROM ({RESOLUTIONS}) AS resolved"  # noqa: S608
        text = text.replace(":begin", "%(begin)s").replace(":end", "%(end)s")
        asked_of = {"begin": midnight_of(noon), "end": noon + 12 * HOUR}
        [found] = old_city.connection.execute(text.encode(), asked_of).fetchall()

    by_name = dict(zip(REPEAT_SUMS, found, strict=True))
    assert (by_name["identified"], by_name["mature_7d"], by_name["unrepeated_7d"]) == (2, 2, 1)
    assert row(past, noon).ratios["fcr_repeat"] == {"24h": 1.0, "7d": 0.5, "30d": 0.5}

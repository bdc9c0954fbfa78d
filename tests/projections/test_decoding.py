"""The relation `events` is the same on PostgreSQL and DuckDB, column by column, and as strict."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, get_args, get_type_hints
from uuid import uuid4

import psycopg
import pytest
from duckdb import DuckDBPyConnection
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events import CATALOGUE
from domain.vocabulary import Personal
from projections.decoding import DecodingError, type_log
from projections.duck import opened
from projections.runner import UnknownTypeError, fill, make_relation
from projections.views import text
from tests.eventlog.examples import any_event
from tests.projections.chronicle import append_fact, tell_beginning, tell_clock_changes, tell_end
from tests.projections.city import City
from tests.projections.histories import History, histories
from tests.projections.test_split import BRISK, THOROUGH, recorded

_TABLE = re.search(r"events \(\n(.*)\) ON COMMIT", text("events.sql"), re.DOTALL)
COLUMNS = re.findall(r"(\w+) (\w+(?:\[\])?)(?: NOT NULL)?(?:,|\n)", _TABLE[1] if _TABLE else "")
"""Of the relation, with their types on PostgreSQL."""

ON_DUCKDB = {
    "bigint": "BIGINT", "integer": "INTEGER", "boolean": "BOOLEAN", "text": "VARCHAR",
    "timestamptz": "TIMESTAMP WITH TIME ZONE", "uuid": "VARCHAR", "jsonb": "VARCHAR",
    "text[]": "VARCHAR[]",
}  # fmt: skip

AS_TEXT = ("uuid", "jsonb")
"""Types that DuckDB has as the text that PostgreSQL writes of them."""

Rows = Counter[tuple[Any, ...]]


class Both:
    """A city whose log is typed on both engines."""

    def __init__(self, city: City, duck: DuckDBPyConnection) -> None:
        self.city = city
        self._duck = duck

    def on_postgres(self, begin: int, end: int) -> Rows:
        """Return the rows of a range of the log, as PostgreSQL fills them."""
        connection = self.city.connection
        names = [f"{name}::text" if kind in AS_TEXT else name for name, kind in COLUMNS]
        with connection.transaction():
            make_relation(connection)
            fill(connection, begin, end)
            rows = connection.execute(f"SELECT {', '.join(names)} FROM events".encode())  # noqa: S608 - ours
            return _counted(rows.fetchall())

    def on_duckdb(self, begin: int, end: int) -> Rows:
        """Return the rows of a range of the log, as DuckDB types them."""
        self._duck.execute("DROP TABLE IF EXISTS typed")
        type_log(self._duck, self.city.connection, begin, end, "typed")
        return _counted(self._duck.table("typed").fetchall())

    def assert_alike(self, begin: int, cuts: Sequence[int] = ()) -> None:
        """Assert that they are for the ranges between the cuts, counted from `begin`."""
        end = self.city.position
        ends = [begin, *sorted({begin + cut for cut in cuts if begin + cut < end}), end]
        for first, last in pairwise(ends):
            assert self.on_duckdb(first, last) == self.on_postgres(first, last)


def _counted(rows: Sequence[tuple[Any, ...]]) -> Rows:
    return Counter((*row[:-1], row[-1] and tuple(row[-1])) for row in rows)


@pytest.fixture(scope="module")
def duck() -> Iterator[DuckDBPyConnection]:
    with opened() as duck:
        yield duck


@pytest.fixture
def both(city: City, duck: DuckDBPyConnection) -> Both:
    return Both(city, duck)


@pytest.fixture(scope="module")
def old(old_city: City, duck: DuckDBPyConnection) -> Both:
    return Both(old_city, duck)


def test_the_columns_are_those_of_postgresql(city: City) -> None:
    with opened() as duck:
        type_log(duck, city.connection, 0, 0, "typed")
        described = duck.execute("DESCRIBE typed").fetchall()

    assert [(name, kind) for name, kind, *_ in described] == [
        (name, ON_DUCKDB[kind]) for name, kind in COLUMNS
    ]


def test_what_is_listed_as_sealed_is_what_is_personal() -> None:
    listed = re.findall(r"r\.data\.(\w+) <> 'null' THEN '(\w+)' END", text("events_duckdb.sql"))
    personal = {
        name
        for fact in CATALOGUE.values()
        for name, hint in get_type_hints(fact).items()
        if set(get_args(Personal)) <= set(get_args(hint))
    }

    assert len(personal) > 5
    assert listed == [(name, name) for name in sorted(personal)]


def test_every_event_is_typed_alike(both: Both) -> None:
    log = both.city.log
    told = tell_beginning(log)
    middle = both.city.position
    tell_end(log, told)
    tell_clock_changes(log)

    both.assert_alike(0)
    both.assert_alike(0, [middle, middle + 1, middle + 5])


@settings(BRISK, max_examples=20)
@given(history=histories(), cuts=st.lists(st.integers(1, 60), max_size=2))
def test_any_history_is_typed_alike(old: Both, history: History, cuts: list[int]) -> None:
    old.assert_alike(recorded(old.city, history), cuts)


@pytest.mark.soak
@THOROUGH
@given(history=histories(max_inquiries=6), cuts=st.lists(st.integers(1, 200), max_size=9))
def test_many_histories_are_typed_alike(old: Both, history: History, cuts: list[int]) -> None:
    old.assert_alike(recorded(old.city, history), cuts)


@settings(BRISK, max_examples=20)
@given(facts=st.lists(any_event(), min_size=1, max_size=3))
def test_any_event_is_typed_alike_or_refused_by_both(old: Both, facts: list[Any]) -> None:
    begin, stream = old.city.position, uuid4()
    for version, fact in enumerate(facts, 1):
        append_fact(old.city.log, stream, version, fact)

    for position in range(begin, old.city.position):
        try:
            rows = old.on_postgres(position, position + 1)
        except psycopg.DataError:
            with pytest.raises(DecodingError):
                old.on_duckdb(position, position + 1)
        else:
            assert old.on_duckdb(position, position + 1) == rows


# What is wrong


def insert(city: City, **changed: Any) -> int:
    """Put a record into the log with other fields of `data`, or without its `time`."""
    stream, time = uuid4(), "2012-02-29T00:00:00.000000Z"
    record = {
        "actor": "agent:a",
        "data": {"channel": "phone", **changed.pop("data", {})},
        "id": f"{stream}/1",
        "recordedtime": time,
        "sequence": f"{city.position + 1:020}",
        "subject": str(stream),
        "time": time,
        "type": "inquiry.answered.v1",
        **changed,
    }
    there = {name: value for name, value in record.items() if value}
    octets = json.dumps(there, separators=(",", ":")).encode()
    return city.insert_record(str(record["type"]), octets, stream)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"data": {"waited_ms": "soon"}}, "'soon' to INT64"),
        ({"data": {"waited_ms": 1.5}}, "'1.5' is no whole number"),
        ({"data": {"waited_ms": 2**63}}, "'9223372036854775808' to INT64"),
        ({"data": {"visit": 2**31}}, "2147483648"),
        ({"data": {"visit": [1]}}, r"'\[1\]' to INT64"),
        ({"data": {"holds": "maybe"}}, "'maybe' to BOOL"),
        ({"data": {"due_at": "2012-02-30T00:00:00.000000Z"}}, "2012-02-30"),
        ({"data": {"citizen": "kim"}}, "kim"),
        ({"time": None}, "a record has no time"),
        ({"recordedtime": None}, "a record has no recorded time"),
        ({"time": "2012-02-29T25:00:00.000000Z"}, "2012-02-29T25"),
    ],
)
def test_what_is_not_what_its_column_holds_stops_both(
    both: Both, changed: dict[str, Any], reason: str
) -> None:
    position = insert(both.city, **changed)

    with pytest.raises(psycopg.DataError):
        both.on_postgres(0, position)
    with pytest.raises(DecodingError, match=reason):
        both.on_duckdb(0, position)


def test_a_type_that_is_not_known_stops_both_and_its_position_is_named(both: Both) -> None:
    insert(both.city)
    position = insert(both.city, type="inquiry.sung.v1")

    for typed in (both.on_postgres, both.on_duckdb):
        with pytest.raises(UnknownTypeError, match=rf"position 0*{position} .*'inquiry.sung.v1'"):
            typed(0, position)


def test_an_id_in_capitals_is_the_same_id(both: Both) -> None:
    insert(both.city, data={"citizen": str(uuid4()).upper()})

    both.assert_alike(0)

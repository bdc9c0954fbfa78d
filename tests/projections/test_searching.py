"""Searching the audit: any combination of filters finds what going through all entries finds."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import combinations
from typing import Any, NamedTuple
from uuid import UUID

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventlog.log import assembled
from eventlog.reader import read
from projections.question import QuestionError
from projections.searching import Search, search
from tests.conftest import Servers
from tests.projections.chronicle import hour, tell_beginning, tell_end
from tests.projections.city import City

Record = dict[str, Any]


class Told(NamedTuple):
    """A city in which everything has happened, and the records of that."""

    city: City
    records: list[Record]

    @property
    def streams(self) -> list[str]:
        opened = [field["stream"] for one in self.records for field in _opened(one)]
        return [*{one["subject"] for one in self.records[:40]}, *opened]


@pytest.fixture(scope="module")
def told(servers: Servers) -> Iterator[Told]:
    with (
        servers.database("searching") as database,
        assembled(servers.timeless, database, servers.keys) as log,
        database.connect() as connection,
    ):
        tell_end(log, tell_beginning(log))
        city = City(log, connection)
        city.catch_up()
        rows = read(connection, after=0, limit=100_000)
        yield Told(city, [orjson.loads(row.record) for row in rows])


def naive(told: Told, wanted: Search) -> list[int]:
    """Return the positions of all entries that are wanted, in order."""
    return [
        position
        for position, record in enumerate(told.records, 1)
        if all(
            (
                wanted.actor in (None, record["actor"]),
                wanted.agent is None or wanted.agent in _agents(record["data"]),
                wanted.stream is None or str(wanted.stream) in _streams(record),
                wanted.type is None or record["type"].startswith(f"{wanted.type}.v"),
                _within(record["time"], wanted.time_from, wanted.time_to),
                _within(record["recordedtime"], wanted.recorded_from, wanted.recorded_to),
            )
        )
    ]


def _agents(data: Record) -> set[str | None]:
    to = data.get("to") if data.get("kind") in {"agent", "interpreter"} else None
    return {data.get("agent") or data.get("from_agent") or data.get("moderator"), to}


def _streams(record: Record) -> set[str]:
    return {record["subject"], *(field["stream"] for field in _opened(record))}


def _opened(record: Record) -> list[Record]:
    fields: list[Record] = record["data"].get("fields", [])
    return fields if record["type"] == "disclosure.made.v1" else []


def _within(text: str, begin: Any, end: Any) -> bool:
    first, last = (at and at.strftime("%Y-%m-%dT%H:%M:%S.%fZ") for at in (begin, end))
    return (first is None or first <= text) and (last is None or text < last)


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_any_combination_finds_what_going_through_all_finds(
    told: Told, data: st.DataObject
) -> None:
    def some(values: Any) -> Any:
        return data.draw(st.none() | st.sampled_from(values))

    times = [hour(number).astimezone(UTC) for number in (0, 0.5, 4, 12, 400)]
    recorded = [datetime.fromisoformat(one["recordedtime"]) for one in told.records[::30]]
    begin, end = data.draw(st.sampled_from([*combinations(times, 2)]))
    wanted = Search(
        actor=some(sorted({one["actor"] for one in told.records})),
        agent=some(["a1", "a2", "a017", "ja", "bus", "nobody"]),
        stream=some([UUID(stream) for stream in told.streams]),
        type=some(["inquiry.transferred", "inquiry.received", "disclosure.made"]),
        time_from=some([begin]),
        time_to=some([end]),
        recorded_from=some(recorded),
        oldest_first=data.draw(st.booleans()),
        limit=data.draw(st.integers(1, 7)),
    )

    found: list[int] = []
    page = search(told.city.connection, wanted)
    while page.entries:
        found += [entry.position for entry in page.entries]
        page = search(told.city.connection, replace(wanted, after=found[-1]))

    assert found == naive(told, wanted)[:: 1 if wanted.oldest_first else -1]


def test_a_range_that_is_turned_round_is_refused() -> None:
    with pytest.raises(QuestionError, match="`to` is exclusive"):
        Search(time_from=hour(1), time_to=hour(0))

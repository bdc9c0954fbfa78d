"""However a telephone system's lines come, the log holds the same facts of its calls."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventlog.log import Log
from importers import queue_log
from importers.report import Report
from tests.importers.imported import (
    EPOCH,
    City,
    abandoned,
    blindly_transferred,
    completed,
    connected,
    entered,
    fact,
    timed_out,
)

DISORDER = 10
"""By how many places a line may be out of order; the importer is made to bear just as many."""

Fact = tuple[object, ...]
Timed = tuple[int, str]


@dataclass
class Told:
    """One call: the lines that tell of it, in order, and what the log has to hold."""

    call: str
    lines: list[Timed] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)

    def tell(self, second: int, text: str, *facts: Fact) -> None:
        self.lines.append((second, text))
        self.facts += facts


def at(second: int) -> str:
    return datetime.fromtimestamp(EPOCH + second, UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z")


@st.composite
def calls(draw: st.DrawFn, call: str) -> Told:
    told = Told(call)
    second = draw(st.integers(0, 40))
    told.facts.append(fact("received", at(second)))
    for _ in range(draw(st.integers(1, 3))):
        queue = draw(st.sampled_from(["general", "japanese"]))
        told.tell(second, entered(second, call, queue), fact("queued", at(second), queue=queue))
        began, wait_s, off_s = second, draw(st.integers(1, 5)), draw(st.integers(0, 1))
        second += wait_s
        about = {"queue": queue, "enqueued_at": at(began), "waited_ms": 1000 * (wait_s + off_s)}
        how = draw(st.sampled_from(["abandon", "leave", "complete", "transfer", "wait"]))
        if how == "wait":
            break
        if how == "abandon":
            text = abandoned(second, call, queue, wait=wait_s + off_s)
            told.tell(second, text, fact("abandoned", at(second), **about))
            break
        if how == "leave":
            text = timed_out(second, call, queue, wait=wait_s + off_s)
            told.tell(second, text, fact("left-queue", at(second), **about, reason="timeout"))
            continue
        text = connected(second, call, queue, wait=wait_s + off_s)
        told.tell(second, text, fact("answered", at(second), **about, agent="a01"))
        talk_s = draw(st.integers(0, 5))
        second += talk_s
        ended = {"agent": "a01", "talk_ms": 1000 * talk_s}
        if how == "complete":
            text = completed(second, call, queue, wait=wait_s + off_s, talk=talk_s)
            told.tell(second, text, fact("ended", at(second), **ended, ended_by="citizen"))
            break
        text = blindly_transferred(second, "77", call, queue, wait=wait_s + off_s, talk=talk_s)
        told.tell(
            second,
            text,
            fact("ended", at(second), **ended, ended_by="transfer"),
            fact("transferred", at(second), from_agent="a01", to="77"),
        )
    return told


@st.composite
def disordered(draw: st.DrawFn, lines: Sequence[str]) -> list[str]:
    """Draw the lines, some of them repeated later, none further than `DISORDER` from its place."""
    told = list(lines)
    for copied in draw(st.lists(st.integers(0, len(lines) - 1), max_size=3)) if lines else []:
        after = told.index(lines[copied]) + 1
        told.insert(draw(st.integers(after, len(told))), lines[copied])
    moves = draw(st.lists(st.integers(0, DISORDER - 1), min_size=len(told), max_size=len(told)))
    places = sorted(range(len(told)), key=lambda place: place + moves[place])
    return [told[place] for place in places]


days = st.integers(1, 8).flatmap(lambda n: st.tuples(*(calls(f"c{k}") for k in range(n))))


@pytest.mark.long
@given(day=days, data=st.data())
@settings(max_examples=40, deadline=None)
def test_disorder_repeats_growth_and_rotation_change_nothing(
    log: Log,
    sources: Iterator[str],
    tmp_path_factory: pytest.TempPathFactory,
    day: tuple[Told, ...],
    data: st.DataObject,
) -> None:
    city = City(log, next(sources), tmp_path_factory.mktemp("lines") / "queue_log")
    lines = [text for _, text in sorted((timed for told in day for timed in told.lines), key=_time)]
    cut = data.draw(st.integers(0, len(lines)), "cut")
    first = data.draw(disordered(lines[:cut]), "first")
    second = data.draw(disordered(lines[cut:]), "second")
    files = data.draw(
        st.sampled_from([[first + second], [first, first + second], [first, second]]), "files"
    )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queue_log, "CHUNK_LINES", DISORDER)
        reports = [city.read(file) for file in files]

    assert [report.unreadable.lines for report in reports] == [[]] * len(reports)
    for told in day:
        assert city.facts(told.call) == sorted(told.facts, key=repr)
    _require_nothing_new(city.read(lines), len(lines), len(day))


def _time(timed: Timed) -> int:
    return timed[0]


def _require_nothing_new(report: Report, lines: int, calls: int) -> None:
    counted = (report.lines, report.repeated, report.calls, report.events)
    assert counted == (lines, lines, calls, 0)

"""Inputs after public bug reports, read from beside the project: what each of them should give."""

from pathlib import Path
from typing import NamedTuple

import pytest

from importers.contacts import import_contacts
from importers.queue_log import import_queue_log
from tests.conftest import SHARED_DATA, skip_or_fail
from tests.importers.imported import SEOUL, City

CASES = SHARED_DATA.parent / "cases"


class Given(NamedTuple):
    """What an import gave: how inquiries stand, lines refused and lines with a warning."""

    answered: int
    ended: int
    left: int
    waiting: int
    refused: list[int]
    warned: list[int]


CALLS = {
    "q01_attended_into_queue.log": Given(2, 2, 0, 0, [], [5]),
    "q02_transfer_asterisk11.log": Given(1, 1, 0, 0, [], []),
    "q03_old_formats.log": Given(1, 1, 2, 0, [], []),
    "q04_crash.log": Given(2, 2, 1, 0, [], []),
    "q05_trailing_pipe.log": Given(1, 1, 0, 0, [], []),
    "q06a_mysql_times.log": Given(1, 1, 0, 0, [], []),
    "q06b_epoch_fraction.log": Given(1, 1, 0, 0, [], []),
    "q06c_csv.csv": Given(0, 0, 0, 1, [], []),
    "q07_bom.log": Given(1, 1, 0, 0, [], []),
    "q08a_nuls.log": Given(1, 1, 1, 0, [], []),
    "q09a_cp949.log": Given(0, 0, 1, 0, [], []),
    "q10_names.log": Given(0, 0, 7, 0, [], []),
    "q11_sip_uri_callers.log": Given(0, 0, 9, 0, [], [1, 3, 11, 13, 15]),
    "q13_agents.log": Given(5, 5, 1, 0, [], []),
    "q23_times.log": Given(3, 3, 1, 0, [], [2, 2, 3, 5, 7, 10]),
    "q24_events.log": Given(1, 1, 0, 0, [], []),
    "q25_epoch0.log": Given(0, 0, 0, 0, [1, 2], []),
    "q26_twilio_anonymous.log": Given(0, 0, 4, 0, [], [1, 3, 5, 7]),
    "q33_space.log": Given(0, 0, 1, 0, [], []),
    "k01_halfhour.log": Given(1, 1, 0, 0, [], []),
}


@pytest.fixture
def cases() -> Path:
    if not CASES.is_dir():
        skip_or_fail("the cases are not beside this checkout (../shared/cases)")
    return CASES


def outcomes(city: City) -> tuple[int, int, int, int]:
    """Count the visits of the source: answered, over, left or abandoned, and waiting."""
    visits = [visit for inquiry in city.inquiries() for visit in inquiry.visits.values()]
    return (
        sum(visit.answered is not None for visit in visits),
        sum(visit.ended_at is not None for visit in visits),
        sum(visit.abandoned or visit.left is not None for visit in visits),
        sum(visit.waiting or visit.talking for visit in visits),
    )


@pytest.mark.parametrize("name", CALLS)
def test_calls_are_told_as_they_went(city: City, cases: Path, name: str) -> None:
    report = import_queue_log(city.log, cases / name, timezone=SEOUL, source=city.source)

    refused = [number for number, _ in report.unreadable.lines]
    warned = [number for number, _ in report.warnings.lines]
    assert Given(*outcomes(city), refused, warned) == CALLS[name]


@pytest.mark.parametrize("name", CALLS)
def test_the_same_calls_again_add_nothing(city: City, cases: Path, name: str) -> None:
    city.read_file(cases / name)

    again = city.read_file(cases / name)

    assert (again.events, again.lost) == (0, 0)
    assert [number for number, _ in again.unreadable.lines] == CALLS[name].refused


STEPS = {
    "c01_charset.ndjson": (2, []),
    "c02_withheld.ndjson": (36, []),
    "c03_traceparent.ndjson": (6, []),
    "c04_blank_bom.ndjson": (2, []),
    "c08_numeric_times.ndjson": (0, [1, 2, 3, 4]),
    "c09_same_id_two_contacts.ndjson": (4, [2, 6, 7]),
    "c10_correction.ndjson": (1, [2, 3]),
    "c13_multipart_reply.ndjson": (3, []),
}


@pytest.mark.parametrize("name", STEPS)
def test_contacts_are_told_as_they_went(city: City, cases: Path, name: str) -> None:
    first = import_contacts(city.log, cases / name)
    again = import_contacts(city.log, cases / name)

    events, refused = STEPS[name]
    assert first.events == events
    for report in (first, again):
        assert [number for number, _ in report.unreadable.lines] == refused
    assert (again.events, again.repeated) == (0, events)

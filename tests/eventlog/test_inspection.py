"""Inspecting the log: a sound one has a root and no fault, of any other the first is named."""

from uuid import UUID

import pytest

from eventlog.inspection import Fault, Inspection, inspect
from eventlog.log import Log
from eventlog.reader import read
from eventlog.tree import EMPTY_ROOT, root
from tests.conftest import append
from tests.eventlog.test_append import command, record

A, B = UUID(int=0xA), UUID(int=0xB)
END = 6
"""Position of the last record of `told`: versions 1, 2, 3 of A, and of B."""


@pytest.fixture
def told(log: Log) -> Log:
    """A log of two streams whose events take turns."""
    versions = range(1, END // 2 + 1)
    append(log, *(command(record(stream, version)) for version in versions for stream in (A, B)))
    return log


def inspected(log: Log, upto: int = END) -> Inspection:
    with log.database.connect() as connection:
        return inspect(connection, upto)


def tamper(log: Log, statement: str) -> None:
    """Change the log as nobody may, but who owns the server can."""
    with log.database.connect_as_owner() as owner, owner.transaction():
        owner.execute("ALTER TABLE log DISABLE TRIGGER log_is_append_only")
        owner.execute(statement.encode())
        owner.execute("ALTER TABLE log ENABLE ALWAYS TRIGGER log_is_append_only")


def replaced(old: str, new: str, position: int) -> str:
    """Return the statement that replaces a text in a record's bytes."""
    return (
        f"UPDATE log SET record = replace(convert_from(record, 'UTF8'), '{old}', '{new}')::bytea"  # noqa: S608 - ours
        f" WHERE position = {position}"
    )


VERSION_SKIPPED = ";".join(
    (replaced('/2","rec', '/4","rec', 4), "UPDATE log SET version = 4 WHERE position = 4")
)
ANOTHER_SKIPPED = ";".join(
    (replaced('/3","rec', '/5","rec', 5), "UPDATE log SET version = 5 WHERE position = 5")
)


def test_a_sound_log_has_the_root_of_its_records_and_no_fault(told: Log) -> None:
    with told.database.connect() as connection:
        records = [stored.record for stored in read(connection, after=0)]

    assert inspected(told) == Inspection(root(records), None)
    assert inspected(told, 4) == Inspection(root(records[:4]), None)


def test_the_root_of_an_empty_log_is_that_of_an_empty_tree(log: Log) -> None:
    assert inspected(log, 0) == Inspection(EMPTY_ROOT, None)


@pytest.mark.parametrize(
    ("statement", "position", "reason"),
    [
        ("UPDATE log SET type = 'x.v1' WHERE position = 2", 2, "type 'inquiry.linked.v1', not"),
        ("UPDATE log SET stream_id = gen_random_uuid() WHERE position = 1", 1, "subject"),
        ("UPDATE log SET version = 7 WHERE position = 6", 6, "has the id "),
        (replaced("/dasan/seoul", "/dasan/busan", 5), 5, "source '/dasan/busan', not '/dasan/se"),
        (replaced('"source":"/dasan/seoul",', "", 5), 5, "has the source None"),
        ("UPDATE log SET record = '[]' WHERE position = 3", 3, "its record is no JSON object"),
        ("UPDATE log SET record = '{' WHERE position = 3", 3, "its record is no JSON object"),
        (replaced('"recordedtime":"2', '"recordedtime":"1', 4), 4, "the record before it '2"),
        (replaced('"recordedtime"', '"Recordedtime"', 4), 4, "the recordedtime None"),
        (
            # The records change places, and their rows with them.
            "UPDATE log SET record = other.record, stream_id = other.stream_id,"
            " version = -other.version FROM log AS other"
            " WHERE (log.position, other.position) IN ((3, 4), (4, 3));"
            "UPDATE log SET version = -version WHERE version < 0",
            3,
            "sequence '00000000000000000004', not '00000000000000000003'",
        ),
        (VERSION_SKIPPED, 4, f"version 4 of {B}, and version 2 is due"),
    ],
)
def test_the_first_record_that_is_not_what_its_row_says_is_named(
    told: Log, statement: str, position: int, reason: str
) -> None:
    tamper(told, f"ALTER TABLE log DROP CONSTRAINT log_version_check; {statement}")

    found = inspected(told)

    assert found.fault is not None
    assert found.fault.position == position
    assert reason in found.fault.reason
    assert found.root is not None


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("DELETE FROM log WHERE position IN (1)", Fault(1, "its record is missing")),
        ("DELETE FROM log WHERE position IN (3)", Fault(3, "its record is missing")),
        (
            "DELETE FROM log WHERE position IN (3, 4, 6)",
            Fault(3, "its record is missing, and all up to 4"),
        ),
        ("DELETE FROM log WHERE position IN (6)", Fault(6, "its record is missing")),
        (
            "DELETE FROM log WHERE position IN (5, 6)",
            Fault(5, "its record is missing, and all up to 6"),
        ),
    ],
)
def test_a_log_that_lacks_records_has_no_root(told: Log, statement: str, fault: Fault) -> None:
    tamper(told, statement)

    assert inspected(told) == Inspection(None, fault)


def test_of_several_faults_the_first_in_the_log_is_named(told: Log) -> None:
    for statement in (
        replaced("/dasan/seoul", "/dasan/busan", 6),
        replaced("/dasan/seoul", "/dasan/busan", 5),
        ANOTHER_SKIPPED,
        VERSION_SKIPPED,
    ):
        tamper(told, statement)

    found = inspected(told)

    assert found.fault is not None
    assert found.fault.position == 4


def test_what_stands_beyond_the_position_does_not_matter(told: Log) -> None:
    sound = inspected(told, 4)
    tamper(told, "UPDATE log SET record = '{' WHERE position = 5")

    assert inspected(told, 4) == sound

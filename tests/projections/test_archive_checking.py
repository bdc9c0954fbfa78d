"""Verifying an archive: a sound one has no fault, of any other the first is named."""

import os
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventlog.archive import Archive, ArchiveError
from eventlog.tree import Peaks
from projections import decoding
from projections.archive_checking import verify
from projections.runner import UnknownTypeError
from tests.conftest import Servers
from tests.projections.city import City
from tests.projections.sealed import SIZE, Sealed, sealed, tell_days, told_days

RATED, RELABELLED, ANNULLED = 16, 17, 19
RECORDS = "0000000009-0000000016.records.parquet"
EVENTS = "0000000009-0000000016.events-1.parquet"
MANIFEST = "0000000009-0000000016.json"
FILES = [RECORDS, EVENTS, MANIFEST]


@pytest.fixture(scope="module")
def kept(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sealed]:
    """An archive that every test has a copy of."""
    with told_days(servers, "archive_checking") as log:
        yield sealed(log, tmp_path_factory.mktemp("kept") / "archive")


@pytest.fixture
def archive(kept: Sealed, tmp_path: Path) -> Sealed:
    return kept.copy(tmp_path / "archive")


def test_a_sound_archive_has_no_fault(archive: Sealed) -> None:
    verified = archive.verified()

    assert verified.fault is None
    assert verified.position == 3 * SIZE


def test_how_far_it_has_come_is_told(archive: Sealed) -> None:
    told: list[float] = []

    verify(archive.archive, told.append)

    assert told == sorted(told)
    assert told[-1] == 1


@pytest.mark.parametrize("at", [0, 0.7])
@pytest.mark.parametrize("name", [RECORDS, EVENTS])
def test_a_flipped_bit_is_found_in_its_file(archive: Sealed, name: str, at: float) -> None:
    archive.flip(name, at)

    assert archive.fault().startswith(f"{name}: ")


@settings(deadline=None, max_examples=6, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_bit_of_any_file_can_be_flipped(
    kept: Sealed, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    archive = kept.copy(tmp_path_factory.mktemp("flipped") / "archive")
    name = data.draw(st.sampled_from(kept.archive.names()))
    contents = bytearray(archive.path(name).read_bytes())
    contents[data.draw(st.integers(0, len(contents) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    archive.path(name).write_bytes(contents)

    assert archive.verified().fault is not None


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_missing_is_named(archive: Sealed, name: str) -> None:
    archive.path(name).unlink()

    assert archive.fault() == f"{name}: it is missing"


@pytest.mark.parametrize("name", FILES)
def test_an_empty_file_is_named(archive: Sealed, name: str) -> None:
    archive.path(name).write_bytes(b"")

    assert archive.fault().startswith(f"{name}: ")


def test_a_file_that_is_missing_at_the_end_is_named_before_any_is_read(archive: Sealed) -> None:
    name = archive.segments[-1].records.name
    archive.path(name).unlink()
    archive.flip(EVENTS, 0.5)

    assert archive.fault() == f"{name}: it is missing"


def test_a_segment_that_was_removed_is_named(archive: Sealed) -> None:
    for name in FILES:
        archive.path(name).unlink()

    assert archive.fault() == f"{MANIFEST}: it is missing"


def test_a_truncated_file_at_the_end_is_named(archive: Sealed) -> None:
    name = archive.segments[-1].events.name
    archive.path(name).write_bytes(archive.path(name).read_bytes()[:-100])

    assert archive.fault().startswith(f"{name}: it has ")


def test_a_manifest_that_is_no_json_is_named(archive: Sealed) -> None:
    archive.path(MANIFEST).write_text("rows: 8")

    assert archive.fault().startswith(f"{MANIFEST}: Invalid JSON")


def test_a_manifest_of_another_log_is_named(archive: Sealed) -> None:
    archive.change(1, log_id=str(uuid4()))

    assert archive.fault().startswith(f"{MANIFEST}: it is of the log /dasan/seoul ")


def test_a_root_that_was_changed_is_named(archive: Sealed) -> None:
    tree = Peaks()
    tree.extend([b"another record"] * 16)
    archive.change(
        1,
        root=b64encode(tree.root()).decode(),
        peaks=[b64encode(peak).decode() for peak in tree.hashes],
    )

    assert archive.fault().startswith(f"{MANIFEST}: the root of the records up to 16 is ")


def test_a_root_that_its_peaks_do_not_have_is_named(archive: Sealed) -> None:
    archive.change(1, root=b64encode(bytes(32)).decode())

    assert archive.fault() == f"{MANIFEST}: its root is not that of its peaks"


def test_a_changed_record_is_named_with_its_position(archive: Sealed) -> None:
    archive.edit(
        1, "records", """replace(record, '"score":5', '"score":1') AS record""", "position = 16"
    )

    fault = archive.fault()

    assert fault.startswith(f"{RECORDS}: position 16: score is 5, and the records make it 1; and ")
    assert "the root of the records up to 16 is " in fault


def test_a_changed_text_that_no_column_has_is_found_by_the_root(archive: Sealed) -> None:
    archive.edit(1, "records", """replace(record, '"c":"', '"c":"A') AS record""", "position = 9")

    assert archive.fault().startswith(f"{MANIFEST}: the root of the records up to 16 is ")


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("{}", "its record has the sequence None, not '00000000000000000012'"),
        ("no JSON", "its record has the sequence None, not '00000000000000000012'"),
        (None, "its record has the sequence None, not '00000000000000000012'"),
    ],
)
def test_a_record_that_is_none_is_named(archive: Sealed, record: str | None, reason: str) -> None:
    value = "NULL" if record is None else f"'{record}'"

    archive.edit(1, "records", f"{value} AS record", "position = 12")

    assert archive.fault() == f"{RECORDS}: position 12: {reason}"


def test_a_record_whose_value_cannot_be_typed_is_named(archive: Sealed) -> None:
    archive.edit(
        1,
        "records",
        """replace(record, '"visit":1', '"visit":"one"') AS record""",
        "position = 12",
    )

    assert archive.fault().startswith(f"{RECORDS}: position 12: a record cannot be typed: ")


def test_a_dropped_record_is_named(archive: Sealed) -> None:
    archive.rewrite(1, "records", "SELECT * FROM kept WHERE position <> 12 ORDER BY position")

    assert archive.fault() == f"{RECORDS}: it has 7 rows, and 8 are due"


def test_a_record_in_place_of_another_is_named(archive: Sealed) -> None:
    archive.rewrite(
        1,
        "records",
        "SELECT * FROM kept WHERE position <> 12 UNION ALL"
        " SELECT * FROM kept WHERE position = 16 ORDER BY position",
    )

    assert archive.fault() == f"{RECORDS}: position 12: position 13 stands there"


def test_a_record_at_another_position_is_named(archive: Sealed) -> None:
    archive.edit(1, "records", "99 AS position", "position = 16")

    assert archive.fault() == f"{RECORDS}: position 16: position 99 stands there"


def test_swapped_records_are_named(archive: Sealed) -> None:
    archive.edit(1, "records", "25 - position AS position", "position IN (12, 13)")

    assert archive.fault() == (
        f"{RECORDS}: position 12: its record has the sequence '00000000000000000013',"
        " not '00000000000000000012'"
    )


def test_records_that_stand_in_another_order_are_named(archive: Sealed) -> None:
    archive.rewrite(1, "records", "SELECT * FROM kept ORDER BY position DESC")

    assert archive.fault() == f"{RECORDS}: position 9: position 16 stands there"


@pytest.mark.parametrize(
    ("change", "where", "reason"),
    [
        ("1 AS score", "position = 16", "score is 1, and the records make it 5"),
        ("NULL AS score", "position = 16", "score is None, and the records make it 5"),
        ("5 AS score", "position = 12", "score is 5, and the records make it None"),
        (
            "time + INTERVAL 1 microsecond AS time",
            "position = 14",
            "time is datetime.datetime(2012, 2, 29, 1, 1, 10, 1, ",
        ),
        ("uuid()::varchar AS stream_id", "position = 15", "stream_id is '"),
        ("['note'] AS sealed", "position = 9", "sealed is ['note'], and the records make it "),
        ("2 AS sign", "position = 11", "sign is 2, and the records make it 1"),
        ("7 AS version", "position = 10", "version is 7, and the records make it 5"),
    ],
)
def test_a_changed_typed_value_is_named(
    archive: Sealed, change: str, where: str, reason: str
) -> None:
    archive.edit(1, "events", change, where)

    position = int(where.rpartition(" ")[2])
    assert archive.fault().startswith(f"{EVENTS}: position {position}: {reason}")


def test_a_changed_value_of_a_restated_row_is_named(archive: Sealed) -> None:
    archive.edit(2, "events", "'water' AS category", "restated AND sign = 1 AND version = 3")

    fault = archive.fault()

    assert "category is 'water', and the records make it 'taxes'" in fault
    assert fault.startswith(f"{archive.segments[2].events.name}: position 18: ")


def test_a_row_that_misleads_others_is_named_before_them(archive: Sealed) -> None:
    """With it, the re-opened message at 20 seems to begin in this segment."""
    archive.edit(
        2,
        "events",
        "(SELECT stream_id FROM kept WHERE position = 20 LIMIT 1) AS stream_id, 1 AS version",
        "position = 24 AND type = 'inquiry.ended'",
    )

    assert archive.fault().startswith(f"{archive.segments[2].events.name}: position 24: stream_id")


def test_a_typed_row_that_is_dropped_is_named(archive: Sealed) -> None:
    archive.rewrite(1, "events", "SELECT * FROM kept WHERE position <> 12 ORDER BY position")

    assert archive.fault().startswith(f"{EVENTS}: position 12: the row position 12, ")
    assert archive.fault().endswith(" is missing")


def test_a_restated_row_that_is_dropped_is_named(archive: Sealed) -> None:
    archive.rewrite(2, "events", "SELECT * FROM kept WHERE NOT (restated AND sign = -1)")

    assert archive.fault().endswith(" is missing")


@pytest.mark.parametrize("added", ["*", "* REPLACE (true AS restated, -1 AS sign)"])
def test_a_typed_row_that_is_added_is_named(archive: Sealed, added: str) -> None:
    archive.rewrite(
        1,
        "events",
        f"SELECT * FROM kept UNION ALL SELECT {added} FROM kept WHERE position = 12"  # noqa: S608 - ours
        " ORDER BY position, restated, version, type, sign",
    )

    assert archive.fault().startswith(f"{EVENTS}: position 12: ")


def test_typed_rows_in_another_order_are_named(archive: Sealed) -> None:
    archive.rewrite(1, "events", "SELECT * FROM kept ORDER BY position DESC")

    assert archive.fault().endswith("its row is there twice, or not in order")


@pytest.mark.parametrize(
    ("select", "reason"),
    [
        ("SELECT * EXCLUDE (of_agent) FROM kept", "it has the column first_entered_at"),
        ("SELECT *, 1 AS more FROM kept", "it has the column more INTEGER where none is due"),
        ("SELECT * REPLACE (1.5 AS talk_ms) FROM kept", "it has the column talk_ms DECIMAL"),
    ],
)
def test_typed_columns_that_are_others_are_named(archive: Sealed, select: str, reason: str) -> None:
    archive.rewrite(1, "events", select)

    assert archive.fault().startswith(f"{EVENTS}: {reason}")


@pytest.mark.parametrize("which", ["records", "events"])
def test_a_file_that_is_no_parquet_is_named(archive: Sealed, which: str) -> None:
    name = getattr(archive.segments[1], which).name
    [first, *_] = archive.segments
    contents = archive.path(first.name).read_bytes()
    archive.path(name).write_bytes(contents)
    archive.vouch(1, which)

    assert archive.fault().startswith(f"{name}: it cannot be read: ")


@pytest.mark.parametrize("which", ["records", "events"])
def test_a_file_whose_rows_are_broken_is_named(archive: Sealed, which: str) -> None:
    name = getattr(archive.segments[1], which).name
    contents = bytearray(archive.path(name).read_bytes())
    contents[40:120] = bytes(80)
    archive.path(name).write_bytes(contents)
    archive.vouch(1, which)

    assert archive.fault().startswith(f"{name}: ")


@pytest.mark.parametrize(
    ("position", "old", "new", "reason"),
    [
        (12, '"source":"/dasan/seoul"', '"source":"/dasan/busan"', "its record has the source"),
        (12, '"sequence":"0000000000000000001', '"sequence":"0000000000000000002', "sequence"),
        (12, '"recordedtime":"2', '"recordedtime":"1', "its record has the recordedtime '1"),
        (9, '"recordedtime":"2', '"recordedtime":"1', "its record has the recordedtime '1"),
        (12, '/2","recordedtime', '/3","recordedtime', "it has version 3 of "),
        (10, '/5","recordedtime', '/6","recordedtime', "and version 5 is due"),
    ],
)
def test_a_log_that_is_wrong_is_no_sound_archive(
    city: City, tmp_path: Path, position: int, old: str, new: str, reason: str
) -> None:
    tell_days(city.log)
    with city.log.database.connect_as_owner() as owner:
        owner.execute("ALTER TABLE log DISABLE TRIGGER log_is_append_only")
        owner.execute(
            "UPDATE log SET record = convert_to(replace(convert_from(record, 'UTF8'), %s, %s),"
            " 'UTF8') WHERE position = %s",
            [old, new, position],
        )

    fault = sealed(city.log, tmp_path / "archive").fault()

    assert fault.startswith(f"{RECORDS}: position {position}: ")
    assert reason in fault


def test_a_place_without_an_archive_is_said(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="there is no archive at "):
        verify(Archive(str(tmp_path)))


def test_typed_columns_of_another_version_are_not_verified(archive: Sealed) -> None:
    name = EVENTS.replace("events-1", "events-2")
    archive.path(EVENTS).rename(archive.path(name))
    events = archive.segments[1].events.model_dump() | {"name": name}
    archive.change(1, generation=2, events=events)

    with pytest.raises(ArchiveError, match=r"is of generation 2.* install the version"):
        archive.verified()


def test_a_type_of_another_version_is_not_verified(
    archive: Sealed, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = decoding._SELECT.replace("'inquiry.rated.v1', ", "")
    monkeypatch.setattr(decoding, "_SELECT", known)

    with pytest.raises(UnknownTypeError, match=r"position 0+16 has the type"):
        archive.verified()


@pytest.mark.parametrize("which", ["records", "events"])
def test_a_pipe_is_named_and_not_waited_for(archive: Sealed, which: str) -> None:
    path = archive.path(getattr(archive.segments[1], which).name)
    path.unlink()
    os.mkfifo(path)

    assert archive.fault() == f"{path.name}: it is not a regular file"


def test_a_manifest_that_is_a_pipe_is_not_waited_for(archive: Sealed) -> None:
    path = archive.path(archive.segments[1].name)
    path.unlink()
    os.mkfifo(path)

    with pytest.raises(ArchiveError, match="a manifest: it is not a regular file"):
        archive.fault()

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.request import Request, RequestError
from domain.vocabulary import AnnulReason, VocabularyError, code
from eventlog.log import Log
from importers import queue_log, queue_log_taking
from importers.queue_log import import_queue_log
from importers.text_file import ImportFileError
from projections.catalogue import Catalogue, CatalogueError, Queue
from projections.catalogue_tables import load_catalogue, read_catalogue
from tests.importers.imported import (
    EPOCH,
    SEOUL,
    City,
    abandoned,
    blindly_transferred,
    completed,
    connected,
    entered,
    line,
    timed_out,
)

ANSWERED_CALL = [entered(0), connected(4, wait=4), completed(64, wait=4, talk=60)]


# What lines become


def test_a_call_is_received_queued_answered_and_ended(city: City) -> None:
    report = city.read(ANSWERED_CALL)

    assert (report.lines, report.calls, report.events) == (3, 1, 4)
    assert city.types() == ["received", "queued", "answered", "ended"]
    received, queued, answered, ended = city.events()
    assert received["actor"] == f"import:{city.source}"
    assert received["time"] == "2012-02-28T15:00:00.000000Z"
    assert received["data"]["channel"] == "phone"
    assert received["data"]["contact"] == queued["data"]["contact"]
    assert answered["data"]["agent"] == "a01"
    assert answered["data"]["waited_ms"] == 4000
    times = {name: ended["data"][name] for name in ("talk_ms", "hold_ms", "wrapup_ms")}
    assert times == {"talk_ms": 60_000, "hold_ms": None, "wrapup_ms": None}
    assert ended["data"]["ended_by"] == "citizen"


def test_calls_that_leave_the_queue_or_are_turned_away(city: City) -> None:
    city.read(
        [
            entered(0, "hung-up"),
            abandoned(3, "hung-up", wait=3),
            entered(0, "too-long"),
            timed_out(60, "too-long", wait=60),
            entered(0, "key"),
            line(5, "key", "general", "NONE", "EXITWITHKEY", 9, 1, 1, 5),
            entered(0, "empty"),
            line(1, "empty", "general", "NONE", "EXITEMPTY", 1, 1, 1),
            line(0, "full", "general", "NONE", "FULL"),
            line(0, "closed", "general", "NONE", "JOINEMPTY"),
            line(0, "gone", "general", "NONE", "JOINUNAVAIL"),
        ]
    )

    (hung_up,) = city.data("abandoned", "hung-up")
    assert hung_up["waited_ms"] == 3000
    left = {name: city.data("left-queue", name)[0] for name in ("too-long", "key", "empty")}
    assert {name: (told["reason"], told["waited_ms"]) for name, told in left.items()} == {
        "too-long": ("timeout", 60_000),
        "key": ("key", 5000),
        "empty": ("empty", 1000),
    }
    for name, reason in (("full", "full"), ("closed", "closed"), ("gone", "closed")):
        assert city.types(name) == ["received", "left-queue"]
        (refused,) = city.data("left-queue", name)
        assert (refused["reason"], refused["waited_ms"]) == (reason, None)


def test_a_transferred_call_ends_is_passed_on_and_waits_again(city: City) -> None:
    city.read(
        [
            entered(0),
            connected(4, wait=4),
            blindly_transferred(64, "7000", wait=4, talk=60),
            entered(64, queue="japanese"),
            connected(70, queue="japanese", agent="Agent/j01", wait=6),
            line(99, "c1", "japanese", "Agent/j01", "ATTENDEDTRANSFER", "BRIDGE", "c1.t", 6, 29, 1),
        ]
    )

    assert city.types() == [
        *("received", "queued", "answered", "ended", "transferred"),
        *("queued", "answered", "ended", "transferred"),
    ]
    first, second = city.data("transferred")
    assert (first["kind"], first["to"], first["from_agent"]) == ("agent", "7000", "a01")
    assert (second["kind"], second["to"], second["from_agent"]) == ("agent", "c1.t", "j01")
    assert {told["ended_by"] for told in city.data("ended")} == {"transfer"}
    assert [told["visit"] for told in city.data("answered")] == [1, 2]


def test_a_call_that_comes_back_to_its_queue_waits_in_a_new_visit(city: City) -> None:
    report = city.read(
        [
            entered(0),
            timed_out(60, wait=60),
            entered(60),
            timed_out(120, wait=60),
            entered(120),
            connected(125, wait=5),
            completed(185, wait=5, talk=60),
        ]
    )

    assert report.unreadable.count == 0
    assert [told["visit"] for told in city.data("queued")] == [1, 2, 3]
    assert [told["visit"] for told in city.data("left-queue")] == [1, 2]
    assert [told["visit"] for told in city.data("answered")] == [3]


def test_the_wait_is_the_sources_and_a_difference_is_named(city: City) -> None:
    report = city.read([entered(0), connected(5, wait=4), completed(6, wait=4, talk=1)])

    assert city.data("answered")[0]["waited_ms"] == 4000
    assert report.differing.lines == [(2, "holdtime 4 s, answer minus entry 5 s")]


def test_a_wait_rounded_up_beyond_the_arrival_finds_it_all_the_same(city: City) -> None:
    report = city.read([entered(60), connected(60, wait=1), completed(61, wait=1, talk=2)])

    assert report.unreadable.count == 0
    assert city.types() == ["received", "queued", "answered", "ended"]


# Who asks


def test_the_same_number_is_the_same_citizen_however_it_is_written(city: City) -> None:
    city.read(
        [
            entered(0, "c1", caller="0212345678"),
            entered(0, "c2", caller="02-1234-5678"),
            entered(0, "c3", caller="0299999999"),
            entered(0, "c4"),
        ]
    )

    one, same, other, nobody = (
        city.data("received", call)[0]["citizen"] for call in ("c1", "c2", "c3", "c4")
    )
    assert one == same != other
    assert one is not None
    assert nobody is None


def test_a_number_that_comes_later_identifies_the_citizen(city: City) -> None:
    lines = [entered(0), timed_out(9, wait=9), entered(9, queue="second", caller="0212345678")]

    city.read(lines[:2])
    city.read(lines)

    assert city.types() == ["received", "queued", "left-queue", "queued", "identified"]


def test_reading_again_looks_nobody_up(city: City) -> None:
    city.read([entered(0, caller="0255550001")])
    hashed = city.log.keys.hashed("telephone", "0255550001")
    with city.log.database.connect_as_owner() as owner:
        owner.execute("DELETE FROM vault.lookup WHERE hash = %s", [hashed])  # forgotten

    city.read([entered(0, caller="0255550001")])

    with city.log.database.connect_as_owner() as owner:
        rows = owner.execute("SELECT FROM vault.lookup WHERE hash = %s", [hashed]).fetchall()
    assert rows == []


def test_no_telephone_number_and_no_call_id_stands_in_the_log(city: City) -> None:
    city.read(
        [
            entered(0, "1330441200.77", caller="0212345678"),
            connected(4, "1330441200.77", wait=4),
            blindly_transferred(9, "01087654321", "1330441200.77", wait=4, talk=5),
        ]
    )

    records = city.records("1330441200.77")
    assert len(records) == 5
    for secret in (b"12345678", b"87654321", b"1330441200.77"):
        assert not any(secret in record for record in records)
    assert city.data("transferred", "1330441200.77")[0]["to"] == "external"


# Reading again, reading on


def test_the_same_file_twice_adds_nothing(city: City) -> None:
    first = city.read(ANSWERED_CALL)
    records = city.records()

    second = city.read(ANSWERED_CALL)

    assert (first.events, first.repeated) == (4, 0)
    assert (second.lines, second.calls, second.events, second.repeated) == (3, 1, 0, 3)
    assert city.records() == records


def test_a_file_that_grew_is_continued(city: City) -> None:
    city.read(ANSWERED_CALL[:1])

    report = city.read(ANSWERED_CALL)

    assert (report.events, report.repeated) == (2, 1)
    assert city.types() == ["received", "queued", "answered", "ended"]


def test_a_rotated_file_continues_the_calls_of_the_first(city: City) -> None:
    city.read(ANSWERED_CALL[:1])

    report = city.read(ANSWERED_CALL[1:])

    assert (report.lines, report.calls, report.events, report.repeated) == (2, 1, 2, 0)
    assert city.types() == ["received", "queued", "answered", "ended"]


def test_another_source_is_another_telephone_system(city: City, sources: Iterator[str]) -> None:
    other = City(city.log, next(sources), city.file)

    city.read(ANSWERED_CALL)
    report = other.read(ANSWERED_CALL)

    assert report.events == 4
    assert other.facts("c1") == city.facts("c1")


def test_a_last_line_without_newline_is_read_when_it_is_complete(city: City) -> None:
    whole = "".join(f"{text}\n" for text in ANSWERED_CALL)
    city.file.write_text(whole[:-4])  # talk is 60, and reads 6

    report = city.read_file(city.file)
    assert (report.lines, report.events, report.unfinished) == (2, 3, 3)

    city.file.write_text(whole)
    report = city.read_file(city.file)
    assert (report.lines, report.events, report.unfinished) == (3, 1, None)
    assert city.data("ended")[0]["talk_ms"] == 60_000


def test_an_annulled_call_stays_annulled_and_is_no_error(city: City) -> None:
    city.read(ANSWERED_CALL)
    inquiry_id = city.log.keys.inquiry_id(city.source, "c1")
    inquiry = city.log.inquiries.get(inquiry_id)
    inquiry.annul(reason=AnnulReason.TEST, at=inquiry.received_at)
    request = Request(actor="agent:a01", cause=city.log.keys.cause("command", "c", "k"))
    assert city.log.inquiries.save_each([(inquiry, request)]) == [True]

    report = city.read(ANSWERED_CALL)

    assert (report.events, report.repeated, report.unreadable.count) == (0, 3, 0)


# Out of order, out of turn, out of sense


def test_lines_before_their_arrival_wait_for_it(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_log, "CHUNK_LINES", 2)
    others = [entered(second, f"other{second}") for second in range(100, 120)]

    report = city.read([*ANSWERED_CALL[1:], *others, ANSWERED_CALL[0]])

    assert report.unreadable.count == 0
    assert city.types() == ["received", "queued", "answered", "ended"]


def test_lines_without_arrival_are_named_and_no_others_suffer(city: City) -> None:
    report = city.read(
        [
            connected(4, "lost", wait=4),
            completed(64, "lost", wait=4, talk=60),
            *ANSWERED_CALL,
            connected(65, queue="elsewhere", wait=1),
        ]
    )

    nowhere = "no arrival of this call in this queue"
    assert report.unreadable.lines == [(1, nowhere), (2, nowhere), (6, nowhere)]
    assert (report.calls, report.events) == (1, 4)
    assert city.types("lost") == []


def test_lines_without_arrival_are_not_held_for_ever(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_log, "CHUNK_LINES", 5)
    monkeypatch.setattr(queue_log_taking, "MAX_HELD_LINES", 10)
    lost = [connected(second, f"lost{second}", wait=0) for second in range(40)]

    report = city.read([*lost, entered(0, "lost0"), entered(39, "lost39")])

    assert report.unreadable.count == 39
    assert report.unreadable.lines[0] == (1, "no arrival of this call in this queue")
    assert city.types("lost0") == ["received", "queued"]
    assert city.types("lost39") == ["received", "queued", "answered"]


def test_arrivals_out_of_order_are_put_in_order_across_chunks(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_log, "CHUNK_LINES", 2)

    report = city.read(
        [entered(0, "c0"), entered(9, queue="second"), entered(3), timed_out(9, wait=6)]
    )

    assert report.unreadable.count == 0
    assert [told["queue"] for told in city.data("queued")] == ["general", "second"]


def test_a_late_line_is_about_the_visit_whose_wait_it_tells(city: City) -> None:
    city.read([entered(0), entered(60)])

    city.read([timed_out(60, wait=60)])
    city.read([connected(65, wait=5)])

    assert [told["visit"] for told in city.data("left-queue")] == [1]
    assert [told["visit"] for told in city.data("answered")] == [2]


def test_a_line_that_contradicts_what_is_known_is_named_with_the_reason(city: City) -> None:
    report = city.read(
        [
            entered(0),
            abandoned(3, wait=3),
            connected(4, wait=4),
            abandoned(9, wait=9),
            completed(64, wait=4, talk=60),
            entered(20, "c2"),
            connected(10, "c2", wait=7),
            entered(20, "c3"),
            connected(21, "c3", wait=1),
            connected(21, "c3", agent="Agent/a02", wait=1),
        ]
    )

    assert [number for number, _ in report.unreadable.lines] == [3, 4, 5, 7, 10]
    answered_late, twice, never_answered, too_early, by_another = (
        reason for _, reason in report.unreadable.lines
    )
    assert answered_late == twice == "visit 1 was abandoned already"
    assert never_answered == "visit 1 is in no conversation"
    assert "a wait cannot end before it began" in too_early
    assert city.types() == ["received", "queued", "abandoned"]
    assert by_another == "visit 1 was answered already"
    assert city.types("c2") == ["received", "queued"]
    assert city.types("c3") == ["received", "queued", "answered"]


def test_lines_that_cannot_be_read_are_named_and_the_others_count(city: City) -> None:
    report = city.read(
        [
            "",
            "torn|c1|gen",
            entered(0),
            entered(0, "c2", queue="NONE"),
            line(1, "c1", "general", "Agent/a01", "RINGNOANSWER", 1000),
            line(2, "c1", "general", "NONE", "SYSCOMPAT"),
            line(2, "c1", "general", "NONE", "NEWEST"),
            "  ",
            connected(4, wait=4),
        ]
    )

    assert [number for number, _ in report.unreadable.lines] == [2, 4]
    assert report.ignored == {"RINGNOANSWER": 1, "SYSCOMPAT": 1, "NEWEST": 1}
    assert report.unknown_events == ["NEWEST"]
    assert (report.lines, report.calls, report.events) == (7, 1, 3)


def test_the_report_names_the_first_thousand_and_counts_all(city: City) -> None:
    report = city.read(["?"] * 1500)

    assert report.unreadable.count == 1500
    assert len(report.unreadable.lines) == 1000
    assert report.unreadable.lines[-1][0] == 1000


def test_the_report_has_the_first_and_last_time_in_the_zone_of_the_source(city: City) -> None:
    report = city.read([entered(60), entered(0, "c2"), entered(3600, "c3")])

    assert report.first is not None
    assert report.first.isoformat() == "2012-02-29T00:00:00+09:00"
    assert report.last is not None
    assert report.last.isoformat() == "2012-02-29T01:00:00+09:00"


def test_progress_ends_at_the_size_of_the_file(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_log, "CHUNK_LINES", 1)
    city.file.write_text("".join(f"{text}\r\n" for text in ANSWERED_CALL))
    heard: list[int] = []

    import_queue_log(city.log, city.file, timezone=SEOUL, source=city.source, progress=heard.append)

    assert heard == sorted(heard)
    assert len(heard) > 2
    assert heard[-1] == city.file.stat().st_size
    assert city.types() == ["received", "queued", "answered", "ended"]


def test_a_file_that_cannot_be_imported_leaves_the_log_as_it_was(log: Log, tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(gzip.compress(entered(0).encode()))
    empty = tmp_path / "empty"
    empty.touch()
    before = log.inquiries.recorder.max_notification_id()

    for path in (binary, tmp_path / "missing", tmp_path):
        with pytest.raises(ImportFileError, match=str(path)):
            import_queue_log(log, path, timezone=SEOUL)
    assert import_queue_log(log, empty, timezone=SEOUL).lines == 0
    for source in ("two words", "", "a/b"):
        with pytest.raises((VocabularyError, RequestError)):
            import_queue_log(log, empty, timezone=SEOUL, source=source)

    assert log.inquiries.recorder.max_notification_id() == before


def test_two_imports_of_one_file_at_the_same_time_add_it_once(city: City) -> None:
    calls = [f"c{number}" for number in range(300)]
    lines = [entered(number, call, caller="0212345678") for number, call in enumerate(calls)]
    lines += [connected(number + 9, call, wait=9) for number, call in enumerate(calls)]
    city.file.write_text("".join(f"{text}\n" for text in lines))

    with ThreadPoolExecutor(4) as threads:
        reports = list(threads.map(city.read_file, [city.file] * 4))

    assert sum(report.events for report in reports) == 900
    assert {report.calls for report in reports} == {300}
    assert Counter(e["type"] for e in city.events(*calls)) == {
        "inquiry.received.v1": 300,
        "inquiry.queued.v1": 300,
        "inquiry.answered.v1": 300,
    }
    assert len({e["data"].get("citizen") for e in city.events(*calls)} - {None}) == 1


# What the trade sends


def statuses(city: City) -> list[str]:
    """Return how the inquiries of the source stand."""
    return sorted(str(inquiry.status) for inquiry in city.inquiries())


OPEN = {"queued", "in_conversation"}


def test_an_attended_transfer_into_another_queue_goes_on_under_the_other_name(city: City) -> None:
    lines = [
        entered(0, "c1", "first", caller="01055501001"),
        connected(12, "c1", "first", "PJSIP/7009", wait=12),
        entered(131, "c2", "second", caller="7009"),
        line(132, "c2", "first", "PJSIP/7009", "ATTENDEDTRANSFER", "APP", "Queue", 12, 120, 1),
        connected(138, "c1", "second", "PJSIP/7051", wait=7),
        line(311, "c1", "second", "PJSIP/7051", "COMPLETEAGENT", 7, 173, 1),
    ]

    first, again = city.read(lines), city.read(lines)

    assert (first.unreadable.count, again.unreadable.count) == (0, 0)
    assert (again.events, again.repeated) == (0, 6)
    assert city.types("c1") == ["received", "queued", "answered", "ended", "transferred"]
    assert city.types("c2") == ["received", "queued", "linked", "answered", "ended"]
    assert city.data("answered", "c2")[0]["agent"] == "7051"
    assert city.data("ended", "c1")[0]["talk_ms"] == 120_000
    assert city.data("ended", "c2")[0]["talk_ms"] == 173_000
    [link] = city.data("linked", "c2")
    assert link["other"] == str(city.log.keys.inquiry_id(city.source, "c1"))
    assert OPEN.isdisjoint(statuses(city))


def test_a_line_of_another_call_needs_the_one_visit_that_its_times_fit(city: City) -> None:
    report = city.read(
        [
            entered(0, "c1"),
            entered(0, "c2"),
            connected(4, "lost", wait=4),  # either could be meant
            connected(9, "late", wait=3),  # nobody entered then
        ]
    )

    assert [number for number, _ in report.unreadable.lines] == [3, 4]
    assert statuses(city) == ["queued", "queued"]


def test_a_conversation_of_another_agent_is_not_meant(city: City) -> None:
    report = city.read(
        [
            entered(0, "c1"),
            connected(4, "c1", wait=4),
            line(64, "c2", "general", "Agent/a02", "COMPLETEAGENT", 4, 60, 1),
        ]
    )

    assert [number for number, _ in report.unreadable.lines] == [3]
    assert statuses(city) == ["in_conversation"]


def test_a_call_that_arrives_after_its_name_was_used_is_linked_at_its_arrival(city: City) -> None:
    city.read([entered(0, "c1")])

    report = city.read([connected(4, "c2", wait=4), entered(60, "c2", "other")])

    assert report.unreadable.count == 0
    assert city.types("c1") == ["received", "queued", "answered"]
    assert city.types("c2") == ["received", "queued", "linked"]


def test_a_visit_of_an_earlier_import_is_found_under_another_name(city: City) -> None:
    city.read([entered(0, "c1")])

    report = city.read([connected(4, "c2", wait=4), completed(64, "c2", wait=4, talk=60)])

    assert report.unreadable.count == 0
    assert city.types("c1") == ["received", "queued", "answered", "ended"]


def restarted(second: int) -> str:
    return line(second, "NONE", "NONE", "NONE", "QUEUESTART", "")


def test_what_waited_or_talked_when_the_system_went_down_is_lost(city: City) -> None:
    lines = [
        entered(0, "talks"),
        connected(10, "talks", wait=10),
        entered(1, "waits"),
        restarted(100),
        entered(110, "after"),
    ]

    first, again = city.read(lines), city.read(lines)

    assert (first.lost, first.events, again.lost, again.events) == (2, 9, 0, 0)
    [left] = city.data("left-queue", "waits")
    assert (left["reason"], left["waited_ms"]) == ("lost", None)
    [ended] = city.data("ended", "talks")
    assert (ended["ended_by"], ended["talk_ms"]) == ("unknown", None)
    assert city.types("after") == ["received", "queued"]


def test_what_was_answered_under_another_name_is_not_lost(city: City) -> None:
    report = city.read(
        [
            entered(0, "c1"),
            connected(4, "c2", wait=4),
            completed(64, "c2", wait=4, talk=60),
            restarted(100),
        ]
    )

    assert (report.lost, report.unreadable.count) == (0, 0)
    assert city.types("c1") == ["received", "queued", "answered", "ended"]


def test_a_restart_ends_what_an_earlier_file_left_open_and_nothing_of_other_systems(
    city: City, sources: Iterator[str]
) -> None:
    other = City(city.log, next(sources), city.file)
    city.read([entered(0)])
    other.read([entered(0)])

    city.read([restarted(100)])

    assert city.types() == ["received", "queued", "left-queue"]
    assert other.types() == ["received", "queued"]


def test_every_dialect_of_asterisk_is_read(city: City) -> None:
    report = city.read(
        [
            f"{EPOCH}|c1|general|NONE|ENTERQUEUE||01055503001",
            f"{EPOCH + 5}|c1|general|Agent/a301|CONNECT|5",
            f"{EPOCH + 65}|c1|general|Agent/a301|TRANSFER|8800|inside|5|60|1",
            f"{EPOCH}|c2|general|NONE|ENTERQUEUE||",
            f"{EPOCH + 30}|c2|general|NONE|EXITWITHTIMEOUT|1",
            f"{EPOCH}|c3|general|NONE|ENTERQUEUE||",
            f"{EPOCH + 30}|c3|general|NONE|EXITWITHKEY|1|1",
        ]
    )

    assert (report.unreadable.count, report.warnings.count) == (0, 0)
    assert city.types("c1") == ["received", "queued", "answered", "ended", "transferred"]
    assert city.data("received", "c1")[0]["citizen"] is not None
    assert city.data("answered", "c1")[0]["waited_ms"] == 5_000
    [ended] = city.data("ended", "c1")
    assert (ended["ended_by"], ended["talk_ms"]) == ("transfer", 60_000)
    assert [city.data("left-queue", name)[0]["waited_ms"] for name in ("c2", "c3")] == [30_000] * 2


def test_a_table_of_a_database_tells_what_the_file_tells(
    city: City, sources: Iterator[str]
) -> None:
    table = City(city.log, next(sources), city.file)
    city.read(ANSWERED_CALL)

    rows = [text.split("|") for text in ANSWERED_CALL]
    report = table.read(
        ['"id","time","callid","queuename","agent","event","data1","data2","data3"']
        + [
            ",".join(f'"{cell}"' for cell in (number, seoul(int(epoch)), *cells, ""))
            for number, (epoch, *cells) in enumerate(rows, 1)
        ]
    )

    assert (report.unreadable.count, report.ignored) == (0, {"(heading)": 1})
    assert table.facts("c1") == city.facts("c1")


def seoul(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, SEOUL).strftime("%Y-%m-%d %H:%M:%S")


def test_times_keep_their_fractions(city: City) -> None:
    city.read(
        [
            f"{EPOCH}.123456|c1|general|NONE|ENTERQUEUE|||1",
            f"{EPOCH + 5}.5|c1|general|Agent/a01|CONNECT|5|c1.b|1",
        ]
    )

    times = [event["time"] for event in city.events()]
    assert [time[17:] for time in times] == ["00.123456Z", "00.123456Z", "05.500000Z"]


def test_octets_of_other_encodings_cost_no_call(city: City) -> None:
    cp949 = "김철수".encode("cp949")
    city.file.write_bytes(
        b"\0" * 64
        + entered(0).encode()
        + b"|"
        + cp949
        + b"\r\n"
        + line(9, "c1", "general", "Agent/", "CONNECT", 9, "c1.b", 1)
        .replace("Agent/", "Agent/\x00")
        .encode()
        + b"\n"
        + abandoned(10, wait=10).encode()
        + b"\n"
    )

    report = city.read_file(city.file)

    assert [number for number, _ in report.unreadable.lines] == [2]
    assert city.types() == ["received", "queued", "abandoned"]


def test_no_call_is_lost_for_the_name_of_its_queue(city: City) -> None:
    names = ["Sales Desk", "일반민원", "tax&water", "support's", "#100", "_10", "010-5551-3006"]
    calls = [f"c{number}" for number in range(len(names))]

    report = city.read(
        [entered(0, call, name) for call, name in zip(calls, names, strict=True)]
        + [abandoned(9, call, name, wait=9) for call, name in zip(calls, names, strict=True)]
    )

    assert report.unreadable.count == 0
    queues = [city.data("queued", call)[0]["queue"] for call in calls]
    assert len(set(queues)) == len(names)
    with city.log.database.connect() as connection:
        named = {queue.code: queue.ko for queue in read_catalogue(connection).queues}
    assert named[queues[1]] == "일반민원"
    assert named[queues[6]] == "010-****-**06"


def test_the_catalogue_names_a_queue_by_its_code(city: City) -> None:
    name = f"Tax and Water {city.source}"
    queue = Queue(code=code(f"taxes-{city.source}"), ko="세금", en="Taxes", names=(name,))
    with city.log.database.connect_as_owner() as connection:
        load_catalogue(connection, Catalogue(queues=(queue,)))

    city.read([entered(0, queue=name)])

    assert city.data("queued")[0]["queue"] == queue.code


def test_a_name_that_calls_came_under_keeps_its_code(city: City) -> None:
    name = f"Parks {city.source}"
    city.read([entered(0, queue=name)])
    queue = Queue(code=code("parks"), ko="공원", en="Parks", names=(name,))

    with (
        city.log.database.connect_as_owner() as connection,
        pytest.raises(CatalogueError, match="give that code its names"),
    ):
        load_catalogue(connection, Catalogue(queues=(queue,)))

    assert city.read([entered(0, queue=name)]).events == 0


@pytest.mark.parametrize(
    "caller",
    ["anonymous@10.20.30.40", "0000000000", "+266696687", "anonymous", "Anonymous <anonymous>",
     "01055511001-01055511002", "7009"],
)  # fmt: skip
def test_strangers_are_not_one_citizen(city: City, caller: str) -> None:
    report = city.read([entered(0, "c1", caller=caller), entered(9, "c2", caller=caller)])

    assert [city.data("received", call)[0]["citizen"] for call in ("c1", "c2")] == [None, None]
    assert [number for number, _ in report.warnings.lines] == [1, 2]
    assert caller not in report.warnings.lines[0][1]


def test_a_citizen_is_one_however_telephones_write_the_number(city: City) -> None:
    callers = ["sip:01055511001@10.20.30.41", "01055511001", "+821055511001",
               '"Kim <office>" <01055511001>']  # fmt: skip

    city.read([entered(n, f"c{n}", caller=caller) for n, caller in enumerate(callers)])

    citizens = {city.data("received", f"c{n}")[0]["citizen"] for n in range(len(callers))}
    assert len(citizens - {None}) == 1


def test_agents_are_one_whatever_channel_leads_to_them(city: City) -> None:
    members = ["Local/201@from-queue/n", "PJSIP/201", "201", "SIP/201-0000001f"]

    city.read(
        [
            text
            for n, member in enumerate(members)
            for text in (entered(n, f"c{n}"), connected(9, f"c{n}", agent=member, wait=9 - n))
        ]
    )

    assert {city.data("answered", f"c{n}")[0]["agent"] for n in range(len(members))} == {"201"}


@pytest.mark.parametrize(
    "member", ["Local/01055519999@from-queue/n", "SIP/01055517777", "900101-1234567"]
)
def test_no_number_of_an_agent_stands_in_the_clear(city: City, member: str) -> None:
    city.read([entered(0), connected(5, agent=member, wait=5)])

    [answered] = city.data("answered")
    assert answered["agent"].startswith("agent-")
    digits = "".join(filter(str.isdigit, member))[:11].encode()
    assert not any(digits in record for record in city.records())


@pytest.mark.parametrize(
    ("second", "wait", "waited_ms"),
    [(-5, -5, 0), (-1, 0, 0), (10, 4294967291, 10_000), (10, -3590, 10_000)],
)
def test_a_clock_that_was_set_back_costs_a_figure_and_no_call(
    city: City, second: int, wait: int, waited_ms: int
) -> None:
    lines = [entered(60), connected(60 + second, wait=wait), completed(120, wait=wait, talk=60)]

    first, again = city.read(lines), city.read(lines)

    assert city.types() == ["received", "queued", "answered", "ended"]
    assert city.data("answered")[0]["waited_ms"] == waited_ms
    assert first.unreadable.count == again.unreadable.count == again.events == 0
    assert first.warnings.count > 0


def test_what_has_not_happened_is_refused_by_line(city: City) -> None:
    future = int(datetime.now(UTC).timestamp()) + 86_400

    report = city.read([f"{second}|c1|general|NONE|ENTERQUEUE|||1" for second in (12, future)])

    assert [number for number, _ in report.unreadable.lines] == [1, 2]
    assert city.types() == []


def test_the_same_line_with_another_figure_is_a_contradiction(city: City) -> None:
    city.read(ANSWERED_CALL)

    report = city.read(
        [
            *ANSWERED_CALL[:2],
            completed(64, wait=4, talk=59),
            connected(4, wait=3, agent="Agent/a02"),
        ]
    )

    (_, talk), (_, agent) = report.unreadable.lines
    assert "another talk_ms" in talk
    assert "was answered already" in agent
    assert report.events == 0


def test_a_common_reason_hides_no_other(city: City) -> None:
    report = city.read([*["?"] * 1500, f"x{EPOCH}|c1|general|NONE|ENTERQUEUE", *["?"] * 9])

    assert (report.unreadable.count, len(report.unreadable.lines)) == (1510, 1001)
    assert report.unreadable.lines[-1][0] == 1501
    assert sorted(report.unreadable.reasons.values()) == [1, 1509]


# Other people's files


def test_the_small_sample_is_read_as_worked_out_by_hand(city: City, shared_data: Path) -> None:
    expected = json.loads((shared_data / "queue_log_small.expected.json").read_text())["report"]

    report = city.read_file(shared_data / "queue_log_small")

    assert {
        "lines": report.lines,
        "unreadable_lines": [number for number, _ in report.unreadable.lines],
        "calls": report.calls,
        "ignored": report.ignored,
    } == expected
    assert report.unfinished is None
    calls = [f"c{number}" for number in range(1, 10)]
    assert {call: " ".join(city.types(call)) for call in calls} == {
        "c1": "received queued answered ended",
        "c2": "received queued answered ended transferred",
        "c3": "received queued abandoned",
        "c4": "received queued answered ended transferred queued answered ended",
        "c5": "received queued left-queue",
        "c6": "received queued left-queue",
        "c7": "received queued left-queue",
        "c8": "received queued answered",
        "c9": "received queued",
    }


@pytest.mark.long
def test_two_weeks_of_a_bank_are_counted_to_the_second(city: City, shared_data: Path) -> None:
    expected = json.loads((shared_data / "queue_log_1999-02-01_14.expected.json").read_text())[
        "all"
    ]
    sample = shared_data / "queue_log_1999-02-01_14"
    with city.log.database.connect() as connection:
        before = city.log.inquiries.recorder.max_notification_id() or 0

        report = city.read_file(sample)

        rows = connection.execute(
            """
            SELECT split_part(type, '.', 2), count(*)::int,
                   (sum((data->>'waited_ms')::int) / 1000)::int,
                   (sum((data->>'talk_ms')::int) / 1000)::int
            FROM log, LATERAL (SELECT convert_from(record, 'UTF8')::jsonb->'data') AS d(data)
            WHERE position > %s GROUP BY 1
            """,
            [before],
        ).fetchall()
    counted = {kind: told for kind, *told in rows}
    assert (report.unreadable.count, report.differing.count) == (0, 0)
    assert report.calls == expected["offered"]
    assert counted == {
        "received": [expected["offered"], None, None],
        "queued": [expected["offered"], None, None],
        "answered": [expected["answered"], expected["wait_s"], None],
        "abandoned": [expected["abandoned"], expected["abandon_wait_s"], None],
        "ended": [expected["answered"], None, expected["talk_s"]],
    }

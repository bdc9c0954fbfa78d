import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.vocabulary import Sealed, code
from eventlog.log import Log
from importers import contacts
from importers.contact_deciding import ContactSteps, Reported, Sent
from importers.contact_pending import Pending
from importers.contact_report import ContactReport
from importers.contact_taking import Contacts
from importers.contacts import import_contacts
from importers.text_file import ImportFileError
from projections.catalogue_tables import queue_codes
from tests.domain.building import after
from tests.importers.reported import Gateway
from tests.projections.histories import REQUEST

CALL = ["received", "queued", "answered", "ended", "resolved", "rated"]
WORDS = "집에 무사히 왔습니다"


# What steps become


def test_a_call_is_told_from_its_arrival_to_its_rating(gateway: Gateway) -> None:
    report = gateway.tell(*gateway.call(language="ko"))

    assert (report.lines, report.contacts, report.events) == (6, 1, 6)
    assert gateway.types() == CALL
    received, queued, answered, ended, resolved, rated = gateway.events()
    assert received["actor"] == f"service:{gateway.source}"
    assert received["time"] == "2012-02-29T00:00:00.000000Z"
    assert (received["data"]["channel"], received["data"]["language"]) == ("phone", "ko")
    assert received["data"]["contact"] == queued["data"]["contact"]
    assert (answered["data"]["agent"], answered["data"]["waited_ms"]) == ("a1", 9_000)
    assert (ended["data"]["talk_ms"], ended["data"]["hold_ms"]) == (60_000, None)
    assert resolved["data"]["by_first_agent"] is True
    assert rated["data"]["score"] == 5


def test_a_text_is_replied_to(gateway: Gateway) -> None:
    gateway.tell(
        gateway.step("received", 0, channel="sns", account="kim", question="언제 열어요?"),
        gateway.step("replied", 60, agent="a2", message="9시에 엽니다"),
    )

    assert gateway.types() == ["received", "replied"]
    assert gateway.data("replied")[0]["reply_ms"] == 60_000


def test_every_other_step_becomes_its_event(gateway: Gateway) -> None:
    gateway.tell(
        gateway.step("received", 0, channel="sns"),
        gateway.step("classified", 1, language="en", category="transport"),
        gateway.step("turned-away", 2, queue="english", reason="full"),
        gateway.step("queued", 3, queue="general"),
        gateway.step("left-queue", 4, queue="general", reason="timeout"),
        gateway.step("queued", 5, queue="general"),
        gateway.step("abandoned", 6, queue="general", waited_ms=1_500),
        gateway.step("answered", 7, agent="a1"),
        gateway.step("transferred", 8, kind="agency", to="bus", from_agent="a1"),
        gateway.step("ended", 9, ended_by="transfer"),
        gateway.step("followed-up", 10, medium="sms", purpose="care", message=WORDS),
        gateway.step("resolved", 11, outcome="referred"),
        gateway.step("reopened", 12, reason="wrong"),
        gateway.step("praised", 13, title=WORDS, story=WORDS, author="김철수"),
    )

    assert gateway.types() == [
        "received", "classified", "left-queue", "queued", "left-queue", "queued", "abandoned",
        "answered", "transferred", "ended", "followed-up", "resolved", "reopened", "praised",
    ]  # fmt: skip
    assert [left["reason"] for left in gateway.data("left-queue")] == ["full", "timeout"]
    assert gateway.data("abandoned")[0]["waited_ms"] == 1_500
    assert gateway.data("praised")[0]["category"] == "transport"


def test_who_calls_again_is_the_same_citizen(gateway: Gateway) -> None:
    gateway.tell(
        gateway.step("received", 0, "one", channel="phone", telephone="02-1234-5678"),
        gateway.step("received", 0, "two", channel="phone", telephone="0212345678"),
        gateway.step("received", 0, "three", channel="sns", account="kim"),
        gateway.step("received", 0, "four", channel="phone"),
    )

    one, two, three, four = (
        gateway.data("received", name)[0]["citizen"] for name in ("one", "two", "three", "four")
    )
    assert one == two
    assert three not in (one, None)
    assert four is None


def test_what_people_write_is_sealed_and_holds_no_resident_number(
    gateway: Gateway, log: Log
) -> None:
    gateway.tell(
        gateway.step("received", 0, channel="internet", question=f"{WORDS} 900101-1234567")
    )

    [received] = gateway.events()
    assert WORDS not in json.dumps(received, ensure_ascii=False)
    sealed = Sealed(**received["data"]["question"])
    opened = log.vault.open(sealed, gateway.stream(), "inquiry.received.v1", "question")
    assert opened == f"{WORDS} [redacted]"


def test_steps_of_a_visit_find_the_visit_that_they_are_about(gateway: Gateway) -> None:
    first, second = gateway.step("queued", 0, queue="a"), gateway.step("queued", 20, queue="a")
    gateway.tell(
        gateway.step("received", 0, channel="phone"),
        first,
        second,
        gateway.step("answered", 30, queue="a", agent="a1"),
        gateway.step("abandoned", 30, queue="a", enqueued_at=first["time"]),
    )

    assert gateway.data("answered")[0]["visit"] == 2
    assert gateway.data("abandoned")[0]["visit"] == 1


# Once


def test_the_same_file_twice_adds_nothing(gateway: Gateway) -> None:
    file = gateway.call()
    gateway.tell(*file)

    report = gateway.tell(*file)

    assert (report.events, report.repeated, report.unreadable.count) == (0, 6, 0)
    assert (report.lines, report.contacts) == (6, 1)
    assert gateway.types() == CALL


def test_a_line_twice_in_a_file_is_one_step(gateway: Gateway) -> None:
    report = gateway.tell(*(step for step in gateway.call() for _ in range(2)))

    assert (report.events, report.repeated) == (6, 6)
    assert gateway.types() == CALL


def test_what_happened_twice_counts_twice_and_only_twice(gateway: Gateway) -> None:
    resolved, reopened = {"outcome": "answered", "agent": "a1"}, {"reason": "wrong"}
    file = [
        *gateway.call()[:4],
        gateway.step("resolved", 80, **resolved),
        gateway.step("rated", 81, score=5),
        gateway.step("reopened", 82, **reopened),
        gateway.step("resolved", 83, **resolved),
        gateway.step("rated", 84, score=5),
        gateway.step("followed-up", 85, medium="sms", purpose="care", message=WORDS),
        gateway.step("followed-up", 85, medium="sms", purpose="care", message=WORDS),
    ]
    gateway.tell(*file)
    told = gateway.types()

    again = gateway.tell(*file)

    assert [told.count(kind) for kind in ("resolved", "rated", "followed-up")] == [2, 2, 2]
    assert (again.events, again.repeated, again.unreadable.count) == (0, len(file), 0)
    assert gateway.types() == told


def test_two_imports_at_once_take_each_step_once(gateway: Gateway, log: Log) -> None:
    contacts_told = [f"c{number}" for number in range(20)]
    gateway.tell(*(step for name in contacts_told for step in gateway.call(name)[:1]))
    gateway.file.write_text(
        "".join(f"{json.dumps(s)}\n" for name in contacts_told for s in gateway.call(name)[1:])
    )

    with ThreadPoolExecutor(2) as threads:
        reports = list(threads.map(lambda _: import_contacts(log, gateway.file), range(2)))

    assert sum(report.events for report in reports) == 5 * 20
    assert {tuple(gateway.types(name)) for name in contacts_told} == {tuple(CALL)}


def test_two_imports_at_once_that_hold_half_of_the_steps_each_leave_none_waiting(
    gateway: Gateway, log: Log, tmp_path: Path
) -> None:
    names = [f"c{number}" for number in range(30)]
    steps = [step for name in names for step in gateway.call(name)]
    halves = [tmp_path / "one", tmp_path / "two"]
    for first, half in enumerate(halves):
        half.write_text("".join(f"{json.dumps(step)}\n" for step in steps[first::2]))

    with ThreadPoolExecutor(2) as threads:
        reports = list(threads.map(lambda half: import_contacts(log, half), halves))

    assert sum(report.events for report in reports) == len(steps)
    assert {tuple(sorted(gateway.types(name))) for name in names} == {tuple(sorted(CALL))}


def test_an_import_that_was_broken_off_is_finished_by_the_next(
    gateway: Gateway, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contacts, "CHUNK_LINES", 3)
    first, *rest = gateway.call()

    def break_off(_: int) -> None:
        if gateway.types("c2"):
            raise KeyboardInterrupt

    file = [*rest, *gateway.call("c2"), first]
    gateway.file.write_text("".join(f"{json.dumps(step)}\n" for step in file))
    with pytest.raises(KeyboardInterrupt):
        import_contacts(log, gateway.file, progress=break_off)
    broken_off = gateway.types(), gateway.types("c2")

    report = import_contacts(log, gateway.file)

    assert broken_off[0] == []
    assert 0 < len(broken_off[1]) < 6
    assert report.events + len(broken_off[1]) == 12
    assert sorted(gateway.types()) == sorted(gateway.types("c2")) == sorted(CALL)


# In any order


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_any_order_of_a_file_tells_the_same(gateway: Gateway, data: st.DataObject) -> None:
    name = f"c{next(gateway._ids)}"
    report = gateway.tell(*data.draw(st.permutations(gateway.call(name))))

    assert (report.events, report.waiting.count, report.unreadable.count) == (6, 0, 0)
    assert gateway.types(name) == CALL


@pytest.mark.parametrize("order", list(permutations(range(4)))[::5])
def test_steps_wait_for_those_that_come_in_a_later_import(
    gateway: Gateway, order: tuple[int, ...]
) -> None:
    steps = gateway.call()[:4]

    reports = [gateway.tell(steps[number]) for number in order]

    assert sum(report.events for report in reports) == 4
    assert sorted(gateway.types()) == sorted(CALL[:4])
    assert gateway.data("answered")[0]["visit"] == gateway.data("ended")[0]["visit"] == 1
    assert reports[-1].waiting.count == 0


Told = tuple[str, int, dict[str, str]]
RECEIVED: Told = ("received", 0, {"channel": "sns"})
QUEUED: Told = ("queued", 20, {"queue": "a"})
ANSWERED: Told = ("answered", 30, {"agent": "a1"})
RESOLVED: Told = ("resolved", 40, {"outcome": "answered"})
REOPENED: Told = ("reopened", 50, {"reason": "wrong"})
PASSED_ON: Told = ("transferred", 60, {"kind": "agent", "to": "b"})


@pytest.mark.parametrize(
    ("known", "predecessor", "successor"),
    [
        ([], RECEIVED, ("classified", 1, {"language": "en"})),
        ([RECEIVED], ANSWERED, ("ended", 35, {"ended_by": "agent"})),
        ([RECEIVED], ANSWERED, RESOLVED),
        ([RECEIVED, ANSWERED], RESOLVED, ("rated", 45, {"score": 5})),
        ([RECEIVED, ANSWERED], RESOLVED, REOPENED),
        ([RECEIVED, ANSWERED, RESOLVED], REOPENED, ("resolved", 60, {"outcome": "referred"})),
        ([RECEIVED, ANSWERED, RESOLVED], REOPENED, PASSED_ON),
        ([RECEIVED], QUEUED, ("answered", 30, {"queue": "a", "agent": "a1"})),
        ([RECEIVED, QUEUED], ("queued", 0, {"queue": "a"}), ("abandoned", 10, {"queue": "a"})),
    ],
)  # fmt: skip
def test_whatever_needs_another_step_waits_for_it(
    gateway: Gateway, known: list[Told], predecessor: Told, successor: Told
) -> None:
    def tell(*told: Told) -> ContactReport:
        return gateway.tell(*(gateway.step(k, at, **data) for k, at, data in told))

    tell(*known)
    alone = tell(successor)
    together = tell(predecessor)

    assert (alone.events, alone.waiting.count, alone.unreadable.count) == (0, 1, 0)
    assert (together.events, together.waiting.count) == (2, 0)
    assert gateway.types()[-2:] == [predecessor[0], successor[0]]


def test_a_late_rating_is_of_the_resolution_before_it(gateway: Gateway) -> None:
    *call, rated = gateway.call()
    gateway.tell(
        *call,
        gateway.step("reopened", 200, reason="wrong"),
        gateway.step("resolved", 300, outcome="answered"),
    )

    gateway.tell(rated)

    assert [rating["of"] for rating in gateway.data("rated")] == [5]


def test_a_step_that_comes_while_another_process_lets_it_wait_is_not_missed(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    received, queued, answered, *_ = gateway.call()
    gateway.tell(received)
    keep = Pending.keep

    def keep_late(pending: Pending, steps: Iterable[Reported]) -> None:
        monkeypatch.setattr(Pending, "keep", keep)
        with gateway.log.database.connect() as connection:
            other = Contacts(gateway.log, connection)
            other.take([Sent(other.reader.read(json.dumps(queued))[0])])
        keep(pending, steps)

    monkeypatch.setattr(Pending, "keep", keep_late)
    report = gateway.tell(answered)

    assert (report.events, report.waiting.count) == (1, 0)
    assert gateway.types() == ["received", "queued", "answered"]


def test_what_waits_is_released_although_whoever_took_its_predecessor_was_killed(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    received, queued, *_ = gateway.call()
    gateway.tell(queued)

    def killed(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(Contacts, "_release", killed)
        with pytest.raises(SystemExit):
            gateway.tell(received)
    gateway.tell(received)

    assert gateway.types() == ["received", "queued"]


def test_a_contact_that_somebody_changes_meanwhile_is_decided_on_again(
    gateway: Gateway, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    received, queued, answered, *_ = gateway.call()
    gateway.tell(received, queued)
    load = Contacts._load

    def load_and_change(contacts: Contacts, found: Mapping[UUID, ContactSteps]) -> None:
        load(contacts, found)
        monkeypatch.setattr(Contacts, "_load", load)
        inquiry = log.inquiries.get(gateway.stream())
        inquiry.classify(at=after(5), language=code("ja"))
        assert all(log.inquiries.save_each([(inquiry, REQUEST)]))

    monkeypatch.setattr(Contacts, "_load", load_and_change)
    report = gateway.tell(answered)

    assert report.events == 1
    assert gateway.types() == ["received", "queued", "classified", "answered"]
    assert gateway.data("answered")[0]["language"] == "ja"


def test_a_step_may_come_long_after_its_successor_in_a_file(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contacts, "CHUNK_LINES", 2)
    first, *rest = gateway.call()

    report = gateway.tell(*rest, *gateway.call("c2"), *gateway.call("c3"), first)

    assert (report.events, report.waiting.count) == (18, 0)
    assert sorted(gateway.types()) == sorted(CALL)


def test_a_step_that_waits_is_named_and_is_no_fault(gateway: Gateway) -> None:
    report = gateway.tell(*gateway.call()[2:3])

    assert report.waiting.lines == [(1, "the contact has not been received")]
    assert (report.events, report.unreadable.count, report.given_up) == (0, 0, 0)
    assert gateway.types() == []


def test_a_step_that_waited_for_an_hour_is_given_up_and_removed(gateway: Gateway) -> None:
    waiting = gateway.call()[2]
    before = len(gateway.waiting())
    gateway.tell(waiting)
    gateway.let_an_hour_pass()

    report = gateway.tell()

    assert report.given_up >= 1
    [told] = [step for step in report.given_up_steps if gateway.source in step]
    assert f"contact.answered.v1 {waiting['id']} of {gateway.source}, contact c1" in told
    assert "the contact has not been received" in told
    assert len(gateway.waiting()) <= before
    assert gateway.tell(*gateway.call()[:2]).events == 2


def test_what_came_by_another_way_is_found_before_a_step_is_given_up(
    gateway: Gateway, log: Log
) -> None:
    received, _, answered, *_ = gateway.call()
    gateway.tell(received, answered)
    inquiry = log.inquiries.get(gateway.stream())
    inquiry.queue(queue=code("general"), at=after(1))
    assert all(log.inquiries.save_each([(inquiry, REQUEST)]))
    gateway.let_an_hour_pass()

    report = gateway.tell()

    assert gateway.types() == ["received", "queued", "answered"]
    assert not [step for step in report.given_up_steps if gateway.source in step]


def test_what_waits_is_kept_encrypted(gateway: Gateway) -> None:
    gateway.tell(gateway.step("replied", 60, "secret-contact", agent="a2", message=WORDS))

    kept = gateway.waiting()

    assert kept
    assert not any(WORDS.encode() in step or b"secret-contact" in step for step in kept)


# What cannot work


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"specversion": "0.3"}, "specversion: Input should be '1.0'"),
        ({"source": "the pbx"}, "source: String should match pattern"),
        ({"time": "2012-02-29T09:00:00"}, "time: write a time as RFC 3339 does"),
        ({"time": "20120229"}, "time: write a time as RFC 3339 does"),
        ({"time": "0001-01-01T00:00:00+09:00"}, "time: a time of this calendar is needed"),
        ({"time": "1989-12-31T23:59:59Z"}, "time: 1989-12-31T23:59:59+00:00 is before"),
        ({"time": "2199-01-01T00:00:00Z"}, "time: 2199-01-01T00:00:00+00:00 has not come"),
        ({"type": "contact.lost.v1"}, "type: no type of step"),
        ({"data": {"channel": "fax"}}, "data.channel: Input should be 'phone', 'video'"),
        ({"data": {"channel": "sms", "colour": 1}}, "data.colour: Extra inputs"),
        ({"data": {"channel": "sms", "question": "x" * 8_001}}, "data.question: a text has 8001"),
        ({"id": ""}, "id: String should match pattern"),
    ],
)
def test_a_line_that_is_no_step_is_named_with_its_reason(
    gateway: Gateway, change: dict[str, Any], reason: str
) -> None:
    report = gateway.tell(*gateway.call(), gateway.step("received", 0, "c2") | change)

    [(number, told)] = report.unreadable.lines
    assert number == 7
    assert told.startswith(reason)
    assert (report.events, gateway.types("c2")) == (6, [])


@pytest.mark.parametrize("line", ["\x00x", "nonsense", "[]", '{"a":', '"\\ud800"', "[" * 5_000])
def test_a_line_that_is_no_json_object_spoils_itself_only(gateway: Gateway, line: str) -> None:
    report = gateway.tell(line, *gateway.call())

    assert [number for number, _ in report.unreadable.lines] == [1]
    assert (report.lines, report.events) == (7, 6)


def test_lines_of_another_system_are_read_without_their_marks(gateway: Gateway) -> None:
    lines = [json.dumps(step) for step in gateway.call()]
    gateway.file.write_bytes(b"\xef\xbb\xbf" + "\r\n \r\n".join([*lines, ""]).encode())

    report = import_contacts(gateway.log, gateway.file)

    assert (report.lines, report.events, report.unreadable.count) == (6, 6, 0)


@pytest.mark.parametrize(
    "telephone", ["", "anonymous", "120", "+266696687", "anonymous@10.20.30.40", "0000000000", 7]
)
def test_a_call_counts_though_nobody_can_be_known_by_its_number(
    gateway: Gateway, telephone: object
) -> None:
    report = gateway.tell(*gateway.call(telephone=telephone))

    assert gateway.types() == CALL
    assert gateway.data("received")[0]["citizen"] is None
    [(number, warning)] = report.warnings.lines
    assert number == 1
    assert warning.startswith("telephone: ")


def test_a_citizen_is_one_however_the_number_is_written(gateway: Gateway) -> None:
    ways = ["010-5552-0002", "+82 (0)10-5552-0002", "\uff10\uff11\uff10\uff0d5552-0002"]

    report = gateway.tell(
        *[
            gateway.step("received", 0, f"c{number}", channel="phone", telephone=way)
            for number, way in enumerate(ways)
        ]
    )

    citizens = {gateway.data("received", f"c{number}")[0]["citizen"] for number in range(3)}
    assert len(citizens - {None}) == 1
    assert report.warnings.count == 0


def test_two_replies_of_one_second_are_two(gateway: Gateway) -> None:
    steps = [
        gateway.step("received", 0, channel="sms"),
        gateway.step("replied", 60, agent="a1", message="(1/2) 첫 번째"),
        gateway.step("replied", 60, agent="a1", message="(2/2) 두 번째"),
    ]

    first, again = gateway.tell(*steps), gateway.tell(*steps)

    assert gateway.types() == ["received", "replied", "replied"]
    assert (first.events, again.events, again.repeated) == (3, 0, 3)


DIFFERING = [
    ("received", {"channel": "sms"}, {"channel": "internet"}),
    ("received", {"channel": "sms", "category": "tax"}, {"channel": "sms", "category": "water"}),
    ("received", {"channel": "sms"}, {"channel": "sms", "question": "언제 열어요?"}),
    ("replied", {"agent": "a1", "message": "네"}, {"agent": "a1", "message": "아니요"}),
    ("replied", {"agent": "a1", "message": "네"}, {"agent": "a2", "message": "네"}),
    ("transferred", {"kind": "agent", "to": "a2"}, {"kind": "agent", "to": "a3"}),
    ("classified", {"category": "tax"}, {"category": "water"}),
]


@pytest.mark.parametrize(("kind", "told", "other"), DIFFERING)
@pytest.mark.parametrize("together", [True, False])
def test_a_step_that_says_otherwise_under_the_same_id_is_named(
    gateway: Gateway, kind: str, told: dict[str, Any], other: dict[str, Any], *, together: bool
) -> None:
    begun = [] if kind == "received" else [gateway.step("received", 0, channel="sms")]
    first = gateway.step(kind, 60, **told)
    second = first | {"data": other}

    if together:
        report = gateway.tell(*begun, first, second)
    else:
        gateway.tell(*begun, first)
        report = gateway.tell(*begun, second)

    [(number, reason)] = report.unreadable.lines
    assert number == len(begun) + (2 if together else 1)
    assert "is known with another" in reason
    assert gateway.types()[len(begun) :] == [kind]
    assert gateway.tell(*begun, first).unreadable.count == 0


def test_an_id_is_that_of_one_step_of_its_contact(gateway: Gateway) -> None:
    steps = [
        gateway.step("received", 0, "c1", channel="phone"),
        gateway.step("queued", 1, "c1", queue="general") | {"id": "m"},
        gateway.step("answered", 5, "c1", queue="general", agent="a1") | {"id": "m"},
        gateway.step("received", 0, "c2", channel="phone") | {"id": "m"},
    ]

    report = gateway.tell(*steps)

    [(number, reason)] = report.unreadable.lines
    assert (number, "another step needs another id" in reason) == (3, True)
    assert gateway.types("c1") == ["received", "queued"]
    assert gateway.types("c2") == ["received"]


def test_a_second_arrival_of_a_contact_that_says_otherwise_is_named(gateway: Gateway) -> None:
    report = gateway.tell(
        gateway.step("received", 0, channel="sms", category="tax"),
        gateway.step("received", 60, channel="sms"),
        gateway.step("received", 90, channel="internet", category="water"),
    )

    assert (report.events, report.repeated) == (1, 1)
    [(number, reason)] = report.unreadable.lines
    assert (number, "another channel" in reason) == (3, True)


def test_a_step_that_waits_keeps_its_id(gateway: Gateway) -> None:
    reply = gateway.step("replied", 60, agent="a1", message="네")
    gateway.tell(reply)

    report = gateway.tell(reply, reply | {"data": {"agent": "a1", "message": "아니요"}})

    assert [number for number, _ in report.waiting.lines] == [1]
    assert [number for number, _ in report.unreadable.lines] == [2]


def test_names_that_are_no_codes_cost_no_step(gateway: Gateway) -> None:
    report = gateway.tell(
        gateway.step("received", 0, channel="phone", category="", district="강남구"),
        gateway.step("queued", 1, queue="일반 민원"),
        gateway.step("answered", 5, queue="일반 민원", agent="010-5551-9999"),
        gateway.step("transferred", 9, kind="agent", to="010-5551-8888", from_agent="김철수"),
    )

    assert gateway.types() == ["received", "queued", "answered", "transferred"]
    received = gateway.data("received")[0]
    assert (received["category"], received["district"]) == (None, None)
    queue = gateway.data("queued")[0]["queue"]
    assert queue == gateway.data("answered")[0]["queue"]
    assert gateway.data("answered")[0]["agent"].startswith("agent-")
    assert gateway.data("transferred")[0]["to"] == "external"
    assert {warning.partition(":")[0] for _, warning in report.warnings.lines} == {
        "category", "district", "to",
    }  # fmt: skip
    with gateway.log.database.connect() as connection:
        assert queue_codes(connection)["일반 민원"] == queue


def test_a_step_that_contradicts_what_is_known_is_named(gateway: Gateway) -> None:
    queued = gateway.step("queued", 1, queue="general")
    report = gateway.tell(
        gateway.step("received", 0, channel="phone"),
        queued,
        gateway.step("answered", 10, queue="general", agent="a1"),
        gateway.step("abandoned", 20, queue="general", enqueued_at=queued["time"]),
        gateway.step("replied", 20, agent="a1", message=WORDS),
    )

    assert report.unreadable.lines == [
        (4, "visit 1 was answered already"),
        (5, "a phone inquiry is answered or followed up, not replied to"),
    ]
    assert gateway.types() == ["received", "queued", "answered"]


def test_a_step_that_proves_wrong_after_it_waited_is_named_by_its_line(gateway: Gateway) -> None:
    report = gateway.tell(
        gateway.step("ended", 5, queue="general", ended_by="agent"),
        *(step for step in gateway.call("c2")),
        gateway.step("received", 10, channel="phone"),
    )

    assert report.waiting.count == 1  # its visit may still come
    gateway.tell(
        gateway.step("queued", 11, queue="general"),
        gateway.step("answered", 12, queue="general", agent="a1"),
    )
    assert gateway.types() == ["received", "queued", "answered"]


def test_a_last_line_without_its_newline_is_read_if_it_is_whole(gateway: Gateway) -> None:
    [first, second, *_] = map(json.dumps, gateway.call())
    gateway.file.write_text(f"{first}\n{second}")
    whole = import_contacts(gateway.log, gateway.file)
    gateway.file.write_text(f"{first}\n{second[:-5]}")
    torn = import_contacts(gateway.log, gateway.file)

    assert (whole.lines, whole.events, whole.unfinished) == (2, 2, None)
    assert (torn.lines, torn.events, torn.unfinished) == (1, 0, 2)


def test_a_file_that_cannot_be_read_is_refused(log: Log, tmp_path: Path) -> None:
    with pytest.raises(ImportFileError, match="No such file"):
        import_contacts(log, tmp_path / "missing")


def test_progress_tells_the_bytes_read(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contacts, "CHUNK_LINES", 4)
    gateway.tell(*gateway.call())
    told: list[int] = []

    import_contacts(gateway.log, gateway.file, progress=told.append)

    assert 0 < told[0] < told[-1] == gateway.file.stat().st_size

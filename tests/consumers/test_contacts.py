"""What becomes of messages of gateways: events once, or a rejection once, with the reason."""

import json
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from consumers.consuming import Consumer
from consumers.contacts import (
    MAX_RECORDS,
    MOST_IN_A_ROW,
    ContactMessages,
    TooManyRejectedError,
    group,
)
from consumers.ends import place
from consumers.rejecting import Rejected
from consumers.relay import Relay
from consumers.topics import require
from eventlog.log import assembled
from importers.contact_sealing import Sealing
from importers.contact_taking import Contacts
from importers.queue_log import import_queue_log
from projections.expected import compare, read_expected
from projections.runner import Runner
from tests.conftest import Servers
from tests.consumers.connected import Connected, running
from tests.consumers.gateways import Message, as_unreliable, send, send_at_once, steps
from tests.consumers.reading import read_topic, written
from tests.faults.harness import await_condition
from tests.importers.reported import Gateway

RESIDENT = "900101-1234567"


@pytest.fixture
def gateway(connected: Connected, tmp_path: Path) -> Gateway:
    return Gateway(connected.log, "pbx", tmp_path / "unused")


def consumer(connected: Connected) -> Consumer:
    opened = partial(ContactMessages.opened, connected.log)
    return Consumer(
        connected.broker,
        connected.contacts,
        group(connected.city),
        opened,
        max_records=MAX_RECORDS,
    )


def rejecting(connected: Connected) -> Relay:
    table = Rejected(connected.rejected, connected.log.keys)
    return Relay(connected.broker, connected.database, table, "rejections")


def tell(connected: Connected, *messages: Message | bytes) -> None:
    """Send messages, take them, and send what is rejected."""
    send(connected.broker, connected.contacts.name, messages)
    is_taken = taking(connected)
    with running(consumer(connected).run, rejecting(connected).run) as is_running:
        await_condition(lambda: (is_taken() and not unsent(connected)) or not is_running())


def taking(connected: Connected) -> Callable[[], bool]:
    """Return what tells whether everything that the topic has now was taken."""
    topic = require(connected.broker, connected.contacts)
    goal = written(connected.broker, topic.name)

    def is_taken() -> bool:
        with connected.database.connect() as connection:
            row = connection.execute(
                "SELECT coalesce(sum(next), 0) FROM consumed WHERE topic_id = %s", [topic.id]
            ).fetchone()
        return row is not None and row[0] >= goal

    return is_taken


def unsent(connected: Connected) -> int:
    with connected.database.connect() as connection:
        row = connection.execute(
            "SELECT count(*) FROM vault.rejected WHERE message IS NOT NULL"
        ).fetchone()
    assert row
    return int(row[0])


def rejections(connected: Connected) -> list[dict[str, Any]]:
    records = read_topic(connected.broker, connected.rejected.name)
    return [json.loads(record.value) for record in records]


# What messages become


def test_a_call_is_told_from_its_arrival_to_its_rating(
    connected: Connected, gateway: Gateway
) -> None:
    tell(connected, *gateway.call())

    assert gateway.types() == ["received", "queued", "answered", "ended", "resolved", "rated"]
    assert rejections(connected) == []


def test_a_message_that_comes_again_records_nothing(connected: Connected, gateway: Gateway) -> None:
    call = gateway.call()
    tell(connected, *call)

    tell(connected, *call, *call)

    assert len(gateway.types()) == 6
    assert rejections(connected) == []


def test_a_file_and_the_topic_know_of_each_other(connected: Connected, gateway: Gateway) -> None:
    call = gateway.call()
    gateway.tell(*call[:3])

    tell(connected, *call)

    assert len(gateway.types()) == 6


def test_an_offset_past_the_end_is_named_and_nothing_is_skipped(
    connected: Connected, gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    tell(connected, *gateway.call("one"))
    with connected.database.connect_as_owner() as owner:
        owner.execute("UPDATE consumed SET next = next + 1000")

    send(connected.broker, connected.contacts.name, gateway.call("two"))
    with running(consumer(connected).run):
        await_condition(lambda: len(gateway.types("two")) == 6)

    assert "it lost messages, and is read from its beginning" in caplog.text
    assert len(gateway.types("one")) == 6


def test_a_topic_that_was_made_again_is_read_from_its_beginning(
    connected: Connected, gateway: Gateway
) -> None:
    tell(connected, *gateway.call("one"))
    connected.remake(connected.contacts)

    tell(connected, *gateway.call("two"))

    assert len(gateway.types("two")) == 6


# What can never be taken


def test_what_is_no_step_is_rejected_with_reason_and_origin(connected: Connected) -> None:
    tell(connected, b"not JSON")

    [message] = read_topic(connected.broker, connected.contacts.name)
    [rejection] = rejections(connected)
    told = rejection["data"]
    assert "Invalid JSON" in told["reason"]
    assert place(message) == "{topic}/{partition}@{offset}".format(**told["origin"])
    assert told["message"] == "not JSON"


def test_other_messages_at_the_same_place_of_a_topic_made_again_are_rejected(
    connected: Connected,
) -> None:
    connected.send_to(connected.contacts, 0, [b"nonsense"])
    tell(connected)
    connected.remake(connected.contacts)
    connected.send_to(connected.contacts, 0, [b"other nonsense"])

    tell(connected)

    told = [rejection["data"]["message"] for rejection in rejections(connected)]
    assert sorted(told) == ["nonsense", "other nonsense"]


def test_rejections_go_on_after_a_backup_was_restored(connected: Connected) -> None:
    tell(connected, *[b"nonsense %d" % n for n in range(12)])
    with connected.database.connect_as_owner() as owner:
        owner.execute("DELETE FROM vault.rejected")
        owner.execute("ALTER SEQUENCE vault.rejected_number_seq RESTART")
        owner.execute("DELETE FROM relay")

    tell(connected, *[b"new nonsense %d" % n for n in range(5)])

    told = [rejection["data"]["message"] for rejection in rejections(connected)]
    assert len(told) == 17
    assert sum(message.startswith("new") for message in told) == 5


def test_a_field_that_the_sender_made_up_is_not_repeated_in_the_reason(
    connected: Connected, gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    names = ["\0", f"{RESIDENT} 010-1234-5678", "a.b", "x" * 41]
    messages = [gateway.step("received", 0, channel="phone") for _ in names]
    for message, name in zip(messages, names, strict=True):
        message["data"][name] = 1

    tell(connected, *messages)

    reasons = [rejection["data"]["reason"] for rejection in rejections(connected)]
    assert len(reasons) == len(names)
    assert all(reason.startswith("data.?: Extra inputs") for reason in reasons)
    assert "1234" not in caplog.text


def test_a_step_that_contradicts_what_is_known_is_rejected(
    connected: Connected, gateway: Gateway
) -> None:
    queued = gateway.step("queued", 10, queue="general")
    early = gateway.step("answered", 5, queue="general", enqueued_at=queued["time"], agent="a1")

    tell(connected, gateway.step("received", 0, channel="phone"), queued, early)

    [rejection] = rejections(connected)
    assert json.loads(rejection["data"]["message"])["id"] == early["id"]
    assert gateway.types() == ["received", "queued"]


def test_each_step_that_says_otherwise_under_a_known_id_is_rejected(
    connected: Connected, gateway: Gateway
) -> None:
    received = gateway.step("received", 0, channel="sms", category="tax")
    others = [
        received | {"data": {"channel": "sms", "category": category}}
        for category in ("water", "parks", "parks")
    ]

    tell(connected, received, *others)

    told = [json.loads(one["data"]["message"])["data"]["category"] for one in rejections(connected)]
    assert sorted(told) == ["parks", "water"]
    assert gateway.types() == ["received"]


def test_a_step_that_comes_again_is_rejected_once(connected: Connected, gateway: Gateway) -> None:
    queued = gateway.step("queued", 10, queue="general")
    early = gateway.step("answered", 5, queue="general", enqueued_at=queued["time"], agent="a1")
    tell(connected, gateway.step("received", 0, channel="phone"), queued, early, early)

    tell(connected, early)

    assert len(rejections(connected)) == 1


def test_no_message_stops_those_behind_it(connected: Connected, gateway: Gateway) -> None:
    no_steps = [None, b"", b"{" * 70_000, b"\xff\xfe", b"[1, 2]", b'{"a":1}']
    connected.send_to(connected.contacts, 0, [*no_steps, *gateway.call()])

    tell(connected)

    assert len(rejections(connected)) == len(no_steps)
    assert len(gateway.types()) == 6


def test_a_step_waits_for_its_predecessor(connected: Connected, gateway: Gateway) -> None:
    received, queued, *_ = gateway.call()
    tell(connected, queued)
    assert gateway.types() == []

    tell(connected, received)

    assert gateway.types() == ["received", "queued"]
    assert rejections(connected) == []


def test_a_step_that_proves_wrong_after_it_waited_is_rejected(
    connected: Connected, gateway: Gateway
) -> None:
    queued = gateway.step("queued", 10, queue="general")
    early = gateway.step("answered", 5, queue="general", enqueued_at=queued["time"], agent="a1")
    tell(connected, early)
    assert rejections(connected) == []

    tell(connected, gateway.step("received", 0, channel="phone"), queued)

    [rejection] = rejections(connected)
    assert json.loads(rejection["data"]["message"])["id"] == early["id"]


def test_a_step_that_waited_in_vain_is_rejected_whoever_gives_it_up(
    connected: Connected, gateway: Gateway
) -> None:
    tell(connected, gateway.step("answered", 10, queue="general", agent="a1"))
    gateway.let_an_hour_pass()
    with connected.database.connect() as connection:
        Contacts(connected.log, connection).give_up(lambda _: None)

    tell(connected)

    [rejection] = rejections(connected)
    assert "did not come within 1 hour" in rejection["data"]["reason"]
    assert rejection["data"]["origin"]["topic"] == connected.contacts.name


def test_a_step_of_a_file_that_waited_in_vain_is_no_rejection(
    connected: Connected, gateway: Gateway
) -> None:
    gateway.tell(gateway.step("answered", 10, queue="general", agent="a1"))
    gateway.let_an_hour_pass()
    with connected.database.connect() as connection:
        Contacts(connected.log, connection).give_up(lambda _: None)

    tell(connected)

    assert rejections(connected) == []


def test_a_rejection_that_was_sent_and_not_noted_is_not_sent_again(connected: Connected) -> None:
    tell(connected, b"not JSON")
    with connected.database.connect_as_owner() as owner:
        owner.execute("UPDATE vault.rejected SET message = %s", [sealed_again(connected)])

    tell(connected, b"not JSON either")

    assert len(rejections(connected)) == 2


def test_no_resident_number_is_kept(connected: Connected, gateway: Gateway) -> None:
    unreadable = f'{{"source":"pbx","id":"{RESIDENT}","x":"\\u0039\\u0030\\u0030101-1234567"}}'

    tell(
        connected,
        unreadable.encode(),
        f"{RESIDENT} is no JSON".encode(),
        gateway.step("praised", 10, title=RESIDENT, story=RESIDENT, author=RESIDENT),
        gateway.step("rated", 20, score=9, comment=RESIDENT),
    )

    told = json.dumps(rejections(connected))
    assert told.count("[redacted]") >= 4
    assert "1234567" not in told


def test_what_was_sent_is_not_kept(connected: Connected) -> None:
    tell(connected, b"not JSON")

    assert unsent(connected) == 0


def test_many_in_a_row_stop_the_consumer_and_none_is_lost(
    connected: Connected, gateway: Gateway
) -> None:
    with pytest.raises(TooManyRejectedError, match="messages in a row were rejected"):
        tell(connected, *[b"not JSON"] * MOST_IN_A_ROW)

    tell(connected, *gateway.call())

    assert len(rejections(connected)) == MOST_IN_A_ROW
    assert len(gateway.types()) == 6


def test_many_that_are_not_in_a_row_stop_nobody(connected: Connected, gateway: Gateway) -> None:
    received = gateway.step("received", 0, channel="phone")
    mixed = [bad for n in range(MOST_IN_A_ROW + 20) for bad in (b"x", received)]

    connected.send_to(connected.contacts, 0, mixed)
    tell(connected)

    assert len(rejections(connected)) == MOST_IN_A_ROW + 20


def test_messages_that_expired_before_they_were_read_are_named(
    connected: Connected, gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    first = gateway.call("one")
    connected.send_to(connected.contacts, 0, first[:1])
    tell(connected)
    connected.send_to(connected.contacts, 0, first[1:])
    connected.expire(connected.contacts, 0, before=4)

    tell(connected, *gateway.call("two"))

    assert "the messages from offset 1 to 3 expired before they were read" in caplog.text
    assert len(gateway.types("two")) == 6


def sealed_again(connected: Connected) -> bytes:
    with connected.database.connect() as connection:
        row = connection.execute("SELECT ref FROM vault.rejected").fetchone()
    assert row
    return Sealing(connected.log.keys).seal(row[0], "not JSON")


# A city's calls


def calls_of(servers: Servers, path: Path, zone: ZoneInfo) -> tuple[list[Message], list[Message]]:
    """Return what two gateways would have reported for a queue_log, each half of the calls."""
    with (
        servers.database(f"calls_{uuid4().hex[:8]}") as database,
        assembled(servers.settings, database, servers.keys) as log,
    ):
        import_queue_log(log, path, timezone=zone)
        with log.database.connect() as connection:
            rows = connection.execute("SELECT record FROM log ORDER BY position").fetchall()
    messages = list(steps((row[0] for row in rows), "pbx-1"))
    halves = [UUID(message["subject"]).int % 2 for message in messages]
    return (
        [message for message, half in zip(messages, halves, strict=True) if not half],
        [m | {"source": "pbx-2"} for m, half in zip(messages, halves, strict=True) if half],
    )


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("queue_log_small", ZoneInfo("Asia/Seoul")),
        pytest.param("queue_log_1999-02-01_14", ZoneInfo("Asia/Jerusalem"), marks=pytest.mark.soak),
    ],
)
def test_the_kpis_of_real_calls_are_those_that_others_counted(
    connected: Connected, servers: Servers, shared_data: Path, name: str, zone: ZoneInfo
) -> None:
    sample = shared_data / name
    expected = read_expected(sample.with_name(f"{sample.name}.expected.json").read_bytes())
    one, other = calls_of(servers, sample, zone)
    chance = random.Random(120)

    send_at_once(
        connected.broker,
        connected.contacts.name,
        as_unreliable(one, chance),
        as_unreliable(other, chance),
    )
    with running(consumer(connected).run):
        await_condition(taking(connected))

    with connected.database.connect() as connection:
        Runner(connection).catch_up()
        figures = list(compare(connection, expected, zone))
    assert [figure for figure in figures if not figure.is_equal] == []
    assert len(figures) > 40
    assert connected.position() == len(one) + len(other)
    assert unsent(connected) == 0

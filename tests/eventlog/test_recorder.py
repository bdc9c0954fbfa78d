"""The log as the library's own tools see it."""

from datetime import timedelta
from uuid import uuid4

from domain.inquiry import Inquiry
from domain.vocabulary import Channel, Code
from eventlog.log import Log
from tests.eventlog.examples import REQUEST, TIME


def received(log: Log) -> Inquiry:
    """An inquiry was saved, its contact in the queue."""
    contact = log.keys.contact("pbx", str(uuid4()))
    inquiry = Inquiry.receive(uuid4(), at=TIME, channel=Channel.PHONE, contact=contact)
    inquiry.queue(queue=Code("general"), at=TIME)
    log.inquiries.receive(inquiry, REQUEST)
    return inquiry


def test_a_subscription_delivers_what_was_there_and_what_comes(log: Log) -> None:
    received(log)

    with log.inquiries.recorder.subscribe(gt=1) as subscription:
        first = next(subscription)
        received(log)
        later = [next(subscription), next(subscription)]

    assert [n.id for n in (first, *later)] == [2, 3, 4]
    assert [n.topic for n in later] == ["inquiry.received.v1", "inquiry.queued.v1"]


def test_a_subscription_can_ask_for_some_types(log: Log) -> None:
    received(log)

    with log.inquiries.recorder.subscribe(topics=["inquiry.queued.v1"]) as subscription:
        assert next(subscription).id == 2


def test_a_stopped_subscription_ends(log: Log) -> None:
    with log.inquiries.recorder.subscribe() as subscription:
        subscription.stop()

        assert list(subscription) == []


def test_notifications_are_selected_by_position_and_type(log: Log) -> None:
    received(log)
    received(log)
    recorder = log.inquiries.recorder

    chosen = recorder.select_notifications(1, 10, topics=["inquiry.queued.v1"])

    assert [n.id for n in chosen] == [2, 4]
    assert [n.id for n in recorder.select_notifications(1, 2, inclusive_of_start=False)] == [2, 3]
    assert recorder.max_notification_id() == 4


def test_an_empty_log_has_no_last_notification(log: Log) -> None:
    assert log.inquiries.recorder.max_notification_id() is None


def test_a_reader_whose_connection_was_ended_reads_on(log: Log) -> None:
    inquiry = received(log)
    log.inquiries.get(inquiry.id)
    with log.database.connect_as_owner() as owner:
        owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    log.inquiries.change(
        inquiry.id, lambda i: i.answer(agent=Code("a1"), at=TIME + timedelta(seconds=4)), REQUEST
    )

    assert log.inquiries.get(inquiry.id).version == 3


def test_the_library_saves_through_the_log_when_told_who_asks(log: Log) -> None:
    inquiry = Inquiry.receive(uuid4(), at=TIME, channel=Channel.SMS)

    log.inquiries.save(inquiry, request=REQUEST, response="")

    assert log.inquiries.get(inquiry.id).version == 1
    assert log.inquiries.recorder.max_notification_id() == 1

from datetime import timedelta

import pytest

from domain.errors import ImpossibleTimeError
from domain.events import Received
from domain.inquiry import Inquiry
from domain.vocabulary import Attachment, Channel, Plain, code, digest
from tests.domain.building import CALL, CITIZEN, NINE, ONE, after, only


def test_an_inquiry_arrives_with_all_that_its_citizen_sent() -> None:
    photo = Attachment(digest("a" * 64), code("image/jpeg"), 120_000, digest("b" * 32))

    inquiry = Inquiry.receive(
        ONE,
        at=NINE,
        channel=Channel.INTERNET,
        language=code("ko"),
        category=code("road"),
        district=code("gangnam-gu"),
        contact=CALL,
        citizen=CITIZEN,
        question=Plain("신호등이 고장났어요"),
        place=Plain("학동공원"),
        attributes=Plain("{}"),
        attachments=(photo,),
        due_at=NINE + timedelta(days=3),
    )

    fact = only(inquiry, Received)
    assert (fact.originator_id, fact.originator_version, fact.timestamp) == (ONE, 1, NINE)
    assert (fact.channel, fact.language) == (Channel.INTERNET, "ko")
    assert (fact.category, fact.district) == ("road", "gangnam-gu")
    assert (fact.contact, fact.citizen) == (CALL, CITIZEN)
    assert fact.question == Plain("신호등이 고장났어요")
    assert (fact.place, fact.attributes) == (Plain("학동공원"), Plain("{}"))
    assert fact.attachments == (photo,)
    assert fact.due_at == NINE + timedelta(days=3)


def test_of_an_inquiry_nothing_but_its_channel_need_be_known() -> None:
    inquiry = Inquiry.receive(ONE, at=NINE, channel=Channel.PHONE)

    fact = only(inquiry, Received)
    assert (fact.contact, fact.citizen, fact.question) == (None, None, None)
    assert (fact.language, fact.category, fact.district) == (None, None, None)


def test_an_arrival_without_an_offset_from_utc_is_refused() -> None:
    with pytest.raises(ImpossibleTimeError):
        Inquiry.receive(ONE, at=NINE.replace(tzinfo=None), channel=Channel.PHONE)


def test_a_due_time_without_an_offset_from_utc_is_refused() -> None:
    with pytest.raises(ImpossibleTimeError):
        Inquiry.receive(ONE, at=NINE, channel=Channel.PHONE, due_at=after(60).replace(tzinfo=None))

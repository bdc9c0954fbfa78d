"""An inquiry has a bounded number of events: whoever sends more harms nobody."""

import pytest

from domain import known
from domain.errors import InquiryFullError
from domain.inquiry import Inquiry
from domain.vocabulary import AnnulReason, Code, Plain
from tests.domain.building import NINE, received


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "MAX_EVENTS", 3)


def noted(inquiry: Inquiry) -> None:
    """Write one thing more down."""
    ref = Code(f"note-{inquiry.version}")
    inquiry.note(ref=ref, kind=Code("call-back"), note=Plain("later"), at=NINE)


def full() -> Inquiry:
    inquiry = received()
    while inquiry.version < 3:
        noted(inquiry)
    return inquiry


def test_an_inquiry_that_is_full_takes_nothing_more() -> None:
    inquiry = full()

    with pytest.raises(InquiryFullError, match="has 3 events, and may have 3"):
        noted(inquiry)


def test_an_inquiry_that_is_full_can_be_taken_back() -> None:
    inquiry = full()

    inquiry.annul(at=NINE, reason=AnnulReason.TEST)

    assert inquiry.annulled

import pytest

from domain.errors import LinkError
from domain.events import Linked
from domain.vocabulary import (
    LinkKind,
)
from tests.domain.building import (
    ANOTHER,
    ONE,
    after,
    only,
    recorded,
    resolved,
)


def test_two_inquiries_belong_together() -> None:
    inquiry = resolved()

    inquiry.link(other=ANOTHER, kind=LinkKind.REPEAT, at=after(minutes=60))

    fact = only(inquiry, Linked)
    assert (fact.other, fact.kind) == (ANOTHER, LinkKind.REPEAT)
    assert fact.timestamp == after(minutes=60)


def test_an_inquiry_does_not_belong_to_itself() -> None:
    inquiry = resolved()

    with pytest.raises(LinkError):
        inquiry.link(other=ONE, kind=LinkKind.REPEAT, at=after(minutes=60))

    assert recorded(inquiry) == []


def test_the_same_link_again_says_nothing_new_and_another_kind_does() -> None:
    inquiry = resolved()

    for kind in (LinkKind.REPEAT, LinkKind.CHILD, LinkKind.REPEAT):
        inquiry.link(other=ANOTHER, kind=kind, at=after(minutes=60))

    assert recorded(inquiry) == [Linked, Linked]

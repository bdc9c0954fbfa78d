import pytest

from domain.errors import ImpossibleTimeError, UnknownReferenceError
from domain.events import Praised, PraisePublished, PraiseWithdrawn
from domain.inquiry import Inquiry
from domain.vocabulary import Plain, code
from tests.domain.building import (
    MODERATOR,
    YANG,
    after,
    only,
    praise,
    praised,
    received,
    recorded,
    resolved,
)


def published() -> tuple[Inquiry, int]:
    inquiry = praised()
    of = inquiry.version
    inquiry.publish_praise(of=of, moderator=MODERATOR, at=after(minutes=90))
    recorded(inquiry)
    return inquiry, of


def test_a_citizen_thanks_the_line() -> None:
    inquiry = resolved()

    inquiry.praise(
        ref=code("p1"),
        title=Plain("고마워요"),
        story=Plain("막차를 탔어요"),
        author=Plain("김○○"),
        at=after(minutes=60),
        agent=YANG,
    )

    fact = only(inquiry, Praised)
    assert (fact.ref, fact.agent, fact.timestamp) == ("p1", YANG, after(minutes=60))
    assert (fact.title, fact.story) == (Plain("고마워요"), Plain("막차를 탔어요"))
    assert fact.author == Plain("김○○")


def test_nobody_praises_before_the_inquiry() -> None:
    inquiry = received()

    with pytest.raises(ImpossibleTimeError):
        praise(inquiry, at=after(-1))

    assert recorded(inquiry) == []


def test_praise_with_the_same_ref_is_a_repeat_and_another_ref_is_another() -> None:
    inquiry = resolved()

    for ref in ("p1", "p1", "p2"):
        praise(inquiry, at=after(minutes=60), ref=ref)

    assert recorded(inquiry) == [Praised, Praised]


def test_a_story_comes_on_the_board_in_moderated_words() -> None:
    inquiry = praised()

    inquiry.publish_praise(
        of=inquiry.version,
        moderator=MODERATOR,
        at=after(minutes=90),
        title=Plain("막차"),
        story=Plain("고맙습니다"),
        reason=code("names"),
    )

    fact = only(inquiry, PraisePublished)
    assert (fact.of, fact.moderator, fact.reason) == (6, MODERATOR, "names")
    assert (fact.title, fact.story) == (Plain("막차"), Plain("고맙습니다"))
    assert fact.timestamp == after(minutes=90)


def test_only_praise_comes_on_the_board() -> None:
    inquiry = praised()

    with pytest.raises(UnknownReferenceError):
        inquiry.publish_praise(of=1, moderator=MODERATOR, at=after(minutes=90))

    assert recorded(inquiry) == []


def test_publishing_twice_is_publishing_once() -> None:
    inquiry, of = published()

    inquiry.publish_praise(of=of, moderator=MODERATOR, at=after(minutes=91))

    assert recorded(inquiry) == []


def test_a_story_is_taken_off_the_board() -> None:
    inquiry, of = published()

    inquiry.withdraw_praise(of=of, moderator=MODERATOR, at=after(minutes=99), reason=code("asked"))

    fact = only(inquiry, PraiseWithdrawn)
    assert (fact.of, fact.moderator, fact.reason) == (of, MODERATOR, "asked")
    assert (fact.title, fact.story, fact.timestamp) == (None, None, after(minutes=99))


def test_a_story_is_kept_from_the_board() -> None:
    inquiry = praised()

    inquiry.withdraw_praise(of=inquiry.version, moderator=MODERATOR, at=after(minutes=90))

    assert recorded(inquiry) == [PraiseWithdrawn]


def test_only_praise_is_withdrawn() -> None:
    inquiry = praised()

    with pytest.raises(UnknownReferenceError):
        inquiry.withdraw_praise(of=1, moderator=MODERATOR, at=after(minutes=90))

    assert recorded(inquiry) == []


def test_withdrawing_twice_is_withdrawing_once() -> None:
    inquiry, of = published()

    for minutes in (99, 100):
        inquiry.withdraw_praise(of=of, moderator=MODERATOR, at=after(minutes=minutes))

    assert recorded(inquiry) == [PraiseWithdrawn]


def test_a_withdrawn_story_may_come_back() -> None:
    inquiry, of = published()
    inquiry.withdraw_praise(of=of, moderator=MODERATOR, at=after(minutes=99))
    recorded(inquiry)

    inquiry.publish_praise(of=of, moderator=MODERATOR, at=after(minutes=120))

    assert recorded(inquiry) == [PraisePublished]

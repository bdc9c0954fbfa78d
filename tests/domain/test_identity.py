"""What identifies a fact: told again it is a repeat, told with other contents a contradiction."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import pytest

from domain.errors import DifferentFactError
from domain.events import Received
from domain.inquiry import Inquiry
from domain.vocabulary import (
    AnnulReason,
    Channel,
    Delivery,
    Digest,
    EndedBy,
    LeaveReason,
    Medium,
    Outcome,
    Plain,
    Purpose,
    Sealed,
    TransferKind,
    code,
)
from tests.domain.building import (
    ANOTHER,
    DISTRICT_OFFICE,
    KIM,
    MODERATOR,
    ONE,
    WORDS,
    YANG,
    after,
    answered,
    asked,
    ended,
    followed_up,
    praised,
    queued,
    received,
    recorded,
    resolved,
)

LATER = after(minutes=90)
OTHER_WORDS = Plain("아닙니다")
Tell = Callable[..., None]


def rated(inquiry: Inquiry, at: datetime = LATER, **said: object) -> None:
    inquiry.rate(**{"score": 5, "comment": WORDS, **said}, at=at)  # type: ignore[arg-type]


CASES: dict[str, tuple[Callable[[], Inquiry], str, dict[str, object], dict[str, object]]] = {
    "answer": (queued, "answer", {"agent": YANG, "waited_ms": 9_000}, {"waited_ms": 4_000}),
    "abandon": (queued, "abandon", {"waited_ms": 9_000}, {"waited_ms": 4_000}),
    "leave": (queued, "leave_queue", {"reason": LeaveReason.KEY}, {"reason": LeaveReason.TIMEOUT}),
    "leave's wait": (
        queued, "leave_queue", {"reason": LeaveReason.KEY, "waited_ms": 1}, {"waited_ms": 2},
    ),
    "end's talk": (answered, "end", {"ended_by": EndedBy.AGENT}, {"talk_ms": 60_000}),
    "end": (answered, "end", {"ended_by": EndedBy.AGENT}, {"ended_by": EndedBy.CITIZEN}),
    "end's agent": (answered, "end", {"ended_by": EndedBy.AGENT}, {"agent": KIM}),
    "transfer": (
        ended, "transfer", {"ref": code("t"), "kind": TransferKind.AGENT, "to": KIM}, {"to": YANG},
    ),
    "transfer's kind": (
        ended, "transfer", {"ref": code("t"), "kind": TransferKind.AGENT, "to": KIM},
        {"kind": TransferKind.AGENCY},
    ),
    "agency's reply": (
        asked, "agency_reply", {"of": 5, "outcome": code("done"), "reply": WORDS},
        {"reply": OTHER_WORDS},
    ),
    "note": (ended, "note", {"ref": code("n"), "kind": code("x"), "note": WORDS},
             {"note": OTHER_WORDS}),
    "note's kind": (ended, "note", {"ref": code("n"), "kind": code("x"), "note": WORDS},
                    {"kind": code("y")}),
    "resolution": (
        ended, "resolve", {"outcome": Outcome.ANSWERED, "agent": YANG, "resolution": WORDS},
        {"resolution": OTHER_WORDS},
    ),
    "resolution's outcome": (
        ended, "resolve", {"outcome": Outcome.ANSWERED}, {"outcome": Outcome.REFERRED},
    ),
    "reopening": (resolved, "reopen", {"reason": code("wrong")}, {"reason": code("late")}),
    "follow-up": (
        ended, "follow_up",
        {"ref": code("f"), "medium": Medium.SMS, "purpose": Purpose.CARE, "message": WORDS},
        {"message": OTHER_WORDS},
    ),
    "follow-up's medium": (
        ended, "follow_up",
        {"ref": code("f"), "medium": Medium.SMS, "purpose": Purpose.CARE, "message": WORDS},
        {"medium": Medium.POST},
    ),
    "report": (followed_up, "report_follow_up", {"of": 5, "outcome": Delivery.FAILED},
               {"reason": code("absent")}),
    "rating": (resolved, "rate", {"score": 5, "comment": WORDS}, {"comment": OTHER_WORDS}),
    "praise": (
        ended, "praise",
        {"ref": code("p"), "agent": YANG, "title": WORDS, "story": WORDS, "author": WORDS},
        {"story": OTHER_WORDS},
    ),
    "publication": (praised, "publish_praise", {"of": 6, "moderator": MODERATOR, "title": WORDS},
                    {"title": OTHER_WORDS}),
    "withdrawal": (praised, "withdraw_praise", {"of": 6, "moderator": MODERATOR},
                   {"reason": code("rude")}),
    "annulment": (ended, "annul", {"reason": AnnulReason.DUPLICATE, "other": ANOTHER},
                  {"other": UUID(int=3)}),
}  # fmt: skip


def told(name: str) -> tuple[Inquiry, Tell, dict[str, object], dict[str, object]]:
    """A fact was told; the inquiry, its command, what was said, and what would be different."""
    begin, method, said, change = CASES[name]
    inquiry = begin()
    command: Tell = getattr(inquiry, method)
    command(at=LATER, **said)
    assert len(recorded(inquiry)) == 1
    return inquiry, command, said, change


@pytest.mark.parametrize("name", CASES)
def test_a_fact_that_is_told_again_is_a_repeat(name: str) -> None:
    inquiry, command, said, _ = told(name)

    command(at=LATER, **said)

    assert recorded(inquiry) == []


@pytest.mark.parametrize("name", CASES)
def test_a_fact_that_is_told_with_other_contents_is_a_contradiction(name: str) -> None:
    inquiry, command, said, change = told(name)

    with pytest.raises(DifferentFactError, match="|".join(change)):
        command(at=LATER, **said | change)

    assert recorded(inquiry) == []


def test_a_resolution_that_was_withdrawn_is_a_repeat_all_the_same() -> None:
    inquiry = resolved()
    inquiry.reopen(reason=code("wrong"), at=LATER)
    recorded(inquiry)

    inquiry.resolve(outcome=Outcome.ANSWERED, agent=YANG, at=after(minutes=5))

    assert recorded(inquiry) == []


def arrival(**labels: object) -> Received:
    said = {"channel": Channel.PHONE, **labels}
    told = Inquiry.receive(ONE, at=LATER, **said)  # type: ignore[arg-type]
    [fact] = told.collect_events()
    assert isinstance(fact, Received)
    return fact


def test_an_arrival_that_says_less_is_a_repeat_whenever_it_came() -> None:
    inquiry = received()

    inquiry.require_same_arrival(arrival())

    assert recorded(inquiry) == []


@pytest.mark.parametrize(
    "label",
    [
        {"channel": Channel.VIDEO},
        {"category": code("taxes")},
        {"language": code("ja")},
        {"question": WORDS},
        {"citizen": UUID(int=9)},
        {"due_at": LATER},
    ],
)
def test_an_arrival_that_says_otherwise_is_a_contradiction(label: dict[str, object]) -> None:
    inquiry = received()

    with pytest.raises(DifferentFactError, match=next(iter(label))):
        inquiry.require_same_arrival(arrival(**label))


SEALED = Sealed(c="c", k=Digest("0" * 32), n="n", v=1)


def noted(text: str | None) -> Inquiry:
    """An inquiry whose note stands sealed, as in the log; `text` is what can be read of it."""
    inquiry = ended()
    inquiry.note(ref=code("n"), kind=code("x"), note=SEALED, at=LATER)
    recorded(inquiry)
    inquiry.read_text = lambda *_: text
    return inquiry


def test_a_sealed_text_is_compared_with_what_is_told_again() -> None:
    inquiry = noted(WORDS.text)

    inquiry.note(ref=code("n"), kind=code("x"), note=WORDS, at=LATER)
    with pytest.raises(DifferentFactError, match="another note"):
        inquiry.note(ref=code("n"), kind=code("x"), note=OTHER_WORDS, at=LATER)

    assert recorded(inquiry) == []


def test_a_text_that_was_forgotten_contradicts_nothing() -> None:
    inquiry = noted(None)

    inquiry.note(ref=code("n"), kind=code("x"), note=OTHER_WORDS, at=LATER)

    assert recorded(inquiry) == []


def test_a_contradiction_does_not_repeat_the_texts() -> None:
    inquiry = noted(WORDS.text)

    with pytest.raises(DifferentFactError) as refused:
        inquiry.note(ref=code("n"), kind=code("x"), note=OTHER_WORDS, at=LATER)

    assert WORDS.text not in str(refused.value)
    assert OTHER_WORDS.text not in str(refused.value)


def test_an_agency_that_was_asked_twice_replies_twice() -> None:
    inquiry = asked()
    inquiry.transfer(
        ref=code("t2"), kind=TransferKind.AGENCY, to=DISTRICT_OFFICE, at=LATER, holds=False
    )
    recorded(inquiry)

    for version in (5, 6):
        inquiry.agency_reply(of=version, outcome=code("done"), at=LATER)

    assert len(recorded(inquiry)) == 2

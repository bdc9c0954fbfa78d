"""The four stories of the press release of March 2012, as the line lived them."""

from datetime import UTC, datetime, timedelta

from domain.inquiry import Inquiry
from domain.vocabulary import (
    Channel,
    Code,
    Delivery,
    EndedBy,
    Medium,
    Outcome,
    Plain,
    Purpose,
    TransferKind,
    code,
)
from tests.domain.building import CALL, CITIZEN, KIM, MODERATOR, ONE, YANG

LINE = code("line")
BUS_COMPANY = code("bus-company")
SHELTER = code("dog-shelter")
ANIMAL_HOSPITAL = code("animal-hospital")
DISTRICT_OFFICE = code("gangdong-gu")
INTERPRETER = code("interpreter-ja")

NIGHT = 300
"""Half past eleven at night, in minutes after the evening's beginning."""


def evening(minute: int) -> datetime:
    """Return the minute after half past six in the evening of February the 13th, in Seoul."""
    return datetime(2012, 2, 13, 9, 30, tzinfo=UTC) + timedelta(minutes=minute)


def called(question: str, at: datetime, agent: Code, language: str = "ko") -> Inquiry:
    """Return a call that `agent` answered within ten seconds."""
    inquiry = Inquiry.receive(
        ONE,
        at=at,
        channel=Channel.PHONE,
        language=code(language),
        contact=CALL,
        citizen=CITIZEN,
        question=Plain(question),
    )
    inquiry.queue(queue=LINE, at=at)
    inquiry.answer(agent=agent, at=at + timedelta(seconds=10))
    return inquiry


def ask(inquiry: Inquiry, agency: Code, minute: int, outcome: str) -> None:
    """Ask an agency, which replies after three minutes, while the agent holds the inquiry."""
    inquiry.transfer(
        ref=agency,
        kind=TransferKind.AGENCY,
        to=agency,
        at=evening(minute),
        from_agent=YANG,
        holds=False,
    )
    inquiry.agency_reply(of=inquiry.version, outcome=code(outcome), at=evening(minute + 3))


def write_to(inquiry: Inquiry, purpose: Purpose, message: str, minute: int) -> None:
    """Send the citizen a text message, which is delivered."""
    inquiry.follow_up(
        ref=code("sms-1"),
        medium=Medium.SMS,
        purpose=purpose,
        message=Plain(message),
        at=evening(minute),
    )
    inquiry.report_follow_up(of=inquiry.version, outcome=Delivery.DELIVERED, at=evening(minute + 1))


def thank(inquiry: Inquiry, agent: Code, title: str, story: str, minute: int) -> None:
    """Praise the agent on the board '고마워요 120'."""
    inquiry.praise(
        ref=code("board-1"),
        title=Plain(title),
        story=Plain(story),
        author=Plain("○○○"),
        at=evening(minute),
        agent=agent,
    )


def publish(inquiry: Inquiry, minute: int) -> None:
    """Put the story that was just told on the board."""
    inquiry.publish_praise(of=inquiry.version, moderator=MODERATOR, at=evening(minute))


def money_bag() -> Inquiry:
    """A bag full of money was left on a bus; the agent connects the caller to the bus company."""
    inquiry = called("아침에 버스에 돈 가방을 놓고 내렸어요", evening(0), KIM)
    inquiry.transfer(
        ref=code("t1"),
        kind=TransferKind.AGENCY,
        to=BUS_COMPANY,
        at=evening(2),
        from_agent=KIM,
    )
    inquiry.end(ended_by=EndedBy.TRANSFER, at=evening(2))
    inquiry.agency_reply(
        of=inquiry.version - 1,
        outcome=code("found"),
        at=evening(5),
        reply=Plain("차고지에 가방이 있으니 찾아가세요"),
    )
    inquiry.resolve(outcome=Outcome.REFERRED, agent=KIM, at=evening(6))
    thank(inquiry, KIM, "내가 내는 세금이 아깝지 않다", "가방을 고스란히 찾게 됐다", 120)
    publish(inquiry, 180)
    return inquiry


def lonely_woman() -> Inquiry:
    """An old woman wants a dog; the agent asks three places in turn and holds the inquiry."""
    inquiry = called("너무 적적해서 개를 키우고 싶다", evening(0), YANG)
    inquiry.end(ended_by=EndedBy.CITIZEN, at=evening(10))
    ask(inquiry, SHELTER, 11, "none")
    ask(inquiry, ANIMAL_HOSPITAL, 15, "none")
    ask(inquiry, DISTRICT_OFFICE, 19, "adoption")
    inquiry.resolve(outcome=Outcome.ANSWERED, agent=YANG, at=evening(30))
    thank(inquiry, YANG, "새 식구", "이제는 적적함을 달랠 수 있게 됐다", 1_500)
    return inquiry


def night_traveller() -> Inquiry:
    """Late at night a traveller is led to the last bus, and asked afterwards how it went."""
    inquiry = called("서울에 밤 늦게 도착해 막막해요", evening(NIGHT), YANG)
    inquiry.end(ended_by=EndedBy.CITIZEN, at=evening(NIGHT + 8))
    inquiry.resolve(outcome=Outcome.ANSWERED, agent=YANG, at=evening(NIGHT + 8))
    write_to(inquiry, Purpose.CARE, "잘 들어가셨는지요?", NIGHT + 60)
    thank(inquiry, YANG, "눈시울을 붉혔다", "무사히 막차에 몸을 실을 수 있었다", NIGHT + 600)
    publish(inquiry, NIGHT + 700)
    return inquiry


def japanese_visitors() -> Inquiry:
    """Visitors look for an actor's agency that has moved; the answer comes after the call."""
    inquiry = called("현빈의 소속사를 찾고 있어요", evening(0), YANG, language="ja")
    inquiry.transfer(
        ref=code("t1"),
        kind=TransferKind.INTERPRETER,
        to=INTERPRETER,
        at=evening(1),
        from_agent=YANG,
        holds=False,
    )
    inquiry.end(ended_by=EndedBy.CITIZEN, at=evening(6))
    write_to(inquiry, Purpose.INFORMATION, "기획사는 청담동으로 이사했습니다", 20)
    inquiry.resolve(outcome=Outcome.ANSWERED, agent=YANG, at=evening(21))
    return inquiry

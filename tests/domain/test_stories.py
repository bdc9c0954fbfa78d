"""Each promise that the line kept in the four stories of the press release."""

from domain.events import (
    AgencyReplied,
    Answered,
    Ended,
    FollowedUp,
    FollowUpReported,
    InquiryEvent,
    Praised,
    PraisePublished,
    Queued,
    Received,
    Resolved,
    Transferred,
)
from domain.inquiry import Inquiry
from domain.vocabulary import (
    Delivery,
    Medium,
    Plain,
    Purpose,
    Status,
)
from tests.domain.building import YANG, Fact
from tests.domain.stories import (
    ANIMAL_HOSPITAL,
    DISTRICT_OFFICE,
    SHELTER,
    japanese_visitors,
    lonely_woman,
    money_bag,
    night_traveller,
)

DESIRED_ANSWER_MS = 15_000


def kinds(inquiry: Inquiry) -> list[type[object]]:
    return [type(fact) for fact in inquiry.pending_events]


def the(inquiry: Inquiry, kind: type[Fact]) -> Fact:
    [fact] = [fact for fact in inquiry.pending_events if isinstance(fact, kind)]
    return fact


def status_after(story: Inquiry, kind: type[InquiryEvent]) -> Status:
    """Return where the inquiry stood when the first fact of this kind was told."""
    [received, *later] = story.pending_events
    inquiry: Inquiry | None = received.mutate(None)
    assert inquiry is not None
    for fact in later:
        fact.mutate(inquiry)
        if isinstance(fact, kind):
            break
    return inquiry.status


def test_the_money_bag_is_found() -> None:
    story = money_bag()

    assert kinds(story) == [
        Received,
        Queued,
        Answered,
        Transferred,
        Ended,
        AgencyReplied,
        Resolved,
        Praised,
        PraisePublished,
    ]
    assert the(story, AgencyReplied).outcome == "found"
    assert story.status is Status.RESOLVED


def test_the_money_bag_is_at_the_bus_company_until_it_replies() -> None:
    story = money_bag()

    assert status_after(story, Ended) is Status.AT_AGENCY
    assert status_after(story, AgencyReplied) is Status.RECEIVED


def test_connecting_to_the_bus_company_is_a_change_of_holder() -> None:
    story = money_bag()

    assert the(story, Transferred).hop == 1
    assert not the(story, Resolved).by_first_agent


def test_the_bus_company_took_three_minutes() -> None:
    story = money_bag()

    assert the(story, AgencyReplied).took_ms == 3 * 60 * 1000


def test_the_money_bag_is_a_story_on_the_board() -> None:
    story = money_bag()

    assert the(story, PraisePublished).of == the(story, Praised).originator_version


def test_the_old_woman_gets_her_dog() -> None:
    story = lonely_woman()

    assert kinds(story) == [
        Received,
        Queued,
        Answered,
        Ended,
        *(Transferred, AgencyReplied) * 3,
        Resolved,
        Praised,
    ]
    assert story.status is Status.RESOLVED


def test_three_places_are_asked_in_turn() -> None:
    story = lonely_woman()

    replies = [fact for fact in story.pending_events if isinstance(fact, AgencyReplied)]

    assert [(reply.agency, reply.outcome) for reply in replies] == [
        (SHELTER, "none"),
        (ANIMAL_HOSPITAL, "none"),
        (DISTRICT_OFFICE, "adoption"),
    ]


def test_the_agent_held_the_old_womans_inquiry_all_along() -> None:
    story = lonely_woman()

    transfers = [fact for fact in story.pending_events if isinstance(fact, Transferred)]

    assert [(transfer.hop, transfer.holds) for transfer in transfers] == [(0, False)] * 3
    assert story.holder == YANG
    assert the(story, Resolved).by_first_agent


def test_the_old_womans_inquiry_waits_for_the_place_that_is_asked() -> None:
    story = lonely_woman()

    assert status_after(story, Transferred) is Status.AT_AGENCY


def test_the_old_woman_thanks_the_agent_who_held() -> None:
    story = lonely_woman()

    assert the(story, Praised).agent == YANG
    assert PraisePublished not in kinds(story)


def test_the_traveller_is_led_to_the_last_bus_and_asked_afterwards() -> None:
    story = night_traveller()

    assert kinds(story) == [
        Received,
        Queued,
        Answered,
        Ended,
        Resolved,
        FollowedUp,
        FollowUpReported,
        Praised,
        PraisePublished,
    ]


def test_the_first_agent_led_the_traveller_to_the_bus() -> None:
    story = night_traveller()

    resolution = the(story, Resolved)

    assert resolution.by_first_agent
    assert resolution.first_answered_at == the(story, Answered).timestamp


def test_the_traveller_did_not_wait_long() -> None:
    story = night_traveller()

    waited_ms = the(story, Answered).waited_ms

    assert waited_ms is not None
    assert waited_ms <= DESIRED_ANSWER_MS


def test_the_message_to_the_traveller_was_out_of_care_and_left_the_inquiry_resolved() -> None:
    story = night_traveller()

    message = the(story, FollowedUp)

    assert (message.medium, message.purpose) == (Medium.SMS, Purpose.CARE)
    assert status_after(story, FollowedUp) is Status.RESOLVED


def test_the_travellers_story_stands_on_the_board() -> None:
    story = night_traveller()

    published = the(story, PraisePublished)

    assert published.of == the(story, Praised).originator_version


def test_the_visitors_get_their_answer_after_the_call() -> None:
    story = japanese_visitors()

    assert kinds(story) == [
        Received,
        Queued,
        Answered,
        Transferred,
        Ended,
        FollowedUp,
        FollowUpReported,
        Resolved,
    ]


def test_the_visitors_inquiry_stays_open_when_the_call_ends_without_an_answer() -> None:
    story = japanese_visitors()

    assert status_after(story, Ended) is Status.RECEIVED
    assert status_after(story, FollowUpReported) is Status.RECEIVED
    assert story.status is Status.RESOLVED


def test_the_visitors_are_sent_the_new_address() -> None:
    story = japanese_visitors()

    message = the(story, FollowedUp)

    assert (message.medium, message.purpose) == (Medium.SMS, Purpose.INFORMATION)
    assert message.message == Plain("기획사는 청담동으로 이사했습니다")
    assert the(story, FollowUpReported).outcome is Delivery.DELIVERED


def test_the_interpreter_who_joined_for_the_visitors_took_nothing_from_the_agent() -> None:
    story = japanese_visitors()

    assert the(story, Transferred).hop == 0
    assert the(story, Resolved).by_first_agent

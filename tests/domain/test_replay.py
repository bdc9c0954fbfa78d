"""Properties of any history that agents could make, however they try."""

from itertools import pairwise
from typing import cast

from hypothesis import HealthCheck, given, settings

from domain.errors import InquiryError
from domain.events import InquiryEvent, LeftQueue, Queued, Received, Reopened, Resolved, Transferred
from domain.inquiry import Inquiry
from domain.vocabulary import REFUSALS
from tests.domain.commands import Command, histories

BRISK = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])


def attempt(inquiry: Inquiry, command: Command) -> list[InquiryEvent]:
    """Try a command; a broken rule is no matter, it just records nothing."""
    try:
        command(inquiry)
    except InquiryError:
        assert inquiry.pending_events == []
    return cast(list[InquiryEvent], inquiry.collect_events())


def play(inquiry: Inquiry, commands: list[Command]) -> list[InquiryEvent]:
    """Try all commands and return what was recorded, the arrival first."""
    facts = cast(list[InquiryEvent], inquiry.collect_events())
    return facts + [fact for command in commands for fact in attempt(inquiry, command)]


def replayed(facts: list[InquiryEvent]) -> Inquiry:
    """Return the inquiry that these facts make from nothing."""
    inquiry: Inquiry | None = None
    for fact in facts:
        inquiry = fact.mutate(inquiry)
    assert inquiry is not None
    return inquiry


@BRISK
@given(histories())
def test_any_history_replays_to_the_state_that_was_seen_at_each_step(
    history: tuple[Inquiry, list[Command]],
) -> None:
    inquiry, commands = history

    facts = play(inquiry, [])
    for command in commands:
        facts += attempt(inquiry, command)

        assert replayed(facts) == inquiry


@BRISK
@given(histories())
def test_a_refused_command_changes_nothing(history: tuple[Inquiry, list[Command]]) -> None:
    inquiry, commands = history
    facts = play(inquiry, [])

    for command in commands:
        try:
            command(inquiry)
        except InquiryError:
            assert inquiry == replayed(facts)
        facts += cast(list[InquiryEvent], inquiry.collect_events())


@BRISK
@given(histories())
def test_a_command_repeated_at_once_records_nothing(
    history: tuple[Inquiry, list[Command]],
) -> None:
    inquiry, commands = history
    play(inquiry, [])

    for command in commands:
        attempt(inquiry, command)
        status = inquiry.status

        assert attempt(inquiry, command) == []
        assert inquiry.status is status


@BRISK
@given(histories())
def test_a_command_records_one_fact_at_most(history: tuple[Inquiry, list[Command]]) -> None:
    inquiry, commands = history
    play(inquiry, [])

    for command in commands:
        assert len(attempt(inquiry, command)) <= 1


@BRISK
@given(histories())
def test_versions_visits_hops_and_ordinals_have_no_gaps(
    history: tuple[Inquiry, list[Command]],
) -> None:
    facts = play(*history)

    assert [fact.originator_version for fact in facts] == list(range(1, len(facts) + 1))
    arrivals = [
        fact.visit
        for fact in facts
        if isinstance(fact, Queued) or (isinstance(fact, LeftQueue) and fact.reason in REFUSALS)
    ]
    assert arrivals == list(range(1, len(arrivals) + 1))
    hops = [0, *(fact.hop for fact in facts if isinstance(fact, Transferred))]
    assert all(later - earlier in (0, 1) for earlier, later in pairwise(hops))
    for kind in (Resolved, Reopened):
        ordinals = [fact.ordinal for fact in facts if isinstance(fact, kind)]
        assert ordinals == list(range(1, len(ordinals) + 1))


@BRISK
@given(histories())
def test_no_fact_comes_before_the_arrival(history: tuple[Inquiry, list[Command]]) -> None:
    [received, *later] = play(*history)

    assert isinstance(received, Received)
    assert all(fact.timestamp >= received.timestamp for fact in later)


@BRISK
@given(histories())
def test_every_fact_carries_the_labels_that_were_known(
    history: tuple[Inquiry, list[Command]],
) -> None:
    facts = play(*history)

    for version, fact in enumerate(facts, start=1):
        known = replayed(facts[:version])
        assert (fact.channel, fact.language) == (known.channel, known.language)
        assert (fact.category, fact.district) == (known.category, known.district)

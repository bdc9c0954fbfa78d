"""Properties of any history that agents could make, however they try."""

from itertools import pairwise
from typing import TypeGuard, cast

from hypothesis import HealthCheck, given, settings

from domain.errors import InquiryError
from domain.events import (
    InquiryEvent,
    LeftQueue,
    Queued,
    Reopened,
    Replied,
    Resolved,
    Transferred,
)
from domain.inquiry import Inquiry
from domain.vocabulary import REFUSALS
from tests.domain.commands import Command, histories

BRISK = settings(
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow],  # a busy machine is no defect
)


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


def replica(inquiry: Inquiry) -> Inquiry:
    """Return the inquiry that the pending facts of this one make from nothing."""
    copy: Inquiry | None = None
    for fact in inquiry.collect_events():
        copy = fact.mutate(copy)
    assert copy is not None
    return copy


def is_arrival(fact: InquiryEvent) -> TypeGuard[Queued | LeftQueue]:
    return isinstance(fact, Queued) or (isinstance(fact, LeftQueue) and fact.reason in REFUSALS)


@BRISK
@given(histories())
def test_any_history_replays_to_the_state_that_was_seen_at_each_step(
    history: tuple[Inquiry, list[Command]],
) -> None:
    inquiry, commands = history
    copy = replica(inquiry)

    for command in commands:
        for fact in attempt(inquiry, command):
            fact.mutate(copy)

        assert copy == inquiry


@BRISK
@given(histories())
def test_a_refused_command_records_nothing_and_changes_nothing(
    history: tuple[Inquiry, list[Command]],
) -> None:
    inquiry, commands = history
    copy = replica(inquiry)

    for command in commands:
        try:
            command(inquiry)
        except InquiryError:
            assert inquiry == copy
        for fact in inquiry.collect_events():
            fact.mutate(copy)


@BRISK
@given(histories())
def test_a_command_records_one_fact_at_most_and_nothing_when_repeated_at_once(
    history: tuple[Inquiry, list[Command]],
) -> None:
    inquiry, commands = history
    inquiry.collect_events()

    for command in commands:
        first, second = attempt(inquiry, command), attempt(inquiry, command)

        assert len(first) <= 1
        assert second == [] or isinstance(second[0], Replied)  # which nothing in it identifies


@BRISK
@given(histories())
def test_versions_visits_hops_and_ordinals_have_no_gaps(
    history: tuple[Inquiry, list[Command]],
) -> None:
    facts = play(*history)

    assert [fact.originator_version for fact in facts] == list(range(1, len(facts) + 1))
    arrivals = [fact.visit for fact in facts if is_arrival(fact)]
    assert arrivals == list(range(1, len(arrivals) + 1))
    hops = [0, *(fact.hop for fact in facts if isinstance(fact, Transferred))]
    assert all(later - earlier in (0, 1) for earlier, later in pairwise(hops))
    for kind in (Resolved, Reopened):
        ordinals = [fact.ordinal for fact in facts if isinstance(fact, kind)]
        assert ordinals == list(range(1, len(ordinals) + 1))


@BRISK
@given(histories())
def test_every_fact_comes_after_the_arrival_and_with_the_labels_that_were_known(
    history: tuple[Inquiry, list[Command]],
) -> None:
    inquiry, commands = history
    copy = replica(inquiry)

    for command in commands:
        for fact in attempt(inquiry, command):
            fact.mutate(copy)
            assert fact.timestamp >= copy.received_at
            assert (fact.channel, fact.language) == (copy.channel, copy.language)
            assert (fact.category, fact.district) == (copy.category, copy.district)

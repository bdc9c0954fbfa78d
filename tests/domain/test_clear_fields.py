"""What may stand in the clear: no free text, no fractions, and names that last for ever."""

import types
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import pytest

from domain.events import CATALOGUE
from domain.vocabulary import Code, Digest, Plain, Sealed, VocabularyError, code

CLEAR = (int, bool, datetime, UUID, Code, Digest, type(None))
ENVELOPE = frozenset({"originator_id", "originator_version", "timestamp", "originator_topic"})
"""What the library adds: it becomes the envelope, or is left out."""


def of_enumeration(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, StrEnum)


def allowed(kind: Any) -> bool:
    """Whether a field of this type is clear and no free text, or is sealed."""
    if kind in CLEAR or of_enumeration(kind):
        return True
    if get_origin(kind) in (Union, types.UnionType):
        parts = set(get_args(kind))
        sealed = {Plain, Sealed}
        return parts & sealed in (set(), sealed) and all(map(allowed, parts - sealed))
    if get_origin(kind) is tuple:
        element, *rest = get_args(kind)
        return rest == [Ellipsis] and allowed(element)
    if is_dataclass(kind) and kind not in (Plain, Sealed):
        hints = get_type_hints(kind)
        return all(allowed(hints[field.name]) for field in fields(kind))
    return False


def types_of(fact: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(fact)
    return {field.name: hints[field.name] for field in fields(fact) if field.name not in ENVELOPE}


@pytest.mark.parametrize("name", CATALOGUE)
def test_no_field_holds_free_text_in_the_clear(name: str) -> None:
    offending = {
        field: kind for field, kind in types_of(CATALOGUE[name]).items() if not allowed(kind)
    }

    assert offending == {}


@pytest.mark.parametrize(
    "kind", [str, str | None, float, bytes, dict[str, int], tuple[str, ...], Plain, Sealed, Any]
)
def test_the_rule_finds_what_may_not_stand_in_an_event(kind: object) -> None:
    assert not allowed(kind)


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_event_is_frozen_and_says_its_stored_name(name: str) -> None:
    fact = CATALOGUE[name]

    assert fact.__dataclass_params__.frozen
    assert str(fact.TYPE) == name


def test_stored_names_last_for_ever() -> None:
    assert sorted(CATALOGUE) == [
        "citizen.forgotten.v1",
        "citizen.held.v1",
        "citizen.merged.v1",
        "citizen.released.v1",
        "disclosure.made.v1",
        "inquiry.abandoned.v1",
        "inquiry.agency-replied.v1",
        "inquiry.annulled.v1",
        "inquiry.answered.v1",
        "inquiry.classified.v1",
        "inquiry.ended.v1",
        "inquiry.follow-up-reported.v1",
        "inquiry.followed-up.v1",
        "inquiry.identified.v1",
        "inquiry.left-queue.v1",
        "inquiry.linked.v1",
        "inquiry.noted.v1",
        "inquiry.praise-published.v1",
        "inquiry.praise-withdrawn.v1",
        "inquiry.praised.v1",
        "inquiry.queued.v1",
        "inquiry.rated.v1",
        "inquiry.received.v1",
        "inquiry.reopened.v1",
        "inquiry.replied.v1",
        "inquiry.resolved.v1",
        "inquiry.transferred.v1",
        "statement.published.v1",
    ]


@pytest.mark.parametrize(
    "made", ["f9001011234567aa3c5d1e8b40c7d2e9", "ref:f9001011234567aa3c5d1e8b40c7d2e9"]
)
def test_a_uuid_is_a_code_whatever_its_digits_look_like(made: str) -> None:
    assert code(made) == made


@pytest.mark.parametrize("text", ["kim@city.kr", "ref:kim.min+a@mail.seoul.go.kr", "A@b-c.co/1"])
def test_a_mail_address_is_no_code(text: str) -> None:
    with pytest.raises(VocabularyError, match="mail address"):
        code(text)


@pytest.mark.parametrize("text", ["a@b", "100@from-queue"])
def test_an_at_sign_alone_makes_no_mail_address(text: str) -> None:
    assert code(text) == text


@pytest.mark.parametrize("text", ["900101-1234567", "f9001011234567", "9001011234567" + 20 * "a"])
def test_a_resident_number_is_no_code(text: str) -> None:
    with pytest.raises(VocabularyError, match="resident registration number"):
        code(text)

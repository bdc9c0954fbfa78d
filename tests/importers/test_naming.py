"""Codes for names: none is lost, and none tells who a person is."""

from collections.abc import Iterable
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.personal_numbers import personal_data_in
from domain.vocabulary import Code, code
from eventlog.keys import Keys
from importers.naming import EXTERNAL, UNNAMED, Naming, member_name, target

KEYS = Keys(encryption=b"e" * 32, lookup=b"l" * 32)
NUMBERS = ["01055519999", "010-5551-9999", "900101-1234567", "+82 10 5551 9999", "5551234"]
MAIL = "hong@example.com"


def naming(**queues: str) -> Naming:
    return Naming(KEYS, {name.replace("_", " "): Code(known) for name, known in queues.items()})


@pytest.mark.parametrize("name", ["a01", "201", "team/a01", "kim@office"])
def test_a_name_that_is_a_code_stays(name: str) -> None:
    assert naming().agent("pbx", name) == name
    assert naming().queue(name) == name


@pytest.mark.parametrize("name", ["Kim Cheol-su", "김철수", "", "x" * 65, *NUMBERS])
def test_an_agent_who_is_no_code_gets_a_pseudonym_for_ever(name: str) -> None:
    given_code = naming().agent("pbx", name)

    assert given_code.startswith("agent-")
    assert given_code == naming().agent("pbx", name)
    assert given_code != naming().agent("pbx", f"{name}0")
    assert given_code != naming().agent("other", name)


def test_a_telephone_is_one_agent_however_it_is_written() -> None:
    assert naming().agent("pbx", "010-5551-9999") == naming().agent("pbx", "01055519999")


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("Customer Support", "customer-support-"),
        ("tax&water", "tax-water-"),
        ("support's", "support-s-"),
        ("일반민원", "queue-"),
        ("#100", "queue-"),
        ("_10", "queue-"),
        ("010-5551-3006", "queue-"),
        ("q" * 200, "q" * 40 + "-"),
        ("caf\udce9", "caf-"),
    ],
)
def test_a_queue_has_a_code_whatever_it_is_called(name: str, begins: str) -> None:
    first = naming()

    given_code = first.queue(name)

    assert given_code.startswith(begins)
    assert code(given_code) == given_code == naming().queue(name)
    assert list(first.new_queues) == [given_code]


def test_the_catalogue_says_what_a_queue_is() -> None:
    named = naming(Customer_Support="support")

    assert named.queue("Customer Support") == "support"
    assert named.new_queues == {}


def test_queues_that_look_alike_are_two() -> None:
    assert naming().queue("tax&water") != naming().queue("tax water")


@pytest.mark.parametrize("number", NUMBERS)
def test_no_number_that_names_a_person_is_kept_of_a_queues_name(number: str) -> None:
    named = naming()

    made = named.queue(number)

    digits = "".join(filter(str.isdigit, number))
    assert digits[-6:] not in made
    assert digits[-6:] not in "".join(filter(str.isdigit, named.new_queues.get(made, "")))


def test_no_mail_address_is_kept_of_a_name() -> None:
    named = naming()

    made = [named.agent("pbx", MAIL), named.queue(MAIL), target(MAIL), *named.new_queues.values()]

    assert [one for one in made if "hong" in one] == []


@given(st.text(max_size=80))
def test_any_name_has_a_code_that_may_stand_in_the_clear(name: str) -> None:
    codes: Iterable[Code] = (naming().agent("pbx", name), naming().queue(name), target(name))

    for given_code in codes:
        assert is_uuid(name) or personal_data_in(given_code) is None


def is_uuid(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False


@pytest.mark.parametrize(
    ("member", "name"),
    [
        ("Agent/a01", "a01"),
        ("PJSIP/201", "201"),
        ("PJSIP/201-0000001f", "201"),
        ("Local/201@from-queue/n", "201"),
        ("a01", "a01"),
        ("team/a01", "team/a01"),
    ],
)
def test_a_member_is_who_the_channel_leads_to(member: str, name: str) -> None:
    assert member_name(member) == name


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("7000", "7000"),
        ("SIP/1001-0000001f", "1001"),
        ("c1e5a7b2-0000-4000-8000-123456789012", "c1e5a7b2-0000-4000-8000-123456789012"),
        ("0212345678", EXTERNAL),
        ("02-1234-5678", EXTERNAL),
        ("+82 2 1234 5678", EXTERNAL),
        ("PJSIP/0212345678-0000001f", EXTERNAL),
        ("SIP/trunk-0212345678-0000001f", EXTERNAL),
        ("Local/0212345678@outside-0000001f;1", EXTERNAL),
        ("*72", UNNAMED),
        ("", UNNAMED),
        ("김철수", UNNAMED),
    ],
)
def test_a_target_is_a_code_and_never_a_telephone_number(text: str, code: str) -> None:
    assert target(text) == code

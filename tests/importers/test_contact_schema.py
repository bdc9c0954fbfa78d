"""The schema in the repository, the parser and the words of the page say the same."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.personal_numbers import personal_data_in
from eventlog.keys import Keys
from eventlog.settings import Settings
from importers.contact_envelope import STEPS, Step, StepError, StepReader, step_schema
from importers.contact_steps import TEXTS, Data
from importers.naming import Naming

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "contacts.md").read_text("utf-8")
READER = StepReader(
    Naming(Keys(encryption=b"e" * 32, lookup=b"l" * 32), {}),
    Settings(None, Path("var"), "seoul", "Asia/Seoul"),
)
EXAMPLES = [json.loads(line) for line in PAGE.splitlines() if line.startswith('{"specversion"')]


def parse_step(text: str) -> Step:
    return READER.read(text)[0]


def test_the_schema_in_the_repository_is_that_of_the_parser() -> None:
    """To make it again: json.dumps(step_schema(), indent=2, ensure_ascii=False) and a newline."""
    stored = (ROOT / "importers" / "contact.schema.json").read_text("utf-8")

    assert json.loads(stored) == step_schema()
    assert json.loads(stored)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_page_names_every_type_of_step_with_its_fields() -> None:
    for step in STEPS:
        [told] = re.findall(rf"^\| {re.escape(step.TYPE[8:-3])} \| ([^|]*) \|", PAGE, re.MULTILINE)
        fields = [
            name if field.is_required() else f"{name}?" for name, field in step.model_fields.items()
        ]
        assert {*re.split(r",? (?:\([^)]*\),? ?)?", f"{told} ".strip())} - {""} == {*fields}, step


def test_the_examples_of_the_page_are_steps() -> None:
    validator = jsonschema_rs.Draft202012Validator(step_schema(), validate_formats=True)

    assert EXAMPLES
    for example in EXAMPLES:
        validator.validate(example)
        parse_step(json.dumps(example))


ENVELOPE = {name: value for name, value in EXAMPLES[0].items() if name not in {"type", "data"}}
REQUIRED: dict[str, dict[str, Any]] = {
    "contact.received.v1": {"channel": "phone"},
    "contact.classified.v1": {},
    "contact.queued.v1": {"queue": "general"},
    "contact.turned-away.v1": {"queue": "general", "reason": "full"},
    "contact.abandoned.v1": {"queue": "general"},
    "contact.left-queue.v1": {"queue": "general", "reason": "key"},
    "contact.answered.v1": {"agent": "a1"},
    "contact.ended.v1": {"ended_by": "agent"},
    "contact.replied.v1": {"agent": "a1", "message": "네"},
    "contact.followed-up.v1": {"medium": "sms", "purpose": "care", "message": "네"},
    "contact.transferred.v1": {"kind": "agent", "to": "a2"},
    "contact.resolved.v1": {"outcome": "answered"},
    "contact.rated.v1": {"score": 5},
    "contact.reopened.v1": {"reason": "wrong"},
    "contact.praised.v1": {"title": "네", "story": "네", "author": "네"},
}


@pytest.mark.parametrize(
    "change",
    [
        {"specversion": "1.1"}, {"source": ""}, {"source": "a b"}, {"id": "x\ny"}, {"time": "now"},
        {"type": "contact.received.v2"}, {"data": {}}, {"data": {"channel": "fax"}},
        {"data": {"channel": "sms", "colour": "red"}}, {"data": {"channel": "sms", "place": 1}},
        {"subject": None}, {"time": "20120301"}, {"time": 1330473600},
    ],
)  # fmt: skip
def test_what_the_schema_forbids_is_no_step(change: dict[str, Any]) -> None:
    [received] = [e for e in EXAMPLES if e["type"] == "contact.received.v1"][:1]
    validator = jsonschema_rs.Draft202012Validator(step_schema(), validate_formats=True)

    assert validator.is_valid(received)
    assert not validator.is_valid(received | change)
    with pytest.raises(StepError):
        parse_step(json.dumps(received | change))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"traceparent": "00-1"}, "traceparent"),
        ({"traceparent": 7}, "traceparent"),
        ({"datacontenttype": "text/plain"}, "datacontenttype"),
        ({"data": {"channel": "sms", "telephone": 1055511001}}, "telephone"),
        ({"data": {"channel": "sms", "telephone": "1" * 500}}, "telephone"),
        ({"data": {"channel": "sms", "account": ""}}, "account"),
        ({"data": {"channel": "sms", "category": ""}}, "category"),
        ({"data": {"channel": "sms", "district": "강남구"}}, "district"),
        ({"data": {"channel": "sms", "language": "ko KR"}}, "language"),
    ],
)
def test_an_optional_field_that_the_schema_forbids_is_left_out_with_a_warning(
    change: dict[str, Any], named: str
) -> None:
    [received] = [e for e in EXAMPLES if e["type"] == "contact.received.v1"][:1]

    step, warnings = READER.read(json.dumps(received | change))

    assert not jsonschema_rs.Draft202012Validator(step_schema()).is_valid(received | change)
    assert step.id == received["id"]
    assert [warning.partition(":")[0] for warning in warnings] == [named]


OPTIONAL = [
    (step, name)
    for step in STEPS
    for name, field in step.model_fields.items()
    if not field.is_required() and name not in TEXTS | {"holds"}
]


@pytest.mark.parametrize(("step", "name"), OPTIONAL)
@given(odd=st.none() | st.booleans() | st.floats() | st.text(max_size=9) | st.lists(st.integers()))
def test_no_odd_optional_field_costs_a_step(step: type[Data], name: str, odd: object) -> None:
    data = REQUIRED[step.TYPE] | {name: odd}
    if name == "enqueued_at":
        data["queue"] = "general"

    read, _ = READER.read(json.dumps(ENVELOPE | {"type": step.TYPE, "data": data}))

    assert read.data.model_dump(mode="json", include={*REQUIRED[step.TYPE]}) == REQUIRED[step.TYPE]


@pytest.mark.parametrize(
    "kind",
    [
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        'application/json; charset="utf-8"',
        "application/geo+json",
    ],
)
def test_json_is_json_whatever_its_parameters(kind: str) -> None:
    _, warnings = READER.read(json.dumps(EXAMPLES[0] | {"datacontenttype": kind}))

    assert warnings == []


@pytest.mark.parametrize(
    "number", ["010-5551-1001", "01055511001", "+82 (0)10-5551-1001", "900101-1234567"]
)
@pytest.mark.parametrize(
    ("step", "name"),
    [(step, name) for step in STEPS for name, field in step.model_fields.items()
     if name in {"agent", "queue", "to", "from_agent", "reason", "category", "district", "language"}
     and "Literal" not in str(field.annotation)],
)  # fmt: skip
def test_no_number_that_names_a_person_gets_into_a_clear_field(
    step: type[Data], name: str, number: str
) -> None:
    data = REQUIRED[step.TYPE] | {name: number}

    read, _ = READER.read(json.dumps(ENVELOPE | {"type": step.TYPE, "data": data}))

    given_code = getattr(read.data, name)
    assert given_code is None or personal_data_in(given_code) is None
    assert number not in read.as_json()


def test_no_text_of_a_step_holds_a_resident_number_not_even_while_it_waits() -> None:
    [received] = [e for e in EXAMPLES if e["type"] == "contact.received.v1"][:1]
    told = received | {"data": {"channel": "sms", "question": "저는 900101-1234567입니다"}}

    assert "1234567" not in parse_step(json.dumps(told)).model_dump_json()


def test_attributes_of_cloudevents_beside_ours_are_allowed() -> None:
    step = EXAMPLES[0] | {"dataschema": "https://example.org/x", "partitionkey": "c1"}

    assert parse_step(json.dumps(step)).id == EXAMPLES[0]["id"]
    assert jsonschema_rs.Draft202012Validator(step_schema()).is_valid(step)

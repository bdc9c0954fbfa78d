"""The schema in the repository, the parser and the words of the page say the same."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from importers.contact_envelope import STEPS, StepError, parse_step, step_schema

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "contacts.md").read_text("utf-8")
EXAMPLES = [json.loads(line) for line in PAGE.splitlines() if line.startswith('{"specversion"')]


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


@pytest.mark.parametrize(
    "change",
    [
        {"specversion": "1.1"}, {"source": ""}, {"source": "a b"}, {"id": "x\ny"}, {"time": "now"},
        {"type": "contact.received.v2"}, {"data": {}}, {"data": {"channel": "fax"}},
        {"data": {"channel": "sms", "colour": "red"}}, {"data": {"channel": "sms", "place": 1}},
        {"data": {"channel": "sms", "telephone": "12-34"}}, {"traceparent": "00-1"},
        {"datacontenttype": "text/plain"}, {"subject": None},
    ],
)  # fmt: skip
def test_what_the_schema_forbids_is_no_step(change: dict[str, Any]) -> None:
    [received] = [e for e in EXAMPLES if e["type"] == "contact.received.v1"][:1]
    validator = jsonschema_rs.Draft202012Validator(step_schema(), validate_formats=True)

    assert validator.is_valid(received)
    assert not validator.is_valid(received | change)
    with pytest.raises(StepError):
        parse_step(json.dumps(received | change))


def test_no_text_of_a_step_holds_a_resident_number_not_even_while_it_waits() -> None:
    [received] = [e for e in EXAMPLES if e["type"] == "contact.received.v1"][:1]
    told = received | {"data": {"channel": "sms", "question": "저는 900101-1234567입니다"}}

    assert "1234567" not in parse_step(json.dumps(told)).model_dump_json()


def test_attributes_of_cloudevents_beside_ours_are_allowed() -> None:
    step = EXAMPLES[0] | {"dataschema": "https://example.org/x", "partitionkey": "c1"}

    assert parse_step(json.dumps(step)).id == EXAMPLES[0]["id"]
    assert jsonschema_rs.Draft202012Validator(step_schema()).is_valid(step)

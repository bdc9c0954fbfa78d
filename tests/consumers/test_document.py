"""The AsyncAPI document: what is published is what is sent, and what is sent is valid in it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema_rs
import orjson
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from consumers import ends, topics
from consumers.__main__ import document
from consumers.broker import MECHANISMS, PROTOCOLS
from consumers.documentation import asyncapi
from domain.events import CATALOGUE
from domain.personal_numbers import personal_data_in
from domain.request import Request, RequestError
from domain.vocabulary import VocabularyError, code, digest
from eventlog.log import Log, assembled
from eventlog.reader import head, read
from tests.conftest import Servers, skip_or_fail
from tests.eventlog.examples import REQUEST, any_event, example
from tests.eventlog.test_record import golden, recorded, stamped
from tests.importers.test_contact_schema import EXAMPLES as CONTACTS
from tests.projections.histories import History, histories, record

PUBLISHED = Path(__file__).parents[2] / "docs" / "asyncapi.json"
SPECIFICATION = Path(__file__).parent / "node_modules" / "@asyncapi" / "specs" / "schemas"
DOCUMENT: dict[str, Any] = asyncapi("seoul")
COMPONENTS = DOCUMENT["components"]
GOLDEN: dict[str, dict[str, Any]] = {name: orjson.loads(line) for name, line in golden().items()}
FIELDS = [(name, field) for name, event in GOLDEN.items() for field in event["data"]]


def validator(*schemas: Any, draft: Any = jsonschema_rs.Draft202012Validator) -> Any:
    """Return what tells whether a value is of exactly one of the document's schemas."""
    return draft({"oneOf": [*schemas], "components": COMPONENTS}, validate_formats=True)


def payloads(channel: str) -> list[Any]:
    return [message["payload"] for message in DOCUMENT["channels"][channel]["messages"].values()]


EVENTS = validator(*payloads("events"))
CONTACT_STEPS = validator(*payloads("contacts"))


@pytest.fixture(scope="module")
def module_log(servers: Servers) -> Iterator[Log]:
    """A log that fills from test to test."""
    with (
        servers.database("documented") as database,
        assembled(servers.settings, database, servers.keys) as log,
    ):
        yield log


def test_the_published_document_is_that_of_the_code() -> None:
    assert PUBLISHED.read_bytes() == document(), "look at what changed, then: make asyncapi"


def test_the_document_is_what_asyncapi_says_that_one_is() -> None:
    file = SPECIFICATION / f"{DOCUMENT['asyncapi']}.json"
    if not file.exists():
        skip_or_fail("AsyncAPI's schema is not here: npm ci --prefix tests/consumers")
    specification = jsonschema_rs.Draft7Validator(json.loads(file.read_bytes()))

    specification.validate(DOCUMENT)

    assert not specification.is_valid(DOCUMENT | {"channels": {"events": {"address": 1}}})


def test_another_city_has_its_own_topics_and_source() -> None:
    told = json.dumps(asyncapi("busan"))

    assert "dasan.busan.contacts.rejected" in told
    assert "/dasan/busan" in told
    assert "seoul" not in told


@pytest.mark.parametrize(
    ("channel", "topic"),
    [
        ("events", topics.events("seoul")),
        ("contacts", topics.contacts("seoul")),
        ("rejected", topics.rejected("seoul")),
    ],
)
def test_a_channel_tells_the_settings_of_its_topic(channel: str, topic: topics.Topic) -> None:
    told = DOCUMENT["channels"][channel]
    configuration = told["bindings"]["kafka"]["topicConfiguration"]

    assert told["address"] == topic.name
    assert configuration["cleanup.policy"] == [topic.settings["cleanup.policy"]]
    assert configuration["retention.ms"] == int(topic.retention_ms)
    assert configuration["max.message.bytes"] == topics.MAX_MESSAGE_BYTES


def test_every_way_to_reach_a_broker_is_told() -> None:
    servers, schemes = DOCUMENT["servers"], COMPONENTS["securitySchemes"]
    needed = {
        protocol: [place["$ref"].rpartition("/")[2] for place in server["security"]]
        for protocol, server in servers.items()
    }

    assert needed == {
        "PLAINTEXT": [],
        "SSL": ["X509"],
        "SASL_PLAINTEXT": [*MECHANISMS],
        "SASL_SSL": [*MECHANISMS],
    }
    assert {*needed} == {*PROTOCOLS}
    assert {name for name in servers if servers[name]["protocol"] == "kafka-secure"} == {
        "SSL", "SASL_SSL",
    }  # fmt: skip
    assert [scheme["type"] for scheme in schemes.values()] == [
        "plain", "scramSha256", "scramSha512", "X509",
    ]  # fmt: skip


def test_every_type_of_event_is_a_message() -> None:
    assert [*DOCUMENT["channels"]["events"]["messages"]] == [*CATALOGUE]


@pytest.mark.parametrize("name", GOLDEN)
@pytest.mark.parametrize(
    "draft", [jsonschema_rs.Draft202012Validator, jsonschema_rs.Draft7Validator]
)
def test_an_event_of_long_ago_is_valid(name: str, draft: Any) -> None:
    validator(*payloads("events"), draft=draft).validate(GOLDEN[name])


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_an_event_of_each_type_is_valid(name: str) -> None:
    EVENTS.validate(orjson.loads(stamped(recorded(example(name)))))


@given(any_event())
@settings(deadline=None)
def test_any_event_is_valid(event: Any) -> None:
    EVENTS.validate(orjson.loads(stamped(recorded(event))))


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(history=histories())
def test_whatever_stands_in_a_log_is_valid(module_log: Log, history: History) -> None:
    with module_log.database.connect() as connection:
        before = head(connection)
        for _ in record(module_log, history):
            pass

        for stored in read(connection, after=before):
            EVENTS.validate(orjson.loads(stored.record))


@pytest.mark.parametrize("name", GOLDEN)
def test_an_event_has_all_its_attributes_and_no_others(name: str) -> None:
    event = GOLDEN[name]
    for attribute in event:
        assert not EVENTS.is_valid({n: v for n, v in event.items() if n != attribute}), attribute
    for unknown in ("colour", "Type"):
        assert not EVENTS.is_valid(event | {unknown: "ko"})
        assert not EVENTS.is_valid(event | {"data": event["data"] | {unknown: "ko"}})


@pytest.mark.parametrize(("name", "field"), FIELDS)
def test_no_field_is_missing_or_holds_free_text_or_a_fraction(name: str, field: str) -> None:
    event = GOLDEN[name]
    rest = {n: value for n, value in event["data"].items() if n != field}

    assert EVENTS.is_valid(event)
    assert not EVENTS.is_valid(event | {"data": rest})
    for wrong in ("김철수 010-1234-5678", 1.5, 2**53, {}, {"text": "x"}, [1], [True], ""):
        assert not EVENTS.is_valid(event | {"data": rest | {field: wrong}}), wrong


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("received", {"channel": "fax"}), ("received", {"channel": None}),
        ("received", {"citizen": "c1"}), ("received", {"due_at": "2012-02-29T09:00:00+09:00"}),
        ("received", {"attachments": [{"sha256": "x"}]}), ("queued", {"queue": None}),
        ("queued", {"queue": "a b"}), ("queued", {"visit": "1"}), ("queued", {"visit": True}),
        ("left-queue", {"reason": "bored"}), ("transferred", {"holds": 1}),
        ("transferred", {"kind": "robot"}), ("noted", {"note": None}), ("noted", {"note": "x"}),
        ("noted", {"note": {"c": "", "k": "0" * 32, "n": ""}}),
        ("noted", {"note": {"c": "", "k": "0" * 32, "n": "", "v": 1, "text": "x"}}),
        ("noted", {"note": {"c": "말", "k": "0" * 32, "n": "", "v": 1}}),
        ("noted", {"note": {"c": "", "k": "0" * 31, "n": "", "v": 1}}),
    ],
)  # fmt: skip
def test_what_the_code_could_not_write_is_not_valid(name: str, wrong: dict[str, Any]) -> None:
    event = GOLDEN[f"inquiry.{name}.v1"]

    assert not EVENTS.is_valid(event | {"data": event["data"] | wrong})


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "inquiry.unheard-of.v1"}, {"type": "inquiry.noted.v1"}, {"specversion": "0.3"},
        {"source": "/dasan/busan"}, {"sequence": "42"}, {"sequence": 42}, {"actor": "a017"},
        {"time": "2012-02-29T00:00:04Z"}, {"time": "2012-02-30T00:00:04.000000Z"},
        {"recordedtime": "2012-02-29T09:00:04.120000+09:00"}, {"causationid": "command:1"},
        {"id": "0188a3c1-7d2e-8f00-9b1c-3f4d5e6a7b8c"}, {"subject": "c1"}, {"correlationid": None},
        {"id": "0188a3c1-7d2e-8f00-9b1c-3f4d5e6a7b8c/0"}, {"traceparent": "00-1"},
    ],
)  # fmt: skip
def test_an_envelope_of_another_form_is_not_valid(wrong: dict[str, Any]) -> None:
    assert not EVENTS.is_valid(GOLDEN["inquiry.queued.v1"] | wrong)


def test_a_trace_may_stand_in_an_event() -> None:
    trace = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}

    assert EVENTS.is_valid(GOLDEN["inquiry.queued.v1"] | trace)


CHECKS: dict[str, Callable[[str], object]] = {
    "Code": code,
    "Digest": digest,
    "envelope.actor": lambda text: Request(actor=text, cause=REQUEST.cause),
    "envelope.causationid": lambda text: Request(actor=REQUEST.actor, cause=text),
    "envelope.traceparent": lambda text: Request(REQUEST.actor, REQUEST.cause, traceparent=text),
}


def nearly(pattern: str) -> st.SearchStrategy[str]:
    """Texts of a pattern, those that differ by a letter or two, and any others."""
    exact = st.from_regex(pattern.removesuffix("$"), fullmatch=True)
    changed = st.builds(
        lambda text, at, letters, skip: text[:at] + letters + text[at + skip :],
        exact,
        st.integers(0, 70),
        st.text(max_size=2),
        st.integers(0, 2),
    )
    return exact | changed | st.text(max_size=70)


@pytest.mark.parametrize("name", CHECKS)
@given(data=st.data())
@settings(deadline=None)
def test_a_pattern_says_what_the_code_checks(name: str, data: st.DataObject) -> None:
    schema = COMPONENTS["schemas"][name]
    text = data.draw(nearly(schema["pattern"]))
    assume(personal_data_in(text) is None)  # no pattern can tell

    assert validator(schema).is_valid(text) == accepted(CHECKS[name], text)


def accepted(check: Callable[[str], object], text: str) -> bool:
    try:
        check(text)
    except (VocabularyError, RequestError):
        return False
    return True


def test_the_contacts_of_the_page_are_valid() -> None:
    assert CONTACTS
    for contact in CONTACTS:
        CONTACT_STEPS.validate(contact)


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "contact.received.v2"}, {"data": {"channel": "fax"}}, {"data": {}},
        {"data": {"channel": "sms", "colour": "red"}}, {"time": "now"}, {"id": "x\ny"},
    ],
)  # fmt: skip
def test_what_is_no_contact_is_not_valid(wrong: dict[str, Any]) -> None:
    assert not CONTACT_STEPS.is_valid(CONTACTS[0] | wrong)


def test_the_headers_that_are_sent_are_valid() -> None:
    sent = {
        name: octets.decode()
        for name, octets in ends.headers(42, UUID("0188a3c1-7d2e-8f00-9b1c-3f4d5e6a7b8c"))
    }
    headers = validator(COMPONENTS["schemas"]["headers.sent"])

    headers.validate(sent)
    for wrong in ({"position": "042"}, {"log-id": "1"}, {"content-type": "application/json"}):
        assert not headers.is_valid(sent | wrong)
    for name in sent:
        assert not headers.is_valid({n: value for n, value in sent.items() if n != name})


def test_the_examples_of_the_document_are_valid() -> None:
    messages = [
        m for channel in DOCUMENT["channels"].values() for m in channel["messages"].values()
    ]
    examples = [
        (message, example) for message in messages for example in message.get("examples", ())
    ]

    assert len(examples) == 2
    for message, told in examples:
        validator(message["payload"]).validate(told["payload"])
        validator(message["headers"]).validate(told["headers"])

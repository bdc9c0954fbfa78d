"""Programs that are not ours read the topic of events."""

import shutil
import subprocess

import orjson
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event

from eventlog.reader import read
from tests.conftest import skip_or_fail
from tests.consumers.connected import Connected
from tests.consumers.reading import read_topic


@pytest.fixture
def kcat() -> str:
    program = shutil.which("kcat")
    if program is None:
        skip_or_fail("kcat is not installed (Debian: kcat)")
    return program


def test_kcat_reads_each_record_as_it_stands_in_the_log(connected: Connected, kcat: str) -> None:
    connected.happen(20)
    connected.relay()
    # kcat ends at what is told to be committed, which is a moment after the acknowledgement.
    read_topic(connected.broker, connected.events.name)

    told = subprocess.run(
        [kcat, "-b", connected.broker.name, "-t", connected.events.name, "-C", "-o", "beginning",
         "-e", "-q", "-f", r"%k\t%h\t%s\n"],
        capture_output=True,
        check=True,
        timeout=60,
    )  # fmt: skip

    with connected.database.connect() as connection:
        log = {str(row.position).encode(): row for row in read(connection, after=0)}
    lines = told.stdout.splitlines()
    assert len(lines) == len(log)
    for line in lines:
        key, headers, value = line.split(b"\t")
        position = dict(pair.split(b"=", 1) for pair in headers.split(b","))[b"position"]
        assert value == log[position].record
        assert key == str(log[position].stream).encode()


def test_the_cloudevents_package_reads_each_record(connected: Connected) -> None:
    connected.happen(5)
    connected.relay()

    for record in read_topic(connected.broker, connected.events.name):
        message = KafkaMessage(dict(record.headers), record.key, record.value)
        event = from_kafka_event(message)

        told = orjson.loads(record.value)
        assert event.get_id() == told["id"]
        assert event.get_type() == told["type"]
        assert event.get_subject() == record.key.decode()
        assert event.get_data() == told["data"]
        assert event.get_extension("sequence") == told["sequence"]

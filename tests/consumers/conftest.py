from uuid import uuid4

import pytest

from consumers.broker import Broker
from eventlog.log import Log
from tests.consumers.connected import Connected


@pytest.fixture
def connected(log: Log, broker: Broker) -> Connected:
    """A log, and topics of a city of its own, which nobody else knows."""
    connected = Connected(log, broker, f"city-{uuid4().hex[:8]}")
    connected.prepare()
    return connected

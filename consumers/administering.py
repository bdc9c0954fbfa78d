"""Asking a broker about its topics; why one cannot be asked is said soon and in full."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError
from kafka.net.compat import KafkaNetClient
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector

from consumers.broker import BOOTSTRAP_TIMEOUT_MS, REFUSALS, Broker

BACKOFF_MAX_MS = 100
"""Short: of two refusals the library loses one, when it comes together with the end of the line."""


@contextmanager
def administering(
    broker: Broker, *, patience_ms: int = BOOTSTRAP_TIMEOUT_MS
) -> Iterator[KafkaAdminClient]:
    """Yield a client that asks about topics and makes them.

    Raises:
        BrokerError: no broker answers within `patience_ms`, or one refuses or fails.
    """
    made: list[_Net] = []

    def make(**settings: Any) -> KafkaNetClient:
        made.append(_Net(**settings))
        return made[-1]

    settings = broker.client | {
        "bootstrap_timeout_ms": patience_ms,
        "reconnect_backoff_max_ms": BACKOFF_MAX_MS,
    }
    try:
        admin = KafkaAdminClient(**settings, kafka_client=make)
    except KafkaError as error:
        raise broker.unusable(made[-1].give_up() or error if made else error) from error
    try:
        yield admin
    except KafkaError as error:
        raise broker.unusable(error) from error
    finally:
        admin.close()


class _Connections(KafkaConnectionManager):
    """Knows why it cannot connect, and gives up when it is refused.

    The library goes on asking a broker that refuses, and says no more in the end than that time is
    up.
    """

    def __init__(self, net: NetworkSelector, **settings: Any) -> None:
        super().__init__(net, **settings)
        self.why: Exception | None = None

    def get_connection(self, *arguments: Any, **options: Any) -> Any:
        if isinstance(self.why, REFUSALS):
            raise self.why
        connection = super().get_connection(*arguments, **options)
        connection.init_future.add_errback(self._remember)
        return connection

    def _remember(self, why: Exception) -> None:
        self.why = why


class _Net(KafkaNetClient):
    """The library's client upon connections that know why they fail."""

    def __init__(self, **settings: Any) -> None:
        net = NetworkSelector(**settings)
        self.connections = _Connections(net, **settings)
        super().__init__(net, self.connections)

    def give_up(self) -> Exception | None:
        """Return what failed, and close what the library leaves running, once more each time."""
        why = self.connections.why
        self.close()
        return why

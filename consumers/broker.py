"""Which broker, and as whom: read once from the environment, the same for every client.

Names are those of Kafka's own clients: `security.protocol` is `KAFKA_SECURITY_PROTOCOL`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kafka.errors import (
    AuthorizationError,
    KafkaProtocolError,
    RetriableError,
    SaslAuthenticationFailedError,
    UnsupportedSaslMechanismError,
)

_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]]+):[0-9]{1,5}")
PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
BOOTSTRAP_TIMEOUT_MS = 5_000
REQUEST_TIMEOUT_MS = 15_000
RECONNECT_BACKOFF_MAX_MS = 2_000

REFUSALS = (AuthorizationError, SaslAuthenticationFailedError, UnsupportedSaslMechanismError)
"""What a broker says to somebody who may not: asking again does not help."""


class BrokerError(RuntimeError):
    """The broker cannot be used; says which, why, and how to mend it."""


class AbsentBrokerError(BrokerError):
    """No broker answers."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the brokers are, and how to prove who we are."""

    servers: tuple[str, ...]
    protocol: str = "PLAINTEXT"
    mechanism: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
    key_password: str | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """Names the brokers in messages."""
        return ",".join(self.servers)

    @property
    def client(self) -> dict[str, Any]:
        """The arguments that every client of kafka-python takes."""
        return {
            "bootstrap_servers": list(self.servers),
            "bootstrap_timeout_ms": BOOTSTRAP_TIMEOUT_MS,
            "request_timeout_ms": REQUEST_TIMEOUT_MS,
            "reconnect_backoff_max_ms": RECONNECT_BACKOFF_MAX_MS,
            "security_protocol": self.protocol,
            "sasl_mechanism": self.mechanism,
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
            "ssl_cafile": self.ca_file,
            "ssl_certfile": self.certificate_file,
            "ssl_keyfile": self.key_file,
            "ssl_password": self.key_password,
        }

    def unusable(self, error: Exception) -> BrokerError:
        """Say what stands in the way, for somebody who can mend it."""
        if isinstance(error, REFUSALS):
            return BrokerError(
                f"the broker {self.name} refuses: {error}. Mend KAFKA_SASL_* or the rights of "
                f"{self.username or 'this client'} (docs/kafka.md lists what each program needs)"
            )
        if isinstance(error, RetriableError | KafkaProtocolError):
            return AbsentBrokerError(
                f"no Kafka broker answers at {self.name}: {error}. Start it, or mend "
                "KAFKA_BOOTSTRAP_SERVERS, KAFKA_SECURITY_PROTOCOL, KAFKA_SSL_* or KAFKA_SASL_*"
            )
        return BrokerError(f"the broker {self.name} cannot be used: {error!r}")


def read_broker(environment: Mapping[str, str]) -> Broker:
    """Return the broker of an environment: `KAFKA_BOOTSTRAP_SERVERS` and the rest of `KAFKA_*`.

    Raises:
        BrokerError: none is named, or a setting cannot be used.
    """

    def value(name: str) -> str | None:
        return environment.get(f"KAFKA_{name}") or None

    servers = tuple(part.strip() for part in (value("BOOTSTRAP_SERVERS") or "").split(","))
    if not all(map(_ADDRESS.fullmatch, servers)):
        raise BrokerError(
            "KAFKA_BOOTSTRAP_SERVERS names no broker: set it, as in localhost:9092,other:9092"
        )
    broker = Broker(
        servers,
        value("SECURITY_PROTOCOL") or "PLAINTEXT",
        value("SASL_MECHANISM"),
        value("SASL_USERNAME"),
        value("SASL_PASSWORD"),
        value("SSL_CAFILE"),
        value("SSL_CERTFILE"),
        value("SSL_KEYFILE"),
        value("SSL_KEY_PASSWORD"),
    )
    _require_among("SECURITY_PROTOCOL", broker.protocol, PROTOCOLS)
    _require_file("SSL_CAFILE", broker.ca_file)
    _require_file("SSL_CERTFILE", broker.certificate_file)
    _require_file("SSL_KEYFILE", broker.key_file)
    if broker.protocol.startswith("SASL"):
        _require_among("SASL_MECHANISM", broker.mechanism, MECHANISMS)
        if not (broker.username and broker.password):
            raise BrokerError(
                f"KAFKA_SECURITY_PROTOCOL={broker.protocol} needs KAFKA_SASL_USERNAME and "
                "KAFKA_SASL_PASSWORD"
            )
    return broker


def _require_among(name: str, value: str | None, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise BrokerError(f"KAFKA_{name} is {value!r}: use one of {', '.join(choices)}")


def _require_file(name: str, path: str | None) -> None:
    if path is not None and not Path(path).is_file():
        raise BrokerError(f"KAFKA_{name} is {path!r}: there is no such file")

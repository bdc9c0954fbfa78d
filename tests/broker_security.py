"""TLS, users and rights of a broker of the tests."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from consumers.administering import administering
from consumers.broker import Broker, BrokerError
from tests.faults.harness import await_condition

ADMIN, ADMIN_PASSWORD = "admin", "made-up"
MECHANISM = "SCRAM-SHA-512"
JAAS = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
PROTOCOLS = "CLIENTS:SASL_SSL,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT"
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Security:
    """Clients speak SASL_SSL and may do what they were granted; the administrator may do all."""

    ca_file: Path
    key_store: Path

    @property
    def settings(self) -> dict[str, str]:
        """The settings of the server. Nobody but the node itself knows the listeners in clear."""
        return {
            "listener.security.protocol.map": PROTOCOLS,
            "listener.name.clients.sasl.enabled.mechanisms": MECHANISM,
            f"listener.name.clients.{MECHANISM.lower()}.sasl.jaas.config": JAAS,
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.key_store),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": f"User:{ADMIN};User:ANONYMOUS",
        }

    @property
    def first_users(self) -> tuple[str, ...]:
        """What formats the server's storage with its first user."""
        return ("--add-scram", f"{MECHANISM}=[name={ADMIN},password={ADMIN_PASSWORD}]")

    def admin(self, bootstrap: str) -> Broker:
        """Return how the administrator reaches the server."""
        return Broker(
            (bootstrap,), "SASL_SSL", MECHANISM, ADMIN, ADMIN_PASSWORD, ca_file=str(self.ca_file)
        )


class Right(NamedTuple):
    """What somebody may do: operations on what has this name, or a name that begins with it."""

    kind: ResourceType
    name: str
    operations: Sequence[ACLOperation]
    is_prefix: bool = False


def add_user(admin: Broker, name: str, *rights: Right) -> Broker:
    """Make a user who may do that and nothing else, and return how the user reaches the server."""
    user = replace(admin, username=name, password=f"made-up of {name}")
    acls = [acl for right in rights for acl in _acls(name, right)]
    with administering(admin) as client:
        mechanism = ScramMechanism.SCRAM_SHA_512
        client.alter_user_scram_credentials(
            [UserScramCredentialUpsertion(name, mechanism, user.password or "")]
        )
        if acls:
            assert not client.create_acls(acls)["failed"]
        everything = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
        granted = ACLFilter(
            f"User:{name}", None, ACLOperation.ANY, ACLPermissionType.ANY, everything
        )
        await_condition(lambda: len(client.describe_acls(granted)[0]) == len(acls))
    await_condition(lambda: _is_let_in(user))
    return user


def _acls(user: str, right: Right) -> Iterator[ACL]:
    pattern = ResourcePattern(
        right.kind,
        right.name,
        ACLResourcePatternType.PREFIXED if right.is_prefix else ACLResourcePatternType.LITERAL,
    )
    for operation in right.operations:
        yield ACL(f"User:{user}", "*", operation, ACLPermissionType.ALLOW, pattern)


def _is_let_in(user: Broker) -> bool:
    try:
        with administering(user):
            return True
    except BrokerError:
        return False


def make_security(folder: Path) -> Security:
    """Make an authority and a certificate for 127.0.0.1."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = _name("authority of the tests")
    ca = (
        _certificate(ca_name, ca_name, ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    certificate = (
        _certificate(_name("broker of the tests"), ca_name, key.public_key())
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(ca_key, hashes.SHA256())
    )
    security = Security(folder / "ca.pem", folder / "broker.pem")
    security.ca_file.write_bytes(ca.public_bytes(Encoding.PEM))
    security.key_store.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + certificate.public_bytes(Encoding.PEM)
    )
    return security


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
    )

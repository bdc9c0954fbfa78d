"""The certificate of forgetting: what was destroyed, and from when on nobody can read it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import orjson
from psycopg import Connection

from domain.forgetting import Asker
from domain.vocabulary import Code, Digest

CONTACTS_KEPT = timedelta(hours=24)
REJECTED_KEPT = timedelta(days=7)
"""How long the topics of contacts, and of those that were rejected, keep their messages."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was destroyed, and from when on nobody can read it.

    `citizen` is null where one `inquiry` was forgotten, and the other way round. `inquiries` are
    those whose keys `kids` were destroyed. From `forgotten_at` on the service can read nothing of
    what was recorded up to `position`, where the log says so. In backups of the database it could
    be read until `backups_until`, when the key-encryption key was destroyed that wraps the keys
    there; null: it is still in use (`dasan keys rotate`). `topics_until` tells until when messages
    may stand in topics of Kafka.
    """

    citizen: UUID | None
    inquiry: UUID | None
    basis: Code
    inquiries: Sequence[UUID]
    kids: Sequence[Digest]
    forgotten_at: datetime
    position: int
    backups_until: datetime | None
    topics_until: dict[str, datetime]


def certificate(connection: Connection, source: str, asker: Asker) -> Certificate:
    """Return the certificate of somebody who was forgotten.

    Who was forgotten again has one for all times: the keys of all, and the date of the last.
    """
    rows = connection.execute(
        "SELECT position, record FROM log WHERE stream_id = %s AND type = 'citizen.forgotten.v1'"
        " ORDER BY version",
        [asker.stream],
    ).fetchall()
    position = rows[-1][0]
    records = [orjson.loads(octets) for _, octets in rows]
    forgotten_at = datetime.fromisoformat(records[-1]["recordedtime"])
    topic = f"{source.removeprefix('/').replace('/', '.')}.contacts"
    return Certificate(
        citizen=asker.citizen,
        inquiry=asker.inquiry,
        basis=records[-1]["data"]["basis"],
        inquiries=_inquiries(connection, asker, position),
        kids=[kid for one in records for kid in one["data"]["kids"]],
        forgotten_at=forgotten_at,
        position=position,
        backups_until=_rotated_after(connection, forgotten_at),
        topics_until={
            topic: forgotten_at + CONTACTS_KEPT,
            f"{topic}.rejected": forgotten_at + REJECTED_KEPT,
        },
    )


def _inquiries(connection: Connection, asker: Asker, upto: int) -> list[UUID]:
    if asker.inquiry is not None:
        return [asker.inquiry]
    rows = connection.execute(
        "SELECT stream_id FROM vault.asked WHERE citizen = %s AND position < %s ORDER BY stream_id",
        [asker.citizen, upto],
    )
    return [stream for (stream,) in rows]


def _rotated_after(connection: Connection, at: datetime) -> datetime | None:
    """Return when the key was destroyed that wrapped keys at a time; null if it is in use.

    A change that had begun by then does not count: the new key may have wrapped them already.
    """
    row = connection.execute(
        "SELECT min(done_at) FROM vault.rotation WHERE begun_at > %s", [at]
    ).fetchone()
    return row[0] if row else None

"""Rejected contacts to their topic, relayed as the log is: in order, each once."""

from collections.abc import Sequence

from psycopg import Connection

from consumers.ends import End
from consumers.rejection import Origin, Rejection, RejectionData
from consumers.sending import Outgoing
from consumers.topics import Topic
from eventlog.keys import Keys
from eventlog.reader import identity
from importers.contact_rejections import Rejections, Unsent


class Rejected:
    """The table of rejected contacts."""

    keeps_all = False
    interval_s = 0.2  # few come, and nobody waits for them

    def __init__(self, topic: Topic, keys: Keys) -> None:
        self.topic = topic
        self._keys = keys

    def after(self, connection: Connection, position: int, limit: int) -> Sequence[Outgoing]:
        """Return up to `limit` unsent rejections above `position`."""
        source = identity(connection).source
        return [
            Outgoing(one.number, one.origin.encode(), _rejection(one, source).encode())
            for one in Rejections(connection, self._keys).unsent(position, limit)
        ]

    def behind(self, connection: Connection, position: int) -> int:
        """Return how many rejections are unsent."""
        row = connection.execute(
            "SELECT count(*) FROM vault.rejected WHERE number > %s AND message IS NOT NULL",
            [position],
        ).fetchone()
        return row[0] if row else 0

    def require_same(self, connection: Connection, ends: Sequence[End]) -> None:
        """Let numbers go on above those in the topic, also after a backup was restored."""
        last = max((end.position for end in ends), default=0)
        Rejections(connection, self._keys).begin_above(last)

    def acknowledged(self, connection: Connection, position: int) -> None:
        """Clear what was sent."""
        Rejections(connection, self._keys).sent(position)


def _rejection(one: Unsent, source: str) -> Rejection:
    topic, _, place = one.origin.rpartition("/")
    partition, _, offset = place.partition("@")
    return Rejection(
        id=one.ref,
        source=source,
        time=one.rejected_at,
        data=RejectionData(
            reason=one.reason,
            origin=Origin(topic=topic, partition=int(partition), offset=int(offset)),
            message=one.text,
        ),
    )

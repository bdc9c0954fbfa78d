"""Signed checkpoints to their topic: whoever reads it remembers what the log said of itself."""

from collections.abc import Sequence

from psycopg import Connection

from consumers.ends import End
from consumers.relay import DivergedError
from consumers.sending import Outgoing
from consumers.topics import Topic

TEXT = b"text/plain; charset=UTF-8"


class Checkpoints:
    """The table of checkpoints, by the size that each is of."""

    keeps_all = False
    interval_s = 0.2  # one a second at most is signed

    def __init__(self, topic: Topic) -> None:
        self.topic = topic

    def after(self, connection: Connection, position: int, limit: int) -> Sequence[Outgoing]:
        """Return up to `limit` signed notes of more than `position` records."""
        rows = connection.execute(
            "SELECT size, split_part(note, E'\\n', 1), note FROM tree.checkpoint"
            " WHERE size > %s ORDER BY size LIMIT %s",
            [position, limit],
        )
        return [Outgoing(size, origin.encode(), note.encode(), TEXT) for size, origin, note in rows]

    def behind(self, connection: Connection, position: int) -> int:
        """Return how many checkpoints there are of more than `position` records."""
        row = connection.execute(
            "SELECT count(*) FROM tree.checkpoint WHERE size > %s", [position]
        ).fetchone()
        return row[0] if row else 0

    def require_same(self, connection: Connection, ends: Sequence[End]) -> None:
        """Compare the topic's last checkpoints with those that were signed.

        Raises:
            DivergedError: one is another, or was never signed here.
        """
        rows = connection.execute(
            "SELECT size, note FROM tree.checkpoint WHERE size = ANY (%s)",
            [[end.position for end in ends]],
        )
        notes: dict[int, str] = dict(rows.fetchall())
        for size, value in sorted(ends):
            if notes.get(size, "").encode() != value:
                raise DivergedError(
                    f"the topic {self.topic.name} has another checkpoint of {size:,} records than"
                    " the log: the log was restored from a backup or rewritten. Recover the log"
                    " that was signed"
                )

    def acknowledged(self, connection: Connection, position: int) -> None:
        """Need nothing more: checkpoints stay."""

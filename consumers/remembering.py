"""The tables of the programs around Kafka, `relay` and `consumed`, and the offsets in them."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import NamedTuple
from uuid import UUID

from psycopg import Connection

from consumers.persisting import PartitionLostError
from eventlog.database import Database, make_once


class Move(NamedTuple):
    """A partition was read from the offset `begin` up to `end`, which comes next."""

    partition: int
    begin: int
    end: int


def prepare_remembered(database: Database) -> None:
    """Make the tables if there are none."""
    make_once(database, "consumed", files("consumers").joinpath("remembered.sql").read_bytes())


def offsets(connection: Connection, topic_id: UUID, partitions: Sequence[int]) -> Mapping[int, int]:
    """Return the offset that comes next in each partition, 0 for one never read."""
    connection.execute(
        "INSERT INTO consumed (topic_id, partition, next) SELECT %s, unnest(%s::int[]), 0"
        " ON CONFLICT DO NOTHING",
        [topic_id, list(partitions)],
    )
    rows = connection.execute(
        "SELECT partition, next FROM consumed WHERE topic_id = %s AND partition = ANY (%s)",
        [topic_id, list(partitions)],
    )
    return dict(rows.fetchall())


def move(connection: Connection, topic_id: UUID, moves: Sequence[Move]) -> None:
    """Store that partitions have moved, in the transaction that stores what was read.

    Raises:
        PartitionLostError: one is not where it was moved from.
    """
    cursor = connection.execute(
        "UPDATE consumed SET next = m.end_ FROM unnest(%s::int[], %s::bigint[], %s::bigint[])"
        " AS m(partition, begin_, end_)"
        " WHERE topic_id = %s AND consumed.partition = m.partition AND next = m.begin_",
        [*map(list, zip(*moves, strict=True)), topic_id],
    )
    if cursor.rowcount != len(moves):
        raise PartitionLostError("somebody else reads a partition that was ours")

"""A city's log with its views, as the tests of the views see it."""

import json
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection, sql
from psycopg.rows import dict_row

from domain.inquiry import Inquiry
from eventlog.log import Log
from eventlog.reader import head, read
from eventlog.record import decode
from projections.runner import BATCH_EVENTS, Runner
from projections.views import KPI_TABLES, WAITS, views
from tests.projections.histories import REQUEST
from tests.projections.naive import Fact

VIEWS = ("audit", "inquiries", "kpi", "praise")
Contents = dict[str, list[dict[str, Any]]]
Sums = dict[str, dict[tuple[Any, ...], dict[str, int]]]


class City:
    """A log, and a connection with the service's rights."""

    def __init__(self, log: Log, connection: Connection) -> None:
        self.log = log
        self.connection = connection

    @property
    def position(self) -> int:
        """The position of the log's last event."""
        return head(self.connection)

    def tell(self, *inquiries: Inquiry) -> None:
        """Save what is pending, each inquiry by itself, and bring the views up to date."""
        assert all(self.log.inquiries.save_each((i, REQUEST) for i in inquiries))
        self.catch_up()

    def catch_up(self, batch: int = BATCH_EVENTS) -> None:
        Runner(self.connection, batch=batch).catch_up()

    def counted(self, what: str, by: str = "hour", table: str = "hourly") -> dict[Any, int]:
        """Return the sums of `what` that are not 0, by one dimension of a KPI table."""
        rows = self.connection.execute(
            sql.SQL("SELECT {0}, sum({1}) FROM kpi.{2} GROUP BY 1 HAVING sum({1}) <> 0").format(
                sql.Identifier(by), sql.Identifier(what), sql.Identifier(table)
            )
        )
        return {key: int(count) for key, count in rows}

    def total(self, what: str) -> int:
        """Return the sum of `what` over all hours."""
        return sum(self.counted(what).values())

    def rows(self, table: str, where: str = "true") -> list[dict[str, Any]]:
        """Return the rows of a view's table, in an order of their own."""
        with self.connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(
                sql.SQL("SELECT * FROM {0} AS row WHERE {1} ORDER BY row::text").format(
                    sql.Identifier(*table.split(".")), sql.SQL(where)
                )
            )
            return cursor.fetchall()

    def row(self, table: str) -> dict[str, Any]:
        """Return the only row of a view's table."""
        [row] = self.rows(table)
        return row

    def contents(self) -> Contents:
        """Return everything that the views say."""
        says = {
            f"{view.schema}.{table}": text for view in views() for table, text in view.says.items()
        }
        return {table: self.rows(table, says.get(table, "true")) for table in self._tables()}

    def kpi(self) -> Sums:
        """Return the KPI tables without their zeros: table -> dimensions -> sums."""
        tables: Sums = {}
        for table in (*KPI_TABLES, WAITS):
            for row in self.rows(f"kpi.{table.name}"):
                dimensions = tuple(row.pop(name) for name in table.dimensions)
                if any(row.values()):
                    sums = {name: count for name, count in row.items() if count}
                    tables.setdefault(table.name, {})[dimensions] = sums
        return tables

    def dimensions(self, table: str) -> tuple[str, ...]:
        """Return the dimensions of a KPI table."""
        return next(known.dimensions for known in (*KPI_TABLES, WAITS) if known.name == table)

    def facts(self, after: int) -> dict[UUID, list[Fact]]:
        """Return the facts after a position, by inquiry."""
        streams: dict[UUID, list[Fact]] = {}
        for stored in read(self.connection, after=after, limit=100_000):
            streams.setdefault(stored.stream, []).append(decode(stored.record))
        return streams

    def positions(self) -> dict[str, int]:
        return {state.view: state.position for state in Runner(self.connection).progress()}

    def begin_again(self, position: int = 0) -> None:
        """Empty the views and let them begin after `position`, up to which nothing may matter."""
        self.forget(*VIEWS, position=position)

    def forget(self, *views: str, position: int = 0) -> None:
        """Empty some views only."""
        with self.connection.transaction():
            for table in self._tables():
                if table.partition(".")[0] in views:
                    self.connection.execute(
                        sql.SQL("DELETE FROM {}").format(sql.Identifier(*table.split(".")))
                    )
            self.connection.execute(
                "UPDATE projection SET position = %s, error = NULL WHERE view = ANY (%s)",
                [position, list(views)],
            )

    def refolded(self, position: int = 0) -> Contents:
        """Return what the views hold when they begin again and take all in one batch."""
        self.begin_again(position)
        self.catch_up()
        return self.contents()

    def insert(self, type_: str, data: bytes | None = None, **fields: object) -> int:
        """Put a record into the log behind the domain's back; return its position."""
        stream, time = uuid4(), "2012-02-29T00:00:00.000000Z"
        rest = (
            f'"id":"{stream}/1","recordedtime":"{time}","sequence":"{self.position + 1:020}",'
            f'"subject":"{stream}","time":"{time}","type":"{type_}"}}'
        )
        told = data or json.dumps(fields).encode()
        record = b'{"actor":"agent:a","data":%b,%b' % (told, rest.encode())
        return self.insert_record(type_, record, stream)

    def insert_record(self, type_: str, record: bytes, stream: UUID | None = None) -> int:
        """Put any bytes into the log; return their position."""
        position = head(self.connection) + 1
        with self.log.database.connect_as_owner() as owner, owner.transaction():
            owner.execute(
                "INSERT INTO log VALUES (%s, %s, 1, %s, %s)",
                [position, stream or uuid4(), type_, record],
            )
            owner.execute("UPDATE log_head SET position = %s", [position])
        return position

    def _tables(self) -> list[str]:
        rows = self.connection.execute(
            "SELECT table_schema || '.' || table_name FROM information_schema.tables"
            " WHERE table_schema = ANY (%s) ORDER BY 1",
            [list(VIEWS)],
        )
        return [name for (name,) in rows]

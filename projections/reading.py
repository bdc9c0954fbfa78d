"""Reading views while they are advanced and rebuilt: each reader sees one moment."""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import Connection, sql

from projections.views import view


@contextmanager
def standing_still(connection: Connection, *names: str) -> Iterator[None]:
    """Yield in a transaction that reads only, in which the named views are as of one moment.

    A rebuild exchanges a view's tables under a lock that no reader holds. The tables are locked
    before the first look at anything: a snapshot from before the exchange would show the tables
    that are there after it as they were while they were filled.
    """
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for name in names:
            connection.execute(
                sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(
                    sql.Identifier(name, view(name).table_names[0])
                )
            )
        yield

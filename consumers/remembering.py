"""The tables of the programs around Kafka: `relay` and `consumed`."""

from importlib.resources import files

from eventlog.database import Database


def prepare_remembered(database: Database) -> None:
    """Make the tables if there are none."""
    with database.connect_as_owner() as connection, connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('dasan schema'))")
        row = connection.execute("SELECT to_regclass('consumed') IS NULL").fetchone()
        if row is not None and row[0]:
            connection.execute(files("consumers").joinpath("remembered.sql").read_bytes())

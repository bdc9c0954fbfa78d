"""The catalogue's tables: made with the views, written by the owner, read by everybody."""

from importlib.resources import files

from psycopg import Connection

from projections.catalogue import Catalogue, Category, District, default_catalogue
from projections.targets import Target, Targeted


def prepare_catalogue(connection: Connection) -> None:
    """Make the tables with the default catalogue in them, if there are none."""
    row = connection.execute("SELECT to_regclass('catalogue.target') IS NULL").fetchone()
    if row is not None and row[0]:
        connection.execute(files("projections").joinpath("catalogue.sql").read_bytes())
        load_catalogue(connection, default_catalogue())


def load_catalogue(connection: Connection, catalogue: Catalogue) -> None:
    """Take a catalogue in, whole or not at all; `connection` has the rights of the owner.

    An entry replaces the one of the same code, a target the one of the same KPI and date. Others
    stay: events name them, and answers for the past have the targets of then.
    """
    with connection.transaction():
        # Two loads would lock rows in the order of their files, and could wait for each other.
        connection.execute("LOCK TABLE catalogue.category IN SHARE ROW EXCLUSIVE MODE")
        cursor = connection.cursor()
        cursor.executemany(
            "INSERT INTO catalogue.category (code, ko, en, agency) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (code) DO UPDATE"
            " SET ko = excluded.ko, en = excluded.en, agency = excluded.agency",
            [(entry.code, entry.ko, entry.en, entry.agency) for entry in catalogue.categories],
        )
        cursor.executemany(
            "INSERT INTO catalogue.district (code, ko, en) VALUES (%s, %s, %s)"
            " ON CONFLICT (code) DO UPDATE SET ko = excluded.ko, en = excluded.en",
            [(entry.code, entry.ko, entry.en) for entry in catalogue.districts],
        )
        cursor.executemany(
            "INSERT INTO catalogue.target (kpi, since, value) VALUES (%s, %s, %s)"
            " ON CONFLICT (kpi, since) DO UPDATE SET value = excluded.value",
            [(target.kpi, target.since, target.value) for target in catalogue.targets],
        )


def read_catalogue(connection: Connection) -> Catalogue:
    """Return the catalogue as it stands, by code, and every target in order of time."""
    categories = connection.execute(
        "SELECT code, ko, en, agency FROM catalogue.category ORDER BY code"
    ).fetchall()
    districts = connection.execute(
        "SELECT code, ko, en FROM catalogue.district ORDER BY code"
    ).fetchall()
    return Catalogue(
        categories=tuple(
            Category(code=code, ko=ko, en=en, agency=agency) for code, ko, en, agency in categories
        ),
        districts=tuple(District(code=code, ko=ko, en=en) for code, ko, en in districts),
        targets=tuple(read_targets(connection)),
    )


def read_targets(connection: Connection) -> list[Target]:
    """Return every target there is or was, in order of time."""
    rows = connection.execute("SELECT kpi, value, since FROM catalogue.target ORDER BY since, kpi")
    return [
        Target.model_validate({"kpi": Targeted(kpi), "value": value, "from": since})
        for kpi, value, since in rows
    ]

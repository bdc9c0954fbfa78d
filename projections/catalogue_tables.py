"""The catalogue's tables: made with the views, written by the owner, read by everybody."""

from collections.abc import Mapping
from importlib.resources import files

from psycopg import Connection

from domain.vocabulary import Code, stored_code
from projections.catalogue import (
    Catalogue,
    CatalogueError,
    Category,
    District,
    Queue,
    default_catalogue,
)
from projections.targets import Target, Targeted

_ADD_NAME = "INSERT INTO catalogue.queue_name (name, code) VALUES (%s, %s) ON CONFLICT DO NOTHING"


def prepare_catalogue(connection: Connection) -> None:
    """Make the tables that there are not, at first with the default catalogue in them."""
    row = connection.execute(
        "SELECT to_regclass('catalogue.target') IS NULL, to_regclass('catalogue.queue') IS NULL"
    ).fetchone()
    is_new, lacks_queues = row or (False, False)
    if lacks_queues:  # as they do in a log of before there were any
        connection.execute(files("projections").joinpath("catalogue.sql").read_bytes())
    if is_new:
        load_catalogue(connection, default_catalogue())


def load_catalogue(connection: Connection, catalogue: Catalogue) -> None:
    """Take a catalogue in, whole or not at all; `connection` has the rights of the owner.

    An entry replaces the one of the same code, a target the one of the same KPI and date. Others
    stay: events name them, and answers for the past have the targets of then.

    Raises:
        CatalogueError: a name of a queue means another queue already; nothing was changed.
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
            "INSERT INTO catalogue.queue (code, ko, en) VALUES (%s, %s, %s)"
            " ON CONFLICT (code) DO UPDATE SET ko = excluded.ko, en = excluded.en",
            [(entry.code, entry.ko, entry.en) for entry in catalogue.queues],
        )
        names = [(name, entry.code) for entry in catalogue.queues for name in entry.names]
        cursor.executemany(_ADD_NAME, names)
        known = queue_codes(connection)
        for name, code in names:
            if known[name] != code:
                raise CatalogueError(
                    f"queues: {name!r} is the queue {known[name]}, under which calls may have been"
                    f" imported: give that code its names, not {code}"
                )
        cursor.executemany(
            "INSERT INTO catalogue.target (kpi, since, value) VALUES (%s, %s, %s)"
            " ON CONFLICT (kpi, since) DO UPDATE SET value = excluded.value",
            [(target.kpi, target.since, target.value) for target in catalogue.targets],
        )


def queue_codes(connection: Connection) -> dict[str, Code]:
    """Return the code of each name that telephone systems have for a queue."""
    rows = connection.execute("SELECT name, code FROM catalogue.queue_name").fetchall()
    return {name: stored_code(code) for name, code in rows}


def add_queues(connection: Connection, names: Mapping[Code, str]) -> None:
    """Add queues that an import has met, each with the name it had there; known ones stay."""
    with connection.transaction():
        cursor = connection.cursor()
        cursor.executemany(
            "INSERT INTO catalogue.queue (code, ko, en) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            [(code, name, name) for code, name in names.items()],
        )
        cursor.executemany(_ADD_NAME, [(name, code) for code, name in names.items()])


def read_catalogue(connection: Connection) -> Catalogue:
    """Return the catalogue as it stands, by code, and every target in order of time.

    It may hold what is not taken any more.
    """
    categories = connection.execute(
        "SELECT code, ko, en, agency FROM catalogue.category ORDER BY code"
    ).fetchall()
    districts = connection.execute(
        "SELECT code, ko, en FROM catalogue.district ORDER BY code"
    ).fetchall()
    queues = connection.execute(
        "SELECT code, ko, en, ARRAY("
        "SELECT name FROM catalogue.queue_name n WHERE n.code = q.code ORDER BY name)"
        " FROM catalogue.queue q ORDER BY code"
    ).fetchall()
    return Catalogue(
        categories=tuple(
            Category.model_construct(code=code, ko=ko, en=en, agency=agency)
            for code, ko, en, agency in categories
        ),
        districts=tuple(
            District.model_construct(code=code, ko=ko, en=en) for code, ko, en in districts
        ),
        queues=tuple(
            Queue.model_construct(code=code, ko=ko, en=en, names=tuple(names))
            for code, ko, en, names in queues
        ),
        targets=tuple(read_targets(connection)),
    )


def read_targets(connection: Connection) -> list[Target]:
    """Return every target there is or was, in order of time."""
    rows = connection.execute("SELECT kpi, value, since FROM catalogue.target ORDER BY since, kpi")
    return [
        Target.model_validate({"kpi": Targeted(kpi), "value": value, "from": since})
        for kpi, value, since in rows
    ]

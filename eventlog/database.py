"""Reaching the database: which one, whether it can be trusted, and with which rights."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.resources import files

import psycopg
from psycopg import AsyncConnection, Connection, sql
from psycopg.conninfo import conninfo_to_dict

from eventlog import embedded
from eventlog.keys import Keys
from eventlog.settings import Settings

OLDEST_VERSION = 170_000
CONNECT_TIMEOUT_S = 10
KEYLESS = b""
"""In place of a look-up key's hash: a log that nobody writes to with keys."""

SERVICE = "dasan_service"

FUNCTIONS = ("append.sql", "forget.sql")
"""Files that may change while a log's tables stay; each can be run again."""

# Rights belong to roles, roles to the whole server: made once, shared by its databases.
ROLES: dict[str, tuple[str, ...]] = {
    "dasan_appender": (),
    "dasan_projector": (),
    "dasan_auditor": (),
    SERVICE: ("dasan_appender", "dasan_projector"),
}


class DatabaseError(RuntimeError):
    """The database cannot be used; says which, why, and how to mend it."""


@dataclass(frozen=True, slots=True)
class Database:
    """A database that holds, or will hold, one city's log. The URLs hold passwords."""

    url: str = field(repr=False)
    admin_url: str = field(repr=False)

    @property
    def name(self) -> str:
        """Names the database without its secrets."""
        parts = conninfo_to_dict(self.url)
        return f"{parts.get('dbname', '')} at {parts.get('host', 'localhost')}"

    @property
    def user(self) -> str:
        """The role that connects."""
        with psycopg.connect(self.url, connect_timeout=CONNECT_TIMEOUT_S) as connection:
            return connection.info.user

    def connect(self) -> Connection:
        """Return an autocommit connection with the rights of the service and no more.

        Raises:
            psycopg.OperationalError: the server cannot be reached.
        """
        connection = psycopg.connect(
            self.url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S, application_name="dasan"
        )
        connection.execute(f"SET ROLE {SERVICE}")
        connection.execute("SET timezone = 'UTC'")
        return connection

    async def connect_async(self) -> AsyncConnection:
        """Return what `connect` returns, for an event loop."""
        connection = await AsyncConnection.connect(
            self.url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S, application_name="dasan"
        )
        await connection.execute(f"SET ROLE {SERVICE}")
        await connection.execute("SET timezone = 'UTC'")
        return connection

    def connect_as_owner(self) -> Connection:
        """Return an autocommit connection that may change the schema."""
        return psycopg.connect(
            self.admin_url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S,
            application_name="dasan schema", options="-c timezone=UTC",
        )  # fmt: skip


@contextmanager
def reached(settings: Settings) -> Iterator[Database]:
    """Yield the database of the settings, the embedded one for as long as it is needed.

    Raises:
        DatabaseError: the server is too old, or does not keep what it acknowledges.
        embedded.EmbeddedServerError: the embedded server cannot be used.
    """
    if settings.database_url:
        database = Database(settings.database_url, settings.database_url)
        _require_durable(database)
        yield database
    else:
        with embedded.running(settings.home) as server:
            database = Database(server.url, server.admin_url)
            _require_durable(database)
            yield database


def _require_durable(database: Database) -> None:
    try:
        connection = database.connect_as_owner()
    except psycopg.OperationalError as error:
        raise DatabaseError(
            f"the database {database.name} cannot be reached: {' '.join(str(error).split())}. "
            "Start it, or mend DASAN_DATABASE_URL"
        ) from error
    except psycopg.ProgrammingError as error:
        raise DatabaseError(
            f"this is no libpq URL of a database: {' '.join(str(error).split())}. Mend "
            "DASAN_DATABASE_URL, or --database"
        ) from error
    with connection:
        if connection.info.server_version < OLDEST_VERSION:
            raise DatabaseError(
                f"the database {database.name} is PostgreSQL "
                f"{connection.info.parameter_status('server_version')}: 17 or newer is needed"
            )
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
            if row is None or row[0] == "off":
                raise DatabaseError(
                    f"the database {database.name} has {name} = off: what it acknowledges can be "
                    f"lost. Set {name} = on and reload it"
                )


def prepare(database: Database, settings: Settings, keys: Keys | None) -> None:
    """Make the log's tables and rights if this database has none; check whose log it is.

    A log that is made without `keys` is for whoever only reads it: anybody's keys will do.

    Raises:
        DatabaseError: the database holds another city's log, or the secrets are not its own.
    """
    with database.connect_as_owner() as connection:
        try:
            _make_roles(connection)
            _grant(connection, SERVICE, to=database.user)
            with connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock(hashtext('dasan schema'))")
                if not _exists(connection, "log_identity"):
                    connection.execute(files("eventlog").joinpath("log.sql").read_bytes())
                    connection.execute(
                        "INSERT INTO log_identity (source, timezone, lookup_id)"
                        " VALUES (%s, %s, %s)",
                        [settings.source, settings.timezone, _lookup_id(keys)],
                    )
                elif not _has_log_id(connection):  # a log that was made before there were any
                    connection.execute(
                        "ALTER TABLE log_identity"
                        " ADD COLUMN log_id uuid NOT NULL DEFAULT gen_random_uuid()"
                    )
                if not _exists(connection, "tree.head"):
                    connection.execute(files("eventlog").joinpath("tree.sql").read_bytes())
                if not _exists(connection, "vault.asked"):
                    connection.execute(files("eventlog").joinpath("forgetting.sql").read_bytes())
                for name in FUNCTIONS:
                    _install(connection, name)
        except psycopg.errors.InsufficientPrivilege as error:
            raise DatabaseError(
                f"the user of the database {database.name} may not make tables or roles: {error}. "
                "Give it CREATEROLE and CREATE on the database for the first start"
            ) from error
        _require_identity(connection, database, settings, keys)


def _install(connection: Connection, name: str) -> None:
    """Run a file of functions unless its text is the one that was run last."""
    statements = files("eventlog").joinpath(name).read_bytes()
    sha256 = hashlib.sha256(statements).hexdigest()
    connection.execute(
        "CREATE TABLE IF NOT EXISTS installed (file text PRIMARY KEY, sha256 text NOT NULL)"
    )
    row = connection.execute("SELECT sha256 FROM installed WHERE file = %s", [name]).fetchone()
    if row != (sha256,):
        connection.execute(statements)
        connection.execute(
            "INSERT INTO installed VALUES (%s, %s)"
            " ON CONFLICT (file) DO UPDATE SET sha256 = excluded.sha256",
            [name, sha256],
        )


def _lookup_id(keys: Keys | None) -> bytes:
    return keys.hashed("identity") if keys else KEYLESS


def make_once(database: Database, table: str, statements: bytes) -> None:
    """Run statements that make tables unless `table` is there; two at once make them once."""
    with database.connect_as_owner() as connection, connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('dasan schema'))")
        if not _exists(connection, table):
            connection.execute(statements)


def _require_identity(
    connection: Connection, database: Database, settings: Settings, keys: Keys | None
) -> None:
    row = connection.execute("SELECT source, timezone, lookup_id FROM log_identity").fetchone()
    if row is None:
        raise DatabaseError(f"the log of {database.name} has lost its identity: restore a backup")
    source, timezone, lookup_id = row
    if source != settings.source:
        raise DatabaseError(
            f"the database {database.name} holds the log {source}, not {settings.source}: "
            f"set DASAN_CITY={source.rpartition('/')[2]} or use another database"
        )
    if timezone != settings.timezone:
        raise DatabaseError(
            f"the log {source} counts days in {timezone}, not {settings.timezone}: set "
            f"DASAN_TIMEZONE={timezone} (a report in another zone: dasan kpi --timezone)"
        )
    if keys and lookup_id not in (KEYLESS, keys.hashed("identity")):
        raise DatabaseError(
            f"the look-up key in {settings.home / 'keys'} is not that of the log {source}: "
            "restore it from your backup; another one would file known citizens as new"
        )


def _exists(connection: Connection, table: str) -> bool:
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [table]).fetchone()
    return row is not None and bool(row[0])


def _has_log_id(connection: Connection) -> bool:
    row = connection.execute(
        "SELECT FROM pg_attribute WHERE attrelid = 'log_identity'::regclass AND attname = 'log_id'"
    ).fetchone()
    return row is not None


def _make_roles(connection: Connection) -> None:
    """Make the roles that this server lacks; another database of it may be doing the same."""
    for role, parents in ROLES.items():
        with suppress(psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
            connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))
        for parent in parents:
            _grant(connection, parent, to=role)


def _grant(connection: Connection, role: str, *, to: str) -> None:
    row = connection.execute("SELECT pg_has_role(%s, %s, 'SET')", [to, role]).fetchone()
    if row is None or not row[0]:
        connection.execute(
            sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), sql.Identifier(to))
        )

"""The REST service: the one place that puts its parts together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from api import (
    audit,
    backlog,
    catalogue,
    citizens,
    commands,
    disclosures,
    documentation,
    events,
    health,
    history,
    inquiries,
    kpi,
    listing,
    praise,
    problems,
    searching,
    statements,
    transparency,
)
from api.heads import Heads
from api.limits import Limits
from api.security import Tokens
from api.service import running
from eventlog.database import Database
from eventlog.keys import Keys
from eventlog.settings import Settings

RULES = """\
- **Times** are RFC 3339 with an offset; digits alone are not a time. Something happens between \
`DASAN_EARLIEST`, by default 1990, and some minutes from now: 422 otherwise.
- **Codes** stand in the clear for ever: one that holds a telephone or resident registration \
number is a 422, an actor that does a 400.
- **Texts** are counted in NFC; resident registration numbers in them are redacted.
- **Identity.** A fact that is told again is a repeat, with other contents a contradiction: 409.
- **Parameters** that an operation does not have are a 422.
"""


def create_app(settings: Settings, database: Database, keys: Keys, tokens: Tokens) -> FastAPI:
    """Return the service on a database that is prepared; it opens it when it starts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with running(settings, database, keys, tokens) as service:
            app.state.service = service
            history.install(app)
            yield

    parts = (
        commands, inquiries, listing, praise, disclosures, citizens, kpi, backlog, catalogue,
        events, audit, searching, statements, transparency, health,
    )  # fmt: skip
    app = FastAPI(
        # Not included: an included router looks each request up twice.
        routes=[route for part in parts for route in part.router.routes],
        title="Dasan",
        summary="The backend of a city's inquiry line.",
        description=RULES,
        version=version("dasan"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a path is one resource, or none
    )
    app.add_middleware(Limits)
    app.add_middleware(Heads)
    problems.install(app)
    documentation.install(app)
    return app

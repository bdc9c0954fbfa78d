"""`python -m api`: prints the OpenAPI document, without a database."""

import sys
from pathlib import Path

import orjson
from fastapi import FastAPI

from api.app import create_app
from api.security import Tokens
from eventlog.database import Database
from eventlog.keys import Keys
from eventlog.settings import Settings


def unopened() -> FastAPI:
    """Return the service without a database: to be looked at, not to be started."""
    nowhere = Settings(database_url=None, home=Path(), city="seoul", timezone="Asia/Seoul")
    return create_app(nowhere, Database("", ""), Keys(b"", b""), Tokens(b""))


def document() -> bytes:
    """Return the OpenAPI document as it stands in `docs/openapi.json`."""
    return orjson.dumps(
        unopened().openapi(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    )


if __name__ == "__main__":
    sys.stdout.buffer.write(document())

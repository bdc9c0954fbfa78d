"""The log of access: who was given a token, whose was revoked, and which requests were refused.

A line is a JSON document, in files of the home that are not read by others, and that take no more
than 60 MB. It holds no token and nothing that a stranger sent.
"""

import logging
import os
from datetime import UTC, datetime
from io import FileIO, TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

import orjson

access = logging.getLogger("dasan.access")
"""Tells of tokens that were issued or revoked, and of requests that were refused."""

_FILE_BYTES = 10_000_000
_FORMER_FILES = 5
_FIELDS = ("client", "token", "method", "route", "reason")


def write_access_log(home: Path) -> None:
    """Let this process write to the log of a home, `access.log`."""
    handler = _Files(home / "access.log", maxBytes=_FILE_BYTES, backupCount=_FORMER_FILES)
    handler.setFormatter(_Lines())
    access.addHandler(handler)
    access.setLevel(logging.INFO)
    access.propagate = False


class _Files(RotatingFileHandler):
    """Files that only their owner reads, those that come later, too."""

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return TextIOWrapper(FileIO(descriptor, "ab"), encoding="utf-8", write_through=True)


class _Lines(logging.Formatter):
    """Writes an entry as a JSON document in one line."""

    def format(self, record: logging.LogRecord) -> str:
        told = {name: getattr(record, name, None) for name in _FIELDS}
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        known = {name: value for name, value in told.items() if value is not None}
        return orjson.dumps({"at": at, "what": record.getMessage(), **known}).decode()

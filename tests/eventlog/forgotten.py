"""A line with citizens, and what is to be found of them afterwards."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from psycopg import sql

from domain.forgetting import Asker
from domain.inquiry import Inquiry
from domain.request import Idempotency, Request
from domain.vocabulary import Channel, Code, Plain
from eventlog import forgetting
from eventlog.certificate import Certificate
from eventlog.citizens import Citizens
from eventlog.database import Database
from eventlog.log import Log
from eventlog.reader import head
from tests.eventlog.examples import REQUEST

AT = datetime(2012, 2, 29, tzinfo=UTC)
BASIS = Code("pipa-36")
QUESTION = "버스에 돈 가방을 놓고 내렸어요"


_numbers = count(1)


def new_number() -> str:
    """A telephone number that nobody has called from."""
    return f"010{next(_numbers):08}"


def known(log: Log, number: str | None = None) -> UUID:
    """The citizen who calls from a telephone number, by default a new one."""
    number = number or new_number()
    hash_ = log.keys.hashed("telephone", number)
    return log.vault.citizens([hash_])[hash_]


def asked(log: Log, citizen: UUID | None = None, question: str = QUESTION) -> UUID:
    """Somebody asked; the inquiry's id. Its answer is remembered under a key of its own."""
    inquiry = Inquiry.receive(
        uuid4(), at=AT, channel=Channel.INTERNET, citizen=citizen, question=Plain(question)
    )
    log.inquiries.receive(inquiry, keyed(str(inquiry.id)))
    return inquiry.id


def question(log: Log, inquiry: UUID) -> str:
    """What was asked, opened."""
    fact: Any = next(iter(log.inquiries.events.get(inquiry)))
    return log.vault.open(fact.question, inquiry, "inquiry.received.v1", "question")


def noted(log: Log, inquiry: UUID, note: str) -> None:
    """Somebody wrote something down."""
    ref = Code(str(uuid4()))
    log.inquiries.change(
        inquiry, lambda i: i.note(ref=ref, kind=Code("memo"), note=Plain(note), at=AT), REQUEST
    )


def keyed(key: str) -> Request:
    """A request of a client, under a key."""
    return Request(
        actor=REQUEST.actor, cause=REQUEST.cause, idempotency=Idempotency("tests", key, b"f" * 32)
    )


def forget(log: Log, asker: UUID | Asker, request: Request = REQUEST) -> Certificate:
    whom = asker if isinstance(asker, Asker) else Asker(citizen=asker)
    with log.database.connect() as connection:
        return forgetting.forget(connection, whom, BASIS, AT, request)


@contextmanager
def citizens(log: Log) -> Iterator[Citizens]:
    with log.database.connect() as connection:
        yield Citizens(connection)


def having_keys(log: Log, *inquiries: UUID) -> set[object]:
    """Those of the inquiries whose texts can be opened."""
    found = rows(log, "SELECT stream_id FROM vault.key WHERE stream_id = ANY (%s)", list(inquiries))
    return {stream for (stream,) in found}


def events(log: Log) -> int:
    with log.database.connect() as connection:
        return head(connection)


def rows(log: Log, query: str, *values: object) -> list[tuple[object, ...]]:
    with log.database.connect_as_owner() as owner:
        return owner.execute(query.encode(), values).fetchall()


def dumped(database: Database) -> bytes:
    """Every row of every table, and every byte string of them as bytes, too, as a dump has them."""
    parts: list[bytes] = []
    with database.connect_as_owner() as owner:
        tables = owner.execute(
            "SELECT schemaname, tablename FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for table in tables:
            copy = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(*table))
            with owner.cursor().copy(copy) as chunks:
                parts += map(bytes, chunks)
    text = b"".join(parts)
    return text + b"".join(bytes.fromhex(found.decode()) for found in _octets(text))


def _octets(text: bytes) -> list[bytes]:
    return [found for found in re.findall(rb"\\\\x((?:[0-9a-f]{2})+)", text) if found]

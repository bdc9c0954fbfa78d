"""The streams of citizens: who is named by which inquiries, and whom a legal hold protects."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn
from uuid import UUID

from psycopg import Connection

from domain.errors import CitizenNotFoundError, InquiryError, InquiryNotFoundError
from domain.events import StreamEvent
from domain.forgetting import Asker, Citizen
from domain.inquiries import MAX_TRIES, KeyReusedError, StaleVersionError
from domain.request import Idempotency, Request
from domain.vocabulary import Code
from eventlog import record
from eventlog.reader import identity
from eventlog.writer import APPEND, Command, Outcome, parameters

POSITIONS_AT_ONCE = 200_000
"""What is looked through for citizens by one statement: a second or two."""


@dataclass(frozen=True, slots=True)
class Found:
    """What there is of somebody; `vault.forgettable` in forget.sql says what each is."""

    inquiries: Sequence[UUID]
    citizens: Sequence[UUID]
    kids: Sequence[bytes]
    is_known: bool
    is_left: bool


class Citizens:
    """Citizens, over one connection with the rights of the service."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.source = identity(connection).source

    def hold(self, citizen: UUID, basis: Code, at: datetime, request: Request) -> Citizen:
        """Forbid to forget a citizen, on a legal basis; return how they stand.

        Raises:
            CitizenNotFoundError: there is nobody of that id.
            KeyReusedError: the key was used for another command.
        """
        return self._change(citizen, lambda known: known.hold(basis, at), request)

    def release(self, citizen: UUID, basis: Code, at: datetime, request: Request) -> Citizen:
        """End the hold of a citizen on a basis; return how they stand.

        Raises what `hold` raises.
        """
        return self._change(citizen, lambda known: known.release(basis, at), request)

    def get(self, citizen: UUID) -> Citizen:
        """Return a citizen as their stream tells of them, if it tells anything."""
        rows = self.connection.execute(
            "SELECT record FROM log WHERE stream_id = %s AND type LIKE 'citizen.%%'"
            " ORDER BY version",
            [citizen],
        )
        return Citizen.told(citizen, [record.decode(octets) for (octets,) in rows])

    def found(self, asker: Asker) -> Found:
        """Return what there is of somebody.

        Raises:
            CitizenNotFoundError, InquiryNotFoundError: there is nothing.
        """
        while self._look_through():
            pass
        rows = self.connection.execute(
            "SELECT inquiries, citizens, kids, is_known, is_left"
            " FROM vault.forgettable(%s::uuid, %s::uuid)",
            [asker.citizen, asker.inquiry],
        ).fetchall()
        found = Found(*rows[0])
        if not found.is_known or self._is_of_another_kind(asker):
            raise _not_found(asker)
        return found

    def _is_of_another_kind(self, asker: Asker) -> bool:
        """Whether the id of a citizen is that of an inquiry: clients may have named it so."""
        row = self.connection.execute(
            "SELECT type NOT LIKE 'citizen.%%' FROM log WHERE stream_id = %s AND version = 1",
            [asker.stream],
        ).fetchone()
        return row is not None and bool(row[0])

    def records(self, facts: Sequence[StreamEvent], request: Request) -> list[record.Record]:
        """Return the records of facts, which hold nothing personal."""
        return [self._record(fact, request) for fact in facts]

    def append(self, facts: Sequence[StreamEvent], request: Request, response: str) -> bool:
        """Append facts, or the answer alone; False if somebody else was faster.

        Raises:
            KeyReusedError: the key was used for another command.
        """
        if not facts and request.idempotency is None:
            return True
        command = Command(self.records(facts, request), (), request.idempotency, response)
        cursor = self.connection.cursor(binary=True)
        rows = cursor.execute(APPEND, parameters([command], b"")).fetchall()
        outcome = Outcome(rows[0][0])
        if outcome is Outcome.KEY_REUSED and request.idempotency:
            raise _key_reused(request.idempotency)
        if outcome is Outcome.OTHER_KIND:
            raise _not_found(Asker(citizen=facts[0].originator_id))
        return outcome in {Outcome.ACCEPTED, Outcome.REPEATED}

    def is_repeated(self, idempotency: Idempotency) -> bool:
        """Whether a command was carried out before under its key.

        Raises:
            KeyReusedError: the key was used for another command.
        """
        row = self.connection.execute(
            "SELECT fingerprint FROM command WHERE client = %s AND key = %s",
            [idempotency.client, idempotency.key],
        ).fetchone()
        if row is not None and row[0] != idempotency.fingerprint:
            raise _key_reused(idempotency)
        return row is not None

    def _change(
        self, citizen: UUID, decide: Callable[[Citizen], Sequence[StreamEvent]], request: Request
    ) -> Citizen:
        self.found(Asker(citizen=citizen))
        for _ in range(MAX_TRIES):
            if request.idempotency and self.is_repeated(request.idempotency):
                return self.get(citizen)
            if self.append(decide(self.get(citizen)), request, str(citizen)):
                return self.get(citizen)
        raise changed_too_often(citizen)

    def _look_through(self) -> bool:
        row = self.connection.execute(
            "SELECT vault.look_through(%s)", [POSITIONS_AT_ONCE]
        ).fetchone()
        return row is not None and bool(row[0])

    def _record(self, fact: Any, request: Request) -> record.Record:
        return record.envelope(
            source=self.source,
            request=request,
            stream=fact.originator_id,
            version=fact.originator_version,
            time=fact.timestamp,
            type_=fact.TYPE,
            data=record.encode(fact, _never_sealed),
        )


def changed_too_often(stream: UUID) -> StaleVersionError:
    """Return the error that others were faster each time."""
    return StaleVersionError(f"citizen {stream} is changed too often by others: try again")


def _key_reused(idempotency: Idempotency) -> KeyReusedError:
    return KeyReusedError(
        f"the key {idempotency.key!r} was used for another command before: send a new key with a"
        " new command"
    )


def _not_found(asker: Asker) -> InquiryError:
    if asker.inquiry is not None:
        return InquiryNotFoundError(f"there is no inquiry {asker.inquiry}")
    return CitizenNotFoundError(f"no inquiry and no look-up names a citizen {asker.citizen}")


def _never_sealed(name: str, _: str) -> NoReturn:
    raise record.RecordError(f"{name}: what is told of a citizen is clear")

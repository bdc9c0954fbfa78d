"""The use cases: load an inquiry, let it decide, save what it decided."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID

from eventsourcing.persistence import Mapper, RecordConflictError, StoredEvent

from domain.errors import InquiryError, InquiryNotFoundError
from domain.inquiry import Inquiry
from domain.known import TextReader
from domain.request import Idempotency, Request
from domain.times import FactTimes

MAX_TRIES = 100
"""Each lost race means that somebody else's change was saved, so this many is no loop."""


class StaleVersionError(Exception):
    """The inquiry has another version than the caller had seen."""


class KeyReusedError(Exception):
    """The client's key was used for another command before."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to a command: the inquiry and its version after it."""

    inquiry_id: UUID
    version: int

    def __str__(self) -> str:
        """Return the form in which a first answer is remembered."""
        return f"{self.inquiry_id}/{self.version}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the receipt that `str` wrote."""
        inquiry_id, _, version = text.partition("/")
        return cls(UUID(inquiry_id), int(version))


class RepeatedCommandError(Exception):
    """The command was carried out before; `response` is the first answer."""

    def __init__(self, response: str) -> None:
        super().__init__(f"carried out before: {response}")
        self.response = response


Change = tuple[Sequence[StoredEvent], Request]
"""What is to be appended together, and who asks for it."""


class Recorder(ABC):
    """What the use cases need of the log."""

    @abstractmethod
    async def select(self, ids: Sequence[UUID]) -> Mapping[UUID, Sequence[StoredEvent]]:
        """Return the events of each stream that exists, by version."""

    @abstractmethod
    async def answer_to(self, idempotency: Idempotency) -> str | None:
        """Return the first answer to a key, or None.

        Raises:
            KeyReusedError: the key was used for another command.
        """

    @abstractmethod
    def relating(self) -> AbstractAsyncContextManager[None]:
        """Hold off everybody else, of any process, who says how two inquiries belong together."""

    @abstractmethod
    async def insert(self, change: Change, response: str) -> range:
        """Append a change, with the response to remember, and return the positions it got.

        Raises:
            RecordConflictError: somebody else had moved the version.
            RepeatedCommandError: the request's key was seen; carries the first answer.
            KeyReusedError: it was seen with another command.
        """

    @abstractmethod
    async def insert_each(self, changes: Sequence[Change]) -> Sequence[bool]:
        """Append each change by itself; False where somebody else had moved the version."""


class Inquiries:
    """Changes inquiries: each change is saved whole, once, on the version that was decided on."""

    def __init__(
        self, mapper: Mapper[UUID], recorder: Recorder, times: FactTimes, read_text: TextReader
    ) -> None:
        self._mapper = mapper
        self._recorder = recorder
        self._times = times
        self._read_text = read_text

    async def get(self, inquiry_id: UUID) -> Inquiry:
        """Return an inquiry as it stands.

        Raises:
            InquiryNotFoundError: there is none.
        """
        found = await self.get_each([inquiry_id])
        if not found:
            raise InquiryNotFoundError(f"there is no inquiry {inquiry_id}")
        return found[inquiry_id]

    async def get_each(self, ids: Sequence[UUID]) -> dict[UUID, Inquiry]:
        """Return those of the inquiries that exist."""
        found = {
            inquiry_id: self._replayed(stored)
            for inquiry_id, stored in (await self._recorder.select(ids)).items()
        }
        return {inquiry_id: inquiry for inquiry_id, inquiry in found.items() if inquiry}

    async def receive(self, inquiry: Inquiry, request: Request) -> Receipt:
        """Save a new inquiry; one that came with its contact before is left as it is.

        Raises:
            DifferentFactError: it came before, with other contents.
            KeyReusedError: the key was used for another command.
        """
        told = inquiry.facts["received",]
        try:
            return await self._save(inquiry, request)
        except RecordConflictError:
            known = await self.get(inquiry.id)
        known.require_same_arrival(told)
        # Nothing to record, but an answer to remember: a retry gets this one.
        return await self._save(known, request)

    async def change(
        self,
        inquiry_id: UUID,
        decide: Callable[[Inquiry], None],
        request: Request,
        *,
        expected_versions: Collection[int] | None = None,
    ) -> Receipt:
        """Carry out one command, again from the start when somebody else was faster.

        Raises:
            InquiryError: a rule forbids it, or there is no such inquiry; nothing was saved.
            StaleVersionError: the inquiry is at none of `expected_versions`.
            KeyReusedError: the key was used for another command.
        """
        for _ in range(MAX_TRIES):
            try:
                inquiry = await self.get(inquiry_id)
                if expected_versions is not None and inquiry.version not in expected_versions:
                    expected = " or ".join(map(str, sorted(expected_versions)))
                    raise StaleVersionError(
                        f"inquiry {inquiry_id} is at version {inquiry.version}, "
                        f"not {expected or 'as expected'}: read it again"
                    )
                decide(inquiry)
                return await self._save(inquiry, request)
            except RecordConflictError:
                continue
            except (InquiryError, StaleVersionError):
                # A repeat may well be out of turn by now; its first answer still holds.
                first = None
                if request.idempotency:
                    first = await self._recorder.answer_to(request.idempotency)
                if first:
                    return Receipt.parse(first)
                raise
        raise StaleVersionError(f"inquiry {inquiry_id} is changed too often by others: try again")

    async def relate(
        self,
        inquiry_id: UUID,
        other_id: UUID | None,
        decide: Callable[[Inquiry], None],
        request: Request,
        *,
        expected_versions: Collection[int] | None = None,
    ) -> Receipt:
        """Carry out a command that may name another inquiry, which has to exist and to stand.

        One at a time: two inquiries that are merged into each other would both be gone.

        Raises:
            InquiryNotFoundError: there is no such inquiry, or no such other.
            LinkError: the other was annulled, or belongs to this one.
            StaleVersionError, KeyReusedError: as `change` does.
        """

        def decide_on_both(inquiry: Inquiry) -> None:
            if other is not None:
                inquiry.require_standing(other)
            decide(inquiry)

        async with self._recorder.relating():
            other = await self.get(other_id) if other_id and other_id != inquiry_id else None
            return await self.change(
                inquiry_id, decide_on_both, request, expected_versions=expected_versions
            )

    async def save_each(self, changes: Iterable[tuple[Inquiry, Request]]) -> Sequence[bool]:
        """Save many inquiries together, each by itself; False where somebody else was faster."""
        return await self._recorder.insert_each(
            [(self._stored(inquiry), request) for inquiry, request in changes]
        )

    async def _save(self, inquiry: Inquiry, request: Request) -> Receipt:
        receipt = Receipt(inquiry.id, inquiry.version)
        try:
            await self._recorder.insert((self._stored(inquiry), request), str(receipt))
        except RepeatedCommandError as repeated:
            return Receipt.parse(repeated.response)
        return receipt

    def _stored(self, inquiry: Inquiry) -> list[StoredEvent]:
        facts = inquiry.collect_events()
        now = datetime.now(UTC)
        for fact in facts:
            self._times.require(fact.timestamp, now)
        return [self._mapper.to_stored_event(fact) for fact in facts]

    def _replayed(self, stored: Iterable[StoredEvent]) -> Inquiry | None:
        inquiry: Inquiry | None = None
        for event in stored:
            fact: Any = self._mapper.to_domain_event(event)
            inquiry = fact.mutate(inquiry)
        if inquiry is not None:
            inquiry.read_text = self._read_text
        return inquiry

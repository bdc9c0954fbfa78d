"""Contacts from their topic: each message becomes what it tells, or a rejection with the reason.

Steps are taken as those of a file are (`importers/contact_taking.py`), which records each once
however often it comes. What can never be taken is kept to be sent to the topic of rejected messages
(`consumers/rejecting.py`), in the transaction that stores how far the topic was read.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from kafka.consumer.fetcher import ConsumerRecord
from psycopg import Connection

from consumers.consuming import Records
from consumers.ends import place
from consumers.rejection import cleared
from consumers.remembering import Move, move
from consumers.topics import Known
from domain.vocabulary import Code
from eventlog.log import Log
from importers.contact_deciding import Fate, Sent, Told
from importers.contact_envelope import StepError
from importers.contact_rejections import Refusal, Rejections
from importers.contact_taking import Contacts
from importers.text_file import MAX_LINE_BYTES

MAX_RECORDS = 2_000
"""Messages that are decided on together, as lines of a file are."""

MOST_IN_A_ROW = 100
"""So many messages that are all rejected are no accident."""

_log = logging.getLogger(__name__)


class TooManyRejectedError(RuntimeError):
    """Nothing but rejected messages came for a while; says why the last one was."""


def group(city: str) -> str:
    """Return the name of the group whose members take contacts."""
    return f"dasan.{city}.contacts"


class ContactMessages:
    """Takes messages over one connection."""

    keeps_all = False

    def __init__(self, log: Log, connection: Connection) -> None:
        self._keys = log.keys
        self.connection = connection
        self._contacts = Contacts(log, connection)
        self._rejections = Rejections(connection, log.keys)
        self._in_a_row = 0

    @classmethod
    @contextmanager
    def opened(cls, log: Log) -> Iterator["ContactMessages"]:
        """Yield what takes messages."""
        with log.database.connect() as connection:
            yield cls(log, connection)

    def handle(self, topic: Known, records: Sequence[Records], moves: Sequence[Move]) -> None:
        """Take messages; what becomes of each is durable when this returns.

        Raises:
            TooManyRejectedError: many in a row were rejected, which is stored nevertheless.
            PartitionLostError: somebody else goes on with a partition.
            eventlog.writer.WriterError: the log cannot be written.
        """
        messages = [record for part in records for record in part]
        steps, refusals = self._read(topic, messages)
        told = self._contacts.take(steps).told
        refusals += [self._refusal(one) for one in told if one.fate is Fate.REFUSED]
        with self.connection.transaction():
            self._rejections.add(refusals)
            move(self.connection, topic.id, moves)
        self._look_at(messages, refusals)

    def finish(self) -> None:
        """Do nothing: whatever was handed over is stored."""

    def where(self) -> str:
        """Say nothing: what is behind says all."""
        return ""

    def _read(
        self, topic: Known, messages: Sequence[ConsumerRecord]
    ) -> tuple[list[Sent], list[Refusal]]:
        steps: list[Sent] = []
        refusals: list[Refusal] = []
        for message in messages:
            origin = place(message)
            try:
                step, warnings = self._contacts.reader.read(_octets(message))
            except StepError as error:
                ref = Code(self._keys.hashed("rejected", str(topic.id), origin)[:16].hex())
                refusals.append(Refusal(ref, None, origin, str(error), _text(message)))
            else:
                steps.append(Sent(step, origin))
                for warning in warnings:
                    _log.info("%s was taken, but %s", origin, warning)
        return steps, refusals

    def _refusal(self, told: Told) -> Refusal:
        """Return the refusal of a step, which was cleared of numbers when it was read.

        Its contents name it, too: steps that contradict one that was taken have its id.
        """
        step, stream, ref, origin, _ = told.reported
        text = step.as_json()
        named = Code(self._keys.hashed("rejected", ref, text)[:16].hex())
        return Refusal(named, stream, origin or "", told.reason, text)

    def _look_at(self, messages: Sequence[ConsumerRecord], refusals: Sequence[Refusal]) -> None:
        """Count the rejected messages that follow each other; stop where it is too many."""
        reasons = {refusal.origin: refusal.reason for refusal in refusals}
        if refusals:
            first = refusals[0]
            _log.warning(
                "%d messages were rejected, the first %s: %s",
                len(refusals), first.origin, first.reason,
            )  # fmt: skip
        for message in messages:
            reason = reasons.get(place(message))
            self._in_a_row = self._in_a_row + 1 if reason else 0
            if self._in_a_row >= MOST_IN_A_ROW:
                raise TooManyRejectedError(
                    f"{self._in_a_row} messages in a row were rejected, the last one "
                    f"{place(message)}: {reason}. Either a gateway sends what it should not, or "
                    "this version of Dasan is too old for it. None is lost: they go to the topic "
                    "of rejected messages. Mend it, then start again"
                )


def _octets(message: ConsumerRecord) -> bytes:
    octets: bytes | None = message.value
    if octets is None:
        raise StepError("the message has no value")
    if len(octets) > MAX_LINE_BYTES:
        raise StepError(f"longer than {MAX_LINE_BYTES:,} bytes")
    return octets


def _text(message: ConsumerRecord) -> str:
    """Return what a message says, as far as it can be read, without resident numbers."""
    octets: bytes = (message.value or b"")[:MAX_LINE_BYTES]
    # Without the zeros of UTF-16, which would part the digits of a number.
    return cleared(octets.decode(errors="replace").replace("\0", ""))

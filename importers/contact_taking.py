"""Taking steps of contacts: each is recorded once, refused, or kept until its predecessor comes.

A step's source, contact and id make its cause, which stands in every event that came of it: so
the log itself knows what was taken before. An importer hands in a file's lines, a consumer its
messages.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

import orjson
from psycopg import Connection

from domain.inquiries import MAX_TRIES, StaleVersionError
from domain.request import Request
from domain.vocabulary import Code
from eventlog import record
from eventlog.log import Log
from eventlog.telephone import subscriber
from importers.contact_deciding import ContactSteps, Fate, Reported, Sent, Told
from importers.contact_envelope import StepReader
from importers.contact_pending import Pending, prepare_pending
from importers.contact_steps import Received
from importers.naming import Naming
from projections.catalogue_tables import add_queues, queue_codes

MESSAGE = "message:"
OVERDUE_AT_ONCE = 1_000
_CONTRADICTION = (
    "the id of this step is that of another step, which waits: another step needs another id"
)


class Taken(NamedTuple):
    """What became of the steps that were handed in, and of steps that had waited for one of them.

    A step that was handed in and had to wait may have been released at once.
    """

    told: list[Told]
    released: list[Told]


class Contacts:
    """Takes steps over one connection."""

    def __init__(self, log: Log, connection: Connection) -> None:
        prepare_pending(log.database)
        self._log = log
        self._connection = connection
        self._naming = Naming(log.keys, queue_codes(connection))
        self.reader = StepReader(self._naming, log.settings)
        self._pending = Pending(connection, log.keys, self.reader)

    def take(self, steps: Iterable[Sent]) -> Taken:
        """Take steps, and those that waited for one of them.

        Raises:
            eventlog.writer.WriterError: the log cannot be written; the steps can be taken again.
        """
        told = self._named_contradictions(self._record(steps))
        self._pending.keep(t.reported for t in told if t.fate is Fate.WAITING)
        if self._naming.new_queues:
            add_queues(self._connection, self._naming.new_queues)
            self._naming.new_queues.clear()
        # Repeats, too: whoever took the step first may have ended before it released the others.
        touched = {t.reported.stream for t in told if t.fate is not Fate.REFUSED}
        return Taken(told, self._release(touched))

    def give_up(self, report: Callable[[list[Told]], None]) -> bool:
        """Remove steps that have waited for too long; False if there are none.

        What they waited for may have come by another way: then they are taken all the same. Each is
        reported once, and removed only then, though several may ask at the same time.

        Raises:
            eventlog.writer.WriterError: the log cannot be written; the steps wait on.
        """
        with self._connection.transaction():
            steps = self._pending.overdue(OVERDUE_AT_ONCE)
            told = self._record(steps)
            self._pending.settle(told)
            taken = {t.reported.stream for t in told if t.fate is Fate.TAKEN}
            report(told + self._release(taken))
        return bool(steps)

    def _named_contradictions(self, told: list[Told]) -> list[Told]:
        """Refuse steps whose id is that of another step which waits."""
        waiting = {one.reported.ref for one in told if one.fate is Fate.WAITING}
        if not waiting:
            return told
        first = self._pending.kept(waiting)
        return [
            Told(one.reported, Fate.REFUSED, reason=_CONTRADICTION)
            if one.fate is Fate.WAITING
            and first.setdefault(one.reported.ref, one.reported.step) != one.reported.step
            else one
            for one in told
        ]

    def _release(self, streams: Collection[UUID]) -> list[Told]:
        """Take what waits for these inquiries.

        Looked for after the steps were saved or kept: of two that take steps of one contact at the
        same time, the later one sees both.
        """
        over: list[Told] = []
        while streams and (steps := self._pending.of(streams)):
            told = [t for t in self._record(steps) if t.fate is not Fate.WAITING]
            self._pending.settle(told)
            over += told
            streams = {t.reported.stream for t in told if t.fate is Fate.TAKEN}
        return over

    def _record(self, steps: Iterable[Sent]) -> list[Told]:
        """Save what the steps' inquiries decide: one step of each at a time, as each has a cause.

        A contact that somebody else has changed meanwhile is loaded and decided on again.
        """
        contacts = self._by_contact(steps)
        self._load(contacts)
        self._look_up_citizens(list(contacts.values()))
        deciding, lost_races = list(contacts.values()), 0
        while decided := [one for contact in deciding if (one := contact.decide())]:
            answers = self._log.inquiries.save_each(
                [(one.inquiry, _request(one.reported)) for one in decided]
            )
            lost: dict[UUID, ContactSteps] = {}
            for one, is_saved in zip(decided, answers, strict=True):
                contact = contacts[one.reported.stream]
                if is_saved:
                    contact.saved(one)
                else:
                    lost[one.reported.stream] = contact
            lost_races += bool(lost)
            if lost_races > MAX_TRIES:
                raise StaleVersionError(f"{len(lost)} contacts are changed too often by others")
            self._load(lost)
            deciding = [contacts[one.reported.stream] for one in decided]
        return [told for contact in contacts.values() for told in contact.told + contact.waiting]

    def _by_contact(self, steps: Iterable[Sent]) -> dict[UUID, ContactSteps]:
        keys = self._log.keys
        contacts: dict[UUID, ContactSteps] = {}
        for step, origin, line in sorted(steps, key=lambda sent: sent.step.order):
            stream = keys.inquiry_id(step.source, step.subject)
            if stream not in contacts:
                contacts[stream] = ContactSteps(keys.contact(step.source, step.subject))
            cause = keys.cause("message", step.source, step.subject, step.id)
            reported = Reported(step, stream, Code(cause.removeprefix(MESSAGE)), origin, line)
            contacts[stream].left.append(reported)
        return contacts

    def _load(self, contacts: Mapping[UUID, ContactSteps]) -> None:
        """Let contacts know what the log holds of them."""
        if not contacts:
            return
        found = self._log.inquiries.get_each(list(contacts))
        for stream, contact in contacts.items():
            contact.inquiry = found.get(stream)
        rows = self._connection.execute(
            "SELECT stream_id, record FROM log WHERE stream_id = ANY (%s) ORDER BY position",
            [list(contacts)],
        )
        wanted = {reported.ref for contact in contacts.values() for reported in contact.left}
        for stream, octets in rows:
            ref = Code(orjson.loads(octets)["causationid"].removeprefix(MESSAGE))
            if ref in wanted:
                contacts[stream].known.setdefault(ref, record.decode(octets))

    def _look_up_citizens(self, contacts: Sequence[ContactSteps]) -> None:
        """Find who asks, for contacts that are new.

        For one that is known nobody is looked up again: they may have been forgotten since.
        """
        hashes = {contact.contact: self._who_asks(contact) for contact in contacts}
        wanted = {hash_ for hash_ in hashes.values() if hash_}
        if not wanted:
            return
        citizens = self._log.vault.citizens(list(wanted))
        for contact in contacts:
            if hash_ := hashes[contact.contact]:
                contact.citizen = citizens[hash_]

    def _who_asks(self, contact: ContactSteps) -> bytes | None:
        """Return the keyed hash of who asks, null for a contact that is known or anonymous."""
        if contact.inquiry is not None:
            return None
        for step in (reported.step for reported in contact.left):
            if isinstance(step.data, Received) and step.data.telephone:
                digits = subscriber(step.data.telephone, self._log.settings.country)
                return self._log.keys.hashed("telephone", digits)
            if isinstance(step.data, Received) and step.data.account:
                return self._log.keys.hashed("account", step.source, step.data.account)
        return None


def _request(reported: Reported) -> Request:
    step = reported.step
    return Request(
        actor=f"service:{step.source}",
        cause=f"{MESSAGE}{reported.ref}",
        traceparent=step.traceparent,
    )

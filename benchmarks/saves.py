"""Three events saved durably: received with a sealed question, queued, answered."""

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from uuid_utils.compat import uuid7

from benchmarks.callers import Act, in_tasks
from benchmarks.server import Place, rows
from domain.inquiry import Inquiry
from domain.request import Idempotency, Request
from domain.vocabulary import Channel, Code, Contact, Digest, Plain
from eventlog.keys import Keys
from eventlog.log import in_loop, reading_pool

EVENTS = 3
CLIENT = "benchmark"
QUESTION = "버스에 현금과 통장이 든 가방을 두고 내렸어요. 찾을 수 있을까요? 143번 막차였습니다."
CONTACT = Contact(source=Code("telephony"), id=Digest("c0ffee00" * 4))
WAIT = timedelta(seconds=12)


@dataclass(frozen=True, slots=True)
class Saves:
    """The whole way of a command: aggregate, sealing, envelope, key and version checks, append."""

    place: Place

    @contextmanager
    def opened(self) -> Iterator[Act]:
        place = self.place
        with asyncio.Runner() as runner, reading_pool(place.database) as pool:
            parts = in_loop(place.settings, place.database, place.keys, pool)
            log = runner.run(parts.__aenter__())

            async def save() -> None:
                inquiry_id = uuid7()
                inquiry = answered_inquiry(inquiry_id)
                await log.inquiries.receive(inquiry, request(str(inquiry_id), place.keys))

            yield lambda callers, seconds: runner.run(in_tasks(save, callers, seconds))
            runner.run(parts.__aexit__(None, None, None))

    def events(self) -> int:
        return rows(self.place.database, "log")


def answered_inquiry(inquiry_id: UUID) -> Inquiry:
    now = datetime.now(UTC)
    inquiry = Inquiry.receive(
        inquiry_id,
        at=now - WAIT,
        channel=Channel.PHONE,
        language=Code("ko"),
        contact=CONTACT,
        question=Plain(QUESTION),
    )
    inquiry.queue(queue=Code("general"), at=now - WAIT)
    inquiry.answer(agent=Code("a017"), at=now)
    return inquiry


def request(key: str, keys: Keys) -> Request:
    fingerprint = hashlib.sha256(key.encode()).digest()
    return Request(
        actor="agent:a017",
        cause=keys.cause("command", CLIENT, key),
        idempotency=Idempotency(CLIENT, key, fingerprint),
    )

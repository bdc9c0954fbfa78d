"""The use case of opening sealed texts: who read what, and why, is an event before it is read."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from eventsourcing.persistence import Mapper

from domain.events import DisclosureMade
from domain.inquiries import Recorder, RepeatedCommandError
from domain.request import Request
from domain.vocabulary import Code, FieldRef


async def disclose(
    mapper: Mapper[UUID],
    recorder: Recorder,
    *,
    disclosure_id: UUID,
    purpose: Code,
    fields: Sequence[FieldRef],
    at: datetime,
    request: Request,
) -> UUID:
    """Record that `request.actor` opens `fields`, in a stream of its own; return the stream's id.

    A repeat opens them again, which is an event of its own: nothing is read without one.

    Raises:
        KeyReusedError: the key was used for another command.
    """
    facts: dict[str, Any] = {  # the library makes the class a dataclass where mypy cannot see it
        "originator_id": disclosure_id,
        "originator_version": 1,
        "timestamp": at,
        "reader": Code(request.actor),
        "purpose": purpose,
        "fields": tuple(fields),
    }
    fact = DisclosureMade(**facts)
    stored = [mapper.to_stored_event(fact)]
    try:
        await recorder.insert((stored, request), str(disclosure_id))
    except RepeatedCommandError:
        await recorder.insert((stored, replace(request, idempotency=None)), str(disclosure_id))
    return disclosure_id

"""The use case of publishing KPIs: what was said, and of which log, is an event for ever."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.persistence import ApplicationRecorder, Mapper, RecordConflictError

from domain.events import StatementPublished
from domain.inquiries import MAX_TRIES, StaleVersionError
from domain.request import Request


def statements_of(source: str) -> UUID:
    """Return the stream that all statements of a log are in, given the log's own URI.

    It is one, so that their versions are dense: a statement that is missing shows.
    """
    return uuid5(NAMESPACE_URL, f"{source}/statements")


def publish(
    mapper: Mapper[UUID],
    recorder: ApplicationRecorder,
    statement: Mapping[str, Any],
    *,
    stream: UUID,
    at: datetime,
    request: Request,
) -> tuple[int, int]:
    """Append a statement, given its fields, to a stream; return its version and its position.

    Raises:
        StaleVersionError: others published meanwhile, again and again.
    """
    for _ in range(MAX_TRIES):
        newest = recorder.select_events(stream, desc=True, limit=1)
        version = newest[0].originator_version + 1 if newest else 1
        fact = StatementPublished(
            **{
                "originator_id": stream,
                "originator_version": version,
                "timestamp": at,
                **statement,
            }
        )
        try:
            positions = recorder.insert_events(
                [mapper.to_stored_event(fact)], request=request, response=f"{stream}/{version}"
            )
        except RecordConflictError:
            continue  # somebody else was first: the next version
        return version, (positions or [0])[0]
    raise StaleVersionError("others publish all the time: publish it again")

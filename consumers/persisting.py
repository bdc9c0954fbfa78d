"""Going on after what passes by itself: a broker or a database that is away for a while."""

import logging
from collections.abc import Callable
from threading import Event

import psycopg
from kafka.errors import KafkaError

from consumers.broker import REFUSALS, AbsentBrokerError, Broker
from consumers.topics import TopicChangedError
from domain.inquiries import StaleVersionError
from eventlog.writer import WriterError

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 10.0
_log = logging.getLogger(__name__)


class PartitionLostError(RuntimeError):
    """Another member of the group has gone on with a partition meanwhile; nothing was stored."""


PASSING = (
    KafkaError,
    AbsentBrokerError,
    psycopg.OperationalError,
    WriterError,
    StaleVersionError,
    PartitionLostError,
    TopicChangedError,
)
"""What may work the next time."""


class Pauses:
    """How long to wait before the next try: twice as long each time, until something works."""

    def __init__(self) -> None:
        self._next_s = FIRST_PAUSE_S

    def reset(self) -> None:
        """Begin with the shortest again."""
        self._next_s = FIRST_PAUSE_S

    def wait(self, stopped: Event) -> float:
        """Wait, unless told to stop, and return how long it was to be."""
        pause_s, self._next_s = self._next_s, min(2 * self._next_s, LONGEST_PAUSE_S)
        stopped.wait(pause_s)
        return pause_s


def persist(work: Callable[[Pauses], None], broker: Broker, stopped: Event, name: str) -> None:
    """Work until `stopped`, again after each error that may pass; `work` resets the pauses.

    Raises:
        BrokerError: the broker refuses, which does not pass.
    """
    pauses = Pauses()
    while not stopped.is_set():
        try:
            work(pauses)
        except REFUSALS as error:
            raise broker.unusable(error) from error
        except PASSING as error:
            if isinstance(error, WriterError) and not _is_away(error):
                raise
            _log.warning("%s: tried again soon: %s", name, _first_line(error))
            pauses.wait(stopped)


def _is_away(error: WriterError) -> bool:
    """Whether it is the database that is away, which passes; what it refuses it will refuse."""
    return isinstance(error.__cause__, psycopg.OperationalError)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or repr(error)

"""The lines of an Asterisk queue_log: ``time|call|queue|agent|event|data…``, or the same as CSV.

`parse` turns a line into what it tells of a call; `importers/queue_log_calls.py` fits that to what
is known of the call. All dialects are read, from Asterisk 1.4 to 22: a field that a dialect lacks
is not known, and a figure that cannot be true is not known either and named as a warning. Only a
line whose time, call or queue cannot be read is refused.
"""

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import ClassVar, Protocol
from zoneinfo import ZoneInfo

from domain.times import read_time
from domain.vocabulary import Code, EndedBy, LeaveReason
from importers.naming import UNNAMED, member_name, target

LONGEST_CALL_S = 31 * 24 * 3600
"""A longer duration is not one."""

MAX_NAME_CHARACTERS = 256
NOBODY = frozenset({"", "NONE"})

RESTART = "QUEUESTART"
HEADING = "(heading)"
NO_NAME = "(no name)"
IGNORED = frozenset({
    "ADDMEMBER", "REMOVEMEMBER", "PAUSE", "UNPAUSE", "PAUSEALL", "UNPAUSEALL", "PAUSEREASON",
    "UNPAUSEREASON", "PENALTY", "AGENTLOGIN", "AGENTLOGOFF", "AGENTCALLBACKLOGIN",
    "AGENTCALLBACKLOGOFF", "AGENTDUMP", "RINGNOANSWER", "RINGCANCELED", "CONFIGRELOAD", "DID",
    "HOLD", "UNHOLD", "INFO", "CALLSTATUS", "CALLOUTBOUND", "SYSCOMPAT", "UPDATE", RESTART,
    HEADING,
})  # fmt: skip
"""Lines about agents and the system, which are no events of an inquiry."""

_EPOCH = re.compile(r"([0-9]{1,10})(?:\.([0-9]{1,9}))?")
_LOCAL_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?")
_NUMBER = re.compile(r"[0-9]{1,10}")
_EVENT_NAME = re.compile(r"[A-Za-z][A-Za-z_-]{0,39}")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class LineError(ValueError):
    """A line cannot be read; says why."""


class Names(Protocol):
    """Gives the codes of an agent's and a queue's name."""

    def agent(self, name: str, /) -> Code:
        """Return the code of an agent."""

    def queue(self, name: str, /) -> Code:
        """Return the code of a queue."""


@dataclass(frozen=True, slots=True)
class Line:
    """What a line tells of a call at a time, in UTC; `warnings` are the figures not believed."""

    number: int
    at: datetime
    call: str
    queue: Code
    warnings: tuple[str, ...] = field(default=(), kw_only=True)

    RANK: ClassVar[int]
    """The order of what happens to a visit in one second."""

    @property
    def entered(self) -> datetime | None:
        """When its visit entered the queue, as the line itself has it; None if it does not say."""
        return self.at

    @property
    def order(self) -> tuple[datetime, datetime, int, int]:
        """Sorts lines by time; in the same second the end of a visit precedes the next visit."""
        return (self.at, self.entered or self.at, self.RANK, self.number)


@dataclass(frozen=True, slots=True)
class Restart(Line):
    """The telephone system started: what waited or talked there had ended before, unseen."""

    RANK = 0


@dataclass(frozen=True, slots=True)
class Arrival(Line):
    """A call came to a queue, and was `refused` or waits. `caller` is what the field held."""

    caller: str | None = field(repr=False)
    refused: LeaveReason | None

    RANK = 0


@dataclass(frozen=True, slots=True)
class Waited(Line):
    """A wait is over, of `waited_s` where the line knows it."""

    waited_s: int | None

    @property
    def entered(self) -> datetime | None:
        """When the wait began."""
        return _before(self.at, self.waited_s)


@dataclass(frozen=True, slots=True)
class Connection(Waited):
    """An agent took the call."""

    agent: Code

    RANK = 1


@dataclass(frozen=True, slots=True)
class Departure(Waited):
    """The call left the queue for `reason`, or without one because the citizen hung up."""

    reason: LeaveReason | None

    RANK = 2


@dataclass(frozen=True, slots=True)
class Completion(Waited):
    """A conversation of `talked_s` is over, perhaps because the call was passed on `to` others."""

    agent: Code | None
    talked_s: int | None
    ended_by: EndedBy
    to: Code | None

    RANK = 2

    @property
    def entered(self) -> datetime | None:
        """When the wait before the conversation began."""
        return _before(self.at, self.talked_s, self.waited_s)


def parse(number: int, text: str, names: Names, timezone: ZoneInfo) -> Line | str:
    """Return what a line tells of a call, or the name of its event if that tells nothing.

    A time without offset is of `timezone`.

    Raises:
        LineError: it cannot be read.
    """
    time, call, queue, agent, event, *data = fields = _fields(text)
    if {"time", "agent", "event"} <= {name.lower() for name in fields}:
        return HEADING
    at = _time(time, timezone)
    if event == RESTART:
        return Restart(number, at, "", UNNAMED)
    if event not in _EVENTS:
        return _name_of(event)
    if call in NOBODY:
        raise LineError(f"{event} without a call")
    member = None if agent in NOBODY else names.agent(member_name(agent))
    figures = _Figures(data)
    told = _EVENTS[event]((number, at, call, _queue(queue, names)), member, figures)
    return replace(told, warnings=(*told.warnings, *figures.warnings))


def _fields(text: str) -> list[str]:
    if control := _CONTROL.search(text):
        raise LineError(f"a control character (U+{ord(control[0]):04X}): torn in a crash?")
    fields = [name.strip() for name in _split(text)]
    if len(fields) < 5:  # noqa: PLR2004 - time, call, queue, agent, event
        raise LineError("not time|call|queue|agent|event: cut short?")
    while len(fields) > 5 and not fields[-1]:  # noqa: PLR2004
        del fields[-1]  # some write a sign after the last field, databases their empty columns
    return fields


def _split(text: str) -> list[str]:
    if text.count("|") >= 4:  # noqa: PLR2004 - as many as part five fields
        return text.split("|")
    try:
        [fields] = csv.reader([text], strict=True)
    except (csv.Error, ValueError):
        return [text]
    # A database's export may have the row's number in front.
    is_numbered = len(fields) > 1 and _LOCAL_TIME.fullmatch(fields[1].strip()) is not None
    return fields[1:] if is_numbered else fields


class _Figures:
    """The data of a line, by place; what is not there is None."""

    def __init__(self, data: Sequence[str]) -> None:
        self._data = data
        self.warnings: list[str] = []

    def __len__(self) -> int:
        return len(self._data)

    def text(self, place: int) -> str | None:
        return self._data[place] if place < len(self._data) and self._data[place] else None

    def seconds(self, what: str, place: int) -> int | None:
        """Return a duration; one that cannot be is a warning, and not known."""
        text = self.text(place)
        if text is None:
            return None
        if _NUMBER.fullmatch(text) is None or int(text) > LONGEST_CALL_S:
            self.warnings.append(
                f"{what} {_shown(text)} is not a number of seconds up to {LONGEST_CALL_S}:"
                " taken as not known"
            )
            return None
        return int(text)


_Head = tuple[int, datetime, str, Code]
_Parse = Callable[[_Head, Code | None, _Figures], Line]


def _arrival(head: _Head, _: Code | None, data: _Figures) -> Line:
    return Arrival(*head, caller=data.text(1), refused=None)


def _refusal(reason: LeaveReason) -> _Parse:
    return lambda head, _, __: Arrival(*head, caller=None, refused=reason)


def _connection(head: _Head, agent: Code | None, data: _Figures) -> Line:
    # Alone, as Asterisk 1.6 wrote it, the figure may be cut short: then the times tell the wait.
    wait = data.seconds("wait", 0) if len(data) > 1 else None
    if agent is None:
        return Connection(*head, wait, agent=UNNAMED, warnings=("CONNECT without an agent",))
    return Connection(*head, wait, agent=agent)


def _departure(reason: LeaveReason | None, *, wait: int) -> _Parse:
    return lambda head, _, data: Departure(*head, data.seconds("wait", wait), reason=reason)


def _completion(by: EndedBy) -> _Parse:
    return lambda head, agent, data: Completion(*head, *_times(data, 0, agent), by, to=None)


def _blind_transfer(head: _Head, agent: Code | None, data: _Figures) -> Line:
    to = target(data.text(0) or "")
    return Completion(*head, *_times(data, 2, agent), EndedBy.TRANSFER, to=to)


def _attended_transfer(head: _Head, agent: Code | None, data: _Figures) -> Line:
    # LINK names two channels, the other methods one bridge or application.
    first = 3 if data.text(0) == "LINK" else 2
    to = target(data.text(1) or "")
    return Completion(*head, *_times(data, first, agent), EndedBy.TRANSFER, to=to)


def _times(
    data: _Figures, first: int, agent: Code | None
) -> tuple[int | None, Code | None, int | None]:
    return data.seconds("wait", first), agent, data.seconds("talk", first + 1)


_EVENTS: dict[str, _Parse] = {
    "ENTERQUEUE": _arrival,
    "FULL": _refusal(LeaveReason.FULL),
    "JOINEMPTY": _refusal(LeaveReason.CLOSED),
    "JOINUNAVAIL": _refusal(LeaveReason.CLOSED),
    "CONNECT": _connection,
    "ABANDON": _departure(None, wait=2),
    "EXITWITHTIMEOUT": _departure(LeaveReason.TIMEOUT, wait=2),
    "EXITEMPTY": _departure(LeaveReason.EMPTY, wait=2),
    "EXITWITHKEY": _departure(LeaveReason.KEY, wait=3),
    "COMPLETEAGENT": _completion(EndedBy.AGENT),
    "COMPLETECALLER": _completion(EndedBy.CITIZEN),
    "TRANSFER": _blind_transfer,  # of Asterisk 11 and older
    "BLINDTRANSFER": _blind_transfer,
    "ATTENDEDTRANSFER": _attended_transfer,
}


@lru_cache(maxsize=1_000)
def _time(text: str, timezone: ZoneInfo) -> datetime:
    if epoch := _EPOCH.fullmatch(text):
        at = datetime.fromtimestamp(int(epoch[1]), UTC)
        return at + timedelta(microseconds=int(f"{epoch[2] or 0:<06}"[:6]))
    try:
        if _LOCAL_TIME.fullmatch(text):
            local = datetime.fromisoformat(text).replace(tzinfo=timezone)
            return local.astimezone(UTC)
        return read_time(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise LineError(
            f"time {_shown(text)} is not seconds since 1970, nor YYYY-MM-DD HH:MM:SS"
        ) from error


def _before(at: datetime, *durations_s: int | None) -> datetime | None:
    known = [seconds for seconds in durations_s if seconds is not None]
    if len(known) < len(durations_s):
        return None
    return at - timedelta(seconds=sum(known))


def _queue(name: str, names: Names) -> Code:
    if name in NOBODY:
        raise LineError("no queue is named")
    if len(name) > MAX_NAME_CHARACTERS:
        raise LineError(f"queue: {_shown(name)} is too long for a name")
    return names.queue(name)


def _name_of(event: str) -> str:
    """Return the name to count a line under: what may be anything is not repeated."""
    return event if event in IGNORED or _EVENT_NAME.fullmatch(event) else NO_NAME


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…")  # noqa: PLR2004 - a report's column

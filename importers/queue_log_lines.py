"""The lines of an Asterisk queue_log: ``epoch|call|queue|agent|event|data…``.

`parse` turns a line into what it tells of a call; `importers/queue_log_calls.py` fits that to what
is known of the call. A field that is cut short is never guessed: a line needs the field after it.

An agent is the member's name without its channel technology: ``Agent/a01`` and ``SIP/a01`` are
``a01``, ``team/a01`` stays; a name that is no code, such as ``Kim Cheol-su``, gets a pseudonym. A
caller is the digits of the number, seven at least, so that internal extensions and withheld numbers
identify nobody.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID

from domain.vocabulary import Code, EndedBy, LeaveReason, VocabularyError, code
from eventlog.personal import looks_like_telephone

END_OF_TIME = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())
LONGEST_CALL_S = 31 * 24 * 3600
"""A longer duration is a line run into another."""

MAX_CODE_CHARACTERS = 64
MIN_TELEPHONE_DIGITS = 7
NOBODY = "NONE"

EXTERNAL = Code("external")
"""Stands for a telephone number outside the house, which is no code."""
UNNAMED = Code("unnamed")
"""Stands for a transfer's target that is no code, such as ``*72``."""

IGNORED = frozenset({
    "ADDMEMBER", "REMOVEMEMBER", "PAUSE", "UNPAUSE", "PAUSEALL", "UNPAUSEALL", "PENALTY",
    "AGENTLOGIN", "AGENTLOGOFF", "AGENTCALLBACKLOGIN", "AGENTCALLBACKLOGOFF",
    "RINGNOANSWER", "RINGCANCELED", "QUEUESTART", "CONFIGRELOAD",
})  # fmt: skip
"""Lines about agents and the system, which are no events of an inquiry."""

_TECHNOLOGIES = frozenset({
    "agent", "sip", "pjsip", "iax2", "local", "dahdi", "zap", "sccp", "skinny", "mgcp", "ooh323",
})  # fmt: skip
_CHANNEL_SUFFIX = re.compile(r"-[0-9a-f]{8}(;[12])?$")
_NUMBER = re.compile(r"[0-9]{1,10}")


class LineError(ValueError):
    """A line cannot be read; says why."""


@dataclass(frozen=True, slots=True)
class Line:
    """What a line tells of a call. `epoch` is seconds since 1970 in UTC."""

    number: int
    epoch: int
    call: str
    queue: Code

    RANK: ClassVar[int]
    """The order of what happens to a visit in one second."""

    @property
    def at(self) -> datetime:
        """When it happened."""
        return datetime.fromtimestamp(self.epoch, UTC)

    @property
    def entered(self) -> int:
        """When its visit entered the queue, as the line itself has it, give or take a second."""
        return self.epoch

    @property
    def order(self) -> tuple[int, int, int, int]:
        """Sorts lines by time; in the same second the end of a visit precedes the next visit."""
        return (self.epoch, self.entered, self.RANK, self.number)


@dataclass(frozen=True, slots=True)
class Arrival(Line):
    """A call came to a queue, and was `refused` or waits. `caller` is digits."""

    caller: str | None = field(repr=False)
    refused: LeaveReason | None

    RANK = 0


@dataclass(frozen=True, slots=True)
class Waited(Line):
    """A wait of `waited_s` is over."""

    waited_s: int

    @property
    def entered(self) -> int:
        """When the wait began."""
        return self.epoch - self.waited_s


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
    talked_s: int
    ended_by: EndedBy
    to: Code | None

    RANK = 2

    @property
    def entered(self) -> int:
        """When the wait before the conversation began."""
        return self.epoch - self.talked_s - self.waited_s


def parse(number: int, text: str, pseudonym: Callable[[str], Code]) -> Line | str:
    """Return what a line tells of a call, or the name of its event if that is ignored.

    `pseudonym` stands for the name of an agent that is no code.

    Raises:
        LineError: it cannot be read.
    """
    epoch, call, queue, agent, event, *data = _fields(text)
    second = _seconds("time", epoch, END_OF_TIME - 1)
    if event in IGNORED:
        return event
    if event not in _EVENTS:
        raise LineError(f"unknown event {_shown(event)}")
    if call in ("", NOBODY):
        raise LineError(f"{event} without a call")
    parse_data, needed = _EVENTS[event]
    if len(data) < needed:
        raise LineError(f"{event} needs {needed} fields after it and has {len(data)}: cut short?")
    head = (number, second, call, _code("queue", queue))
    return parse_data(head, _agent(agent, pseudonym), data)


def _fields(text: str) -> list[str]:
    fields = text.split("|")
    if len(fields) < 5:  # noqa: PLR2004 - epoch, call, queue, agent, event
        raise LineError("not epoch|call|queue|agent|event: cut short?" if text else "empty line")
    return fields


_Head = tuple[int, int, str, Code]
_Parse = Callable[[_Head, Code | None, Sequence[str]], Line]


def _arrival(head: _Head, _: Code | None, data: Sequence[str]) -> Line:
    # A number is complete when a field follows it.
    caller = _caller(data[1]) if len(data) > 2 else None  # noqa: PLR2004
    return Arrival(*head, caller=caller, refused=None)


def _refusal(reason: LeaveReason) -> _Parse:
    return lambda head, _, __: Arrival(*head, caller=None, refused=reason)


def _connection(head: _Head, agent: Code | None, data: Sequence[str]) -> Line:
    if agent is None:
        raise LineError("CONNECT without an agent")
    return Connection(*head, _seconds("wait", data[0]), agent=agent)


def _departure(reason: LeaveReason | None, *, wait: int) -> _Parse:
    return lambda head, _, data: Departure(*head, _seconds("wait", data[wait]), reason=reason)


def _completion(by: EndedBy) -> _Parse:
    return lambda head, agent, data: Completion(
        *head, *_times(data[0], data[1], agent), ended_by=by, to=None
    )


def _blind_transfer(head: _Head, agent: Code | None, data: Sequence[str]) -> Line:
    return Completion(*head, *_times(data[2], data[3], agent), EndedBy.TRANSFER, to=target(data[0]))


def _attended_transfer(head: _Head, agent: Code | None, data: Sequence[str]) -> Line:
    # LINK names two channels, the other methods one bridge or application: count from the end.
    hold, talk = data[-3:-1]
    return Completion(*head, *_times(hold, talk, agent), EndedBy.TRANSFER, to=target(data[1]))


def _times(hold: str, talk: str, agent: Code | None) -> tuple[int, Code | None, int]:
    return _seconds("wait", hold), agent, _seconds("talk", talk)


_EVENTS: dict[str, tuple[_Parse, int]] = {
    "ENTERQUEUE": (_arrival, 0),
    "FULL": (_refusal(LeaveReason.FULL), 0),
    "JOINEMPTY": (_refusal(LeaveReason.CLOSED), 0),
    "JOINUNAVAIL": (_refusal(LeaveReason.CLOSED), 0),
    "CONNECT": (_connection, 2),
    "ABANDON": (_departure(None, wait=2), 3),
    "EXITWITHTIMEOUT": (_departure(LeaveReason.TIMEOUT, wait=2), 3),
    "EXITEMPTY": (_departure(LeaveReason.EMPTY, wait=2), 3),
    "EXITWITHKEY": (_departure(LeaveReason.KEY, wait=3), 4),
    "COMPLETEAGENT": (_completion(EndedBy.AGENT), 3),
    "COMPLETECALLER": (_completion(EndedBy.CITIZEN), 3),
    "BLINDTRANSFER": (_blind_transfer, 5),
    "ATTENDEDTRANSFER": (_attended_transfer, 5),
}


def target(text: str) -> Code:
    """Return what may stand in the clear for a transfer's target: never a telephone number."""
    if _is_uuid(text):
        return Code(text)
    name = _name(text)
    if name != text:
        name = _CHANNEL_SUFFIX.sub("", name)
    if looks_like_telephone(name) or re.search(rf"\d{{{MIN_TELEPHONE_DIGITS},}}", name):
        return EXTERNAL
    try:
        return code(name)
    except VocabularyError:
        return UNNAMED


def _is_uuid(text: str) -> bool:
    """Whether `text` is the id of a bridge, whose digits are no telephone number."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _caller(text: str) -> str | None:
    digits = re.sub(r"[^0-9]", "", text)
    return digits if len(digits) >= MIN_TELEPHONE_DIGITS else None


def _name(member: str) -> str:
    technology, slash, name = member.partition("/")
    return name if slash and technology.lower() in _TECHNOLOGIES else member


def _agent(member: str, pseudonym: Callable[[str], Code]) -> Code | None:
    if member in ("", NOBODY):
        return None
    name = _name(member)
    try:
        return code(name)
    except VocabularyError:
        return pseudonym(name)


def _code(what: str, text: str) -> Code:
    if len(text) > MAX_CODE_CHARACTERS:
        raise LineError(f"{what}: {_shown(text)} is too long for a code")
    try:
        return code(text)
    except VocabularyError as error:
        raise LineError(f"{what}: {error}") from error


def _seconds(what: str, text: str, longest: int = LONGEST_CALL_S) -> int:
    if _NUMBER.fullmatch(text) is None or int(text) > longest:
        raise LineError(f"{what} {_shown(text)} is not a number of seconds up to {longest}")
    return int(text)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…")  # noqa: PLR2004 - a report's column

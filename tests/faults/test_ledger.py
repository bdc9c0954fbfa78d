"""The ledger that judges two servers finds each broken promise, and nothing where all were kept."""

from collections.abc import Callable

import pytest

from eventlog.keys import Keys
from tests.faults.ledger import Event, Ledger
from tests.faults.made_up import RECEIVE, Answer, Command

KEYS = Keys(b"", b"")
RECEIVED, NOTED = Answer(201, "i1", 1), Answer(200, "i1", 2)
OUT_OF_TURN, FAILED = Answer(409, problem="no-arrival"), Answer(500)
Change = Callable[[list[Event], list[Command]], object]


def cause(key: str) -> str:
    return KEYS.cause("command", "a", key)


def judged(change: Change) -> dict[str, int]:
    """Return the faults of three commands and the log that they led to, after a change."""
    commands = [
        Command("a", RECEIVE, {}, keys={"1"}, answers=[RECEIVED, RECEIVED]),
        Command("a", "note", {}, "i1", keys={"2"}, answers=[OUT_OF_TURN, NOTED]),
        Command("a", "answer", {}, "i1", keys={"3"}, answers=[OUT_OF_TURN]),
    ]
    log = [Event(1, "i1", 1, cause("1")), Event(2, "i1", 2, cause("2"))]
    change(log, commands)
    return Ledger(commands, log, KEYS).faults()


def test_nothing_is_found_where_every_promise_was_kept() -> None:
    assert judged(lambda *_: None) == {}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda log, _: log.pop(), "accepted, but not in the log"),
        (lambda log, _: log.append(Event(3, "i1", 3, cause("2"))), "carried out twice"),
        (lambda log, _: log.append(Event(3, "i1", 3, cause("3"))), "refused, but in the log"),
        (lambda log, _: log.append(Event(3, "i1", 3, cause("4"))), "asked for by nobody"),
        (lambda log, _: log.append(Event(4, "i2", 1, cause("4"))), "a gap in the positions"),
        (lambda log, _: log.append(Event(3, "i1", 4, cause("4"))), "a gap in the versions"),
        (lambda _, sent: sent[0].answers.append(NOTED), "answered in two ways"),
        (lambda _, sent: sent[0].answers.append(OUT_OF_TURN), "accepted, then refused"),
        (lambda _, sent: sent[2].answers.append(FAILED), "answered by an error"),
        (lambda _, sent: sent[2].answers.clear(), "left without an answer"),
        (
            lambda _, sent: sent[1].answers.append(NOTED._replace(version=3)),
            "answered with another place in the log",
        ),
    ],
)
def test_a_broken_promise_is_found(change: Change, fault: str) -> None:
    assert fault in judged(change)


def test_what_somebody_else_had_told_before_is_no_loss() -> None:
    def known(_: object, commands: list[Command]) -> None:
        commands.append(Command("b", RECEIVE, {"contact": {}}, keys={"1"}, answers=[NOTED]))

    assert judged(known) == {}

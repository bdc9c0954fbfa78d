from collections.abc import Sequence
from uuid import UUID

from domain.vocabulary import Code, Contact, Digest
from importers.queue_log_calls import Call
from importers.queue_log_lines import Line, parse
from tests.importers.imported import SEOUL, abandoned, completed, connected, entered
from tests.importers.test_queue_log_lines import Aliases


def call() -> Call:
    return Call(UUID(int=1), Contact(Code("pbx"), Digest("0" * 32)), inquiry=None)


def lines(texts: Sequence[str]) -> list[Line]:
    read = [parse(number, text, Aliases(), SEOUL) for number, text in enumerate(texts, 1)]
    return sorted((line for line in read if isinstance(line, Line)), key=lambda line: line.order)


def test_a_wait_rounded_up_beyond_the_arrival_finds_it_at_once() -> None:
    told = call()

    told.take(
        lines([entered(60), connected(60, wait=1), completed(61, wait=1, talk=2)]), citizens={}
    )

    assert (told.taken, told.missing, told.refused) == (3, [], [])
    assert told.events == 4


def test_a_line_whose_visit_is_not_known_is_missing_until_it_is_given_up() -> None:
    told = call()

    told.take(lines([abandoned(3, wait=3)]), citizens={})
    assert [line.number for line in told.missing] == [1]
    assert not told.is_known

    told.give_up()
    assert told.refused == [(1, "no arrival of this call in this queue")]
    assert told.missing == []


def test_the_same_line_again_is_a_repeat() -> None:
    told = call()

    told.take(lines([entered(0), entered(0), abandoned(3, wait=3), abandoned(3, wait=3)]), {})

    assert (told.taken, told.repeated, told.events) == (2, 2, 3)


def test_a_known_citizen_is_not_looked_up_again() -> None:
    told = call()
    arrival = lines([entered(0, caller="0212345678")])
    assert told.caller(arrival) == "0212345678"

    told.take(arrival, {"0212345678": UUID(int=2)})

    assert told.caller(arrival) is None

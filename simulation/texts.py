"""Short messages, forms of the web site and posts: read and answered by the writers."""

from collections.abc import Generator
from functools import partial
from typing import cast

from simulation.case import Case
from simulation.chance import Shares
from simulation.clock import Pause, Process
from simulation.inputs import FATES, WRAP_UP, WRITING, Fate
from simulation.labels import ADVISORS, TEXTS
from simulation.settling import settle
from simulation.staff import Agent
from simulation.words import ANSWERS

_FATES = Shares(FATES)


def text(case: Case) -> Process:
    """Somebody writes to the line."""
    case.receive(written=True)
    writer = yield from _reach_writer(case)
    fate = _FATES.draw(case.random)
    if fate is Fate.PASSED_ON:
        yield case.draw_ms(WRITING)
        case.tell("transfer", ref=case.ref(), kind="agent", to=ADVISORS, from_agent=writer.code)
        case.clock.start(case.floor.wrap_up(writer, 0))
        writer = yield from _reach_writer(case)
        fate = Fate.SETTLED
    yield from _answer(case, writer)
    yield from settle(case, writer, fate)


def _reach_writer(case: Case) -> Generator[Pause, Agent | None, Agent]:
    writer = yield partial(case.floor.enter, TEXTS)
    return cast(Agent, writer)  # None is for those who lose their patience


def _answer(case: Case, writer: Agent) -> Process:
    """Write back; on a social network the writer tells when he takes the text up."""
    writing_ms, wrapup_ms = case.draw_ms(WRITING), case.draw_ms(WRAP_UP)
    is_conversation = case.matter.channel == "sns"
    if is_conversation:
        case.tell("answer", agent=writer.code)
    yield writing_ms
    case.tell("reply", agent=writer.code, message=case.words(ANSWERS))
    if is_conversation:
        case.tell("end", ended_by="agent", talk_ms=writing_ms, hold_ms=0, wrapup_ms=wrapup_ms)
    case.clock.start(case.floor.wrap_up(writer, wrapup_ms))
    yield wrapup_ms
    case.write_up()

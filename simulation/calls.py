"""Telephone and video calls: the menu, the wait, the conversation."""

from collections.abc import Generator
from functools import partial

from simulation.case import Case
from simulation.chance import SECOND_MS, Shares
from simulation.clock import Pause, Process
from simulation.inputs import (
    AGENCY_ON_THE_LINE,
    ANNULLED_AFTER,
    ASKS_CALLBACK,
    CHOOSES_TOPIC,
    END_LOST,
    ENDS,
    FATES,
    HELD,
    HOLD,
    LONGEST_LINE,
    LONGEST_WAIT_S,
    MENU,
    PATIENCE,
    PHANTOMS,
    RESUMED_AFTER,
    RING,
    TALK,
    TESTS,
    WRAP_UP,
    Fate,
)
from simulation.labels import ADVISORS, GENERAL, KOREAN, LANGUAGE_QUEUES, SIGN, TOPIC_QUEUES
from simulation.settling import agency_replies, ask, follow_up, resolve, settle
from simulation.staff import Agent

_FATES = Shares(FATES)
_ENDS = Shares(ENDS)
_ANNULMENTS = {"test": TESTS, "phantom": PHANTOMS}


def call(case: Case) -> Process:
    """Somebody calls the line."""
    case.receive(written=False)
    yield case.draw_ms(MENU)
    queue = _queue(case)
    agent = yield from _reach_agent(case, queue)
    if agent is None:
        return
    if case.matter.language != KOREAN and queue == GENERAL:
        _let_interpreter_join(case, agent)
    if case.happens(TESTS + PHANTOMS):
        yield from _converse(case, agent, Fate.LEFT_OPEN)
        yield case.draw_ms(ANNULLED_AFTER)
        case.tell("annul", reason=Shares(_ANNULMENTS).draw(case.random))
        return
    fate = _FATES.draw(case.random)
    if fate is Fate.PASSED_ON:
        yield from _converse(case, agent, fate)
        agent = yield from _reach_agent(case, ADVISORS)
        if agent is None:
            return
        fate = Fate.SETTLED
    yield from _converse(case, agent, fate)
    yield from settle(case, agent, fate)


def _queue(case: Case) -> str:
    """Return the queue that the menu leads to; the general one stands in for all but signing."""
    matter = case.matter
    if matter.channel == "video":
        return SIGN
    topic = TOPIC_QUEUES[matter.category] if case.happens(CHOOSES_TOPIC) else GENERAL
    wanted = LANGUAGE_QUEUES.get(matter.language, topic)
    return wanted if case.floor.is_staffed(wanted) else GENERAL


def _reach_agent(case: Case, queue: str) -> Generator[Pause, Agent | None, Agent | None]:
    """Wait in a queue; return who answers, or None when the caller is gone."""
    if not case.floor.is_staffed(queue):
        case.tell("leave-queue", queue=queue, reason="closed")
        return None
    if case.floor.waiting(queue) >= LONGEST_LINE:
        case.tell("leave-queue", queue=queue, reason="full")
        return None
    case.tell("queue", queue=queue)
    longest_ms = LONGEST_WAIT_S * SECOND_MS
    patience_ms = min(case.draw_ms(PATIENCE), longest_ms)
    agent = yield partial(case.floor.enter, queue, patience_ms=patience_ms)
    if agent is not None:
        yield case.draw_ms(RING)
        case.tell("answer", agent=agent.code)
    elif patience_ms == longest_ms:
        case.tell("leave-queue", reason="timeout")
    elif case.happens(ASKS_CALLBACK):
        case.tell("leave-queue", reason="callback")
        case.clock.start(_call_back(case))
    else:
        case.tell("abandon")
    return agent


def _converse(case: Case, agent: Agent, fate: Fate) -> Process:
    """Talk, and write up what was learnt; on return the agent's wrap-up is over."""
    talk_ms, wrapup_ms = case.draw_ms(TALK), case.draw_ms(WRAP_UP)
    hold_ms = case.draw_ms(HOLD) if case.happens(HELD) else 0
    yield talk_ms + hold_ms
    if fate is Fate.ASKED_ON_THE_LINE:
        asked_ms = case.draw_ms(AGENCY_ON_THE_LINE)
        hold_ms += asked_ms
        ask(case, agent, holds=False)
        yield asked_ms
        agency_replies(case)
    elif fate is Fate.PASSED_ON:
        case.tell("transfer", ref=case.ref(), kind="agent", to=ADVISORS, from_agent=agent.code)
    if fate is Fate.PASSED_ON or not case.happens(END_LOST):
        ended_by = "transfer" if fate is Fate.PASSED_ON else _ENDS.draw(case.random)
        case.tell("end", ended_by=ended_by, talk_ms=talk_ms, hold_ms=hold_ms, wrapup_ms=wrapup_ms)
    case.clock.start(case.floor.wrap_up(agent, wrapup_ms))
    if fate is not Fate.PASSED_ON:
        yield wrapup_ms
        if case.matter.citizen:
            case.tell("identify", citizen=str(case.matter.citizen))
        case.write_up()


def _let_interpreter_join(case: Case, agent: Agent) -> None:
    case.tell(
        "transfer",
        ref=case.ref(),
        kind="interpreter",
        to=f"interpreter-{case.matter.language}",
        from_agent=agent.code,
        holds=False,
    )


def _call_back(case: Case) -> Process:
    yield case.draw_ms(RESUMED_AFTER)
    yield from follow_up(case, medium="call", purpose="information")
    case.write_up()
    resolve(case, None)

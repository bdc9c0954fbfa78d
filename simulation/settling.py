"""How an inquiry is settled, and what comes after: ratings, second thoughts, thanks.

Work at the desk after the wrap-up (sending a message, closing what an agency answered) takes no
agent's time; who asked an agency closes the inquiry himself, after his shift if need be.
"""

from simulation.case import Case
from simulation.chance import Shares
from simulation.clock import Process
from simulation.inputs import (
    AGENCIES_SAY,
    AGENCY_REPLY,
    AGENCY_SILENT,
    AGENCY_WORK,
    ASKS_DISTRICT,
    DELIGHTED,
    DELIVERED,
    DELIVERY,
    FOLLOW_UP_AFTER,
    FOLLOWED_UP,
    PRAISED,
    PRAISED_AFTER,
    RATED,
    RATED_AFTER,
    REOPENED,
    REOPENED_AFTER,
    RESOLVED_AS,
    RESUMED_AFTER,
    Fate,
)
from simulation.labels import AGENCIES
from simulation.staff import Agent
from simulation.words import (
    AGENCY_REPLIES,
    AUTHORS,
    COMMENTS,
    MESSAGES,
    STORIES,
    TITLES,
)

_RESOLVED_AS = Shares(RESOLVED_AS)
_AGENCIES_SAY = Shares(AGENCIES_SAY)
_LIKED = {True: 5, False: 4}
_DISLIKED = (1, 2, 3)
_REASONS = ("not-solved", "wrong-answer", "new-facts")


def settle(case: Case, agent: Agent, fate: Fate) -> Process:
    """Go on from the agent's answer to the resolution, if there is one."""
    if fate is Fate.SETTLED or fate is Fate.ASKED_ON_THE_LINE:
        resolve(case, agent)
    elif fate is Fate.ASKED:
        ask(case, agent, holds=False)
        yield case.draw_ms(AGENCY_REPLY)
        agency_replies(case)
        yield from follow_up(case, medium="sms", purpose="information")
        resolve(case, agent)
    elif fate is Fate.GIVEN:
        ask(case, agent, holds=True)
        if not case.happens(AGENCY_SILENT):
            yield case.draw_ms(AGENCY_WORK)
            agency_replies(case)
            resolve(case, None)


def ask(case: Case, agent: Agent, *, holds: bool) -> None:
    """Ask an agency, or with `holds` give it the inquiry."""
    agency = case.random.choice(AGENCIES[case.matter.category])
    if case.happens(ASKS_DISTRICT):
        agency = f"{case.matter.district}-gu"
    case.asked = case.tell(
        "transfer", ref=case.ref(), kind="agency", to=agency, from_agent=agent.code, holds=holds
    )


def agency_replies(case: Case) -> None:
    """Take in what the agency says that was asked last."""
    outcome = _AGENCIES_SAY.draw(case.random)
    case.tell("agency-reply", of=case.asked, outcome=outcome, reply=case.words(AGENCY_REPLIES))


def resolve(case: Case, agent: Agent | None) -> None:
    """Resolve for the first time, and let happen what may come of it."""
    resolution = _tell_resolution(case, agent)
    if case.happens(FOLLOWED_UP):
        case.clock.start(_care(case))
    if case.happens(RATED):
        case.clock.start(_rate(case, resolution))
    if case.happens(REOPENED):
        case.clock.start(_reopen(case, agent))
    if case.happens(PRAISED):
        case.clock.start(_praise(case, agent))


def follow_up(case: Case, *, medium: str, purpose: str) -> Process:
    """Get back to the citizen, and learn whether it reached him."""
    message = case.words(MESSAGES)
    of = case.tell("follow-ups", ref=case.ref(), medium=medium, purpose=purpose, message=message)
    yield case.draw_ms(DELIVERY)
    if case.happens(DELIVERED):
        case.tell("report", of=of, outcome="delivered")
    else:
        case.tell("report", of=of, outcome="failed", reason="not-reached")


def _tell_resolution(case: Case, agent: Agent | None) -> int:
    body = {"outcome": _RESOLVED_AS.draw(case.random)}
    return case.tell("resolve", **body | ({"agent": agent.code} if agent else {}))


def _care(case: Case) -> Process:
    yield case.draw_ms(FOLLOW_UP_AFTER)
    yield from follow_up(case, medium="sms", purpose="care")


def _rate(case: Case, resolution: int) -> Process:
    yield case.draw_ms(RATED_AFTER)
    if case.happens(case.satisfied):
        score = _LIKED[case.happens(DELIGHTED)]
        case.tell("rating", score=score, of=resolution, comment=case.words(COMMENTS))
    else:
        case.tell("rating", score=case.random.choice(_DISLIKED), of=resolution)


def _reopen(case: Case, agent: Agent | None) -> Process:
    yield case.draw_ms(REOPENED_AFTER)
    case.tell("reopen", reason=case.random.choice(_REASONS))
    yield case.draw_ms(RESUMED_AFTER)
    yield from follow_up(case, medium="call", purpose="correction")
    _tell_resolution(case, agent)


def _praise(case: Case, agent: Agent | None) -> Process:
    yield case.draw_ms(PRAISED_AFTER)
    body = {"title": case.words(TITLES), "story": case.words(STORIES)}
    body |= {"author": case.words(AUTHORS)} | ({"agent": agent.code} if agent else {})
    case.tell("praise", ref=case.ref(), **body)

"""The inputs of the city: all that is assumed, and nothing that is found out.

Answer rate and service level are no inputs: they follow from arrivals, staffing, handling times
and patience. First-agent resolution and satisfaction follow from what becomes of an inquiry
(`FATES`) and from how many citizens are satisfied (`SATISFIED`).
Times are those of the city's zone. Shares of one table are weights.
"""

from enum import StrEnum

from simulation.chance import Lognormal
from simulation.labels import ADVISORS, GENERAL, SIGN, TEXTS

# Who asks

ARRIVALS_BY_HOUR = (
    *(1.2, 0.9, 0.7, 0.5, 0.5, 0.6, 1.0, 2.0, 4.2, 8.0, 8.8, 8.3),
    *(6.6, 7.9, 8.5, 8.3, 8.0, 6.8, 4.4, 3.3, 2.8, 2.4, 2.0, 1.6),
)
CHANNELS = {"phone": 0.875, "video": 0.005, "sms": 0.06, "internet": 0.04, "sns": 0.02}
LANGUAGES = {"ko": 0.962, "en": 0.016, "zh": 0.012, "ja": 0.007, "vi": 0.002, "mn": 0.001}
CATEGORIES = {
    "transport": 0.26,
    "administration": 0.20,
    "economy": 0.07,
    "welfare": 0.10,
    "environment": 0.11,
    "housing": 0.10,
    "culture": 0.06,
    "safety": 0.04,
    "health": 0.04,
    "family": 0.02,
}
RESIDENTS_THOUSAND = (
    *(170, 140, 250, 305, 385, 375, 425, 490, 345, 365, 600, 505, 325),
    *(395, 500, 570, 455, 260, 425, 415, 545, 440, 570, 690, 495),
)
"""Of the districts, in the order of `labels.DISTRICTS`."""

CITIZENS = 200_000
"""How many different citizens ask and say who they are; some ask twice a day."""
IDENTIFIED = {"phone": 0.15, "video": 0.3, "sms": 0.0, "internet": 0.6, "sns": 0.0}
CHOOSES_TOPIC = 0.7
"""Callers who choose a topic in the menu; the others go to the general queue."""
CATEGORY_KNOWN = {"phone": 0.1, "video": 0.0, "sms": 0.0, "internet": 1.0, "sns": 0.0}
DISTRICT_KNOWN = {"phone": 0.02, "video": 0.0, "sms": 0.0, "internet": 0.8, "sns": 0.0}
CLASSIFIED = 0.9
"""Inquiries whose category, district and language are noted at wrap-up."""
TESTS, PHANTOMS = 0.0004, 0.0012
"""Inquiries that are annulled: tests of the line, calls in which nobody speaks."""

# How long they wait

MENU = Lognormal(mean_s=9, variation=0.4)
PATIENCE = Lognormal(mean_s=125, variation=1.0)
LONGEST_WAIT_S = 300
"""After which the line asks a caller to try later."""
ASKS_CALLBACK = 0.05
"""Callers out of patience who leave their number instead of hanging up."""
LONGEST_LINE = 30
"""Callers of one queue; the next one is refused."""

# Who answers

SHIFTS = {7: 0.10, 8: 0.09, 9: 0.19, 10: 0.06, 13: 0.085, 15: 0.055, 17: 0.04, 22: 0.065}
"""Share of all agents who begin at this hour; the rest have their day off."""
SHIFT_HOURS = 9
BREAKS_AFTER_HOURS = (2.5, 3.25, 4.0, 4.75)
"""When an agent's break begins, in turn."""
BREAK_HOURS = 1
NIGHT_SHIFT = 22
DAY_TEAMS = {
    "team-1": 0.165,
    "team-2": 0.165,
    "team-3": 0.165,
    "team-4": 0.165,
    "advisors": 0.08,
    "english": 0.04,
    "chinese": 0.035,
    "japanese": 0.025,
    "vietnamese": 0.015,
    "mongolian": 0.012,
    "sign": 0.025,
    "writers": 0.11,
}
NIGHT_TEAMS = {"night": 0.86, "writers": 0.14}
TEAM_QUEUES = {
    "team-1": (GENERAL, "transport", "welfare"),
    "team-2": (GENERAL, "welfare", "environment"),
    "team-3": (GENERAL, "environment", "housing"),
    "team-4": (GENERAL, "housing", "transport"),
    "night": (GENERAL, "transport", "welfare", "environment", "housing", ADVISORS),
    "advisors": (ADVISORS, GENERAL),
    "english": ("english", GENERAL),
    "chinese": ("chinese", GENERAL),
    "japanese": ("japanese", GENERAL),
    "vietnamese": ("vietnamese", GENERAL),
    "mongolian": ("mongolian", GENERAL),
    "sign": (SIGN, GENERAL),
    "writers": (TEXTS,),
}
RESERVES = ("advisors", "english", "chinese", "japanese", "vietnamese", "mongolian", "sign")
"""Teams who take a general call only when nobody else is free."""

# How long it takes

RING = Lognormal(mean_s=3, variation=0.4)
"""From the moment that an agent is free until he answers; part of the wait."""
TALK = Lognormal(mean_s=142, variation=0.8)
HOLD = Lognormal(mean_s=35, variation=0.7)
HELD = 0.12
"""Conversations with a hold."""
WRAP_UP = Lognormal(mean_s=35, variation=0.6)
WRITING = Lognormal(mean_s=150, variation=0.7)

# What becomes of it


class Fate(StrEnum):
    """What becomes of an inquiry that an agent has answered."""

    SETTLED = "settled"
    ASKED_ON_THE_LINE = "asked-on-the-line"
    ASKED = "asked"
    PASSED_ON = "passed-on"
    GIVEN = "given"
    LEFT_OPEN = "left-open"


FATES = {
    Fate.SETTLED: 0.80,
    Fate.ASKED_ON_THE_LINE: 0.03,
    Fate.ASKED: 0.05,
    Fate.PASSED_ON: 0.055,
    Fate.GIVEN: 0.045,
    Fate.LEFT_OPEN: 0.02,
}
"""The first agent settles it, alone or by asking an agency; an advisor or an agency does; or nobody
on this day."""
RESOLVED_AS = {"answered": 0.95, "referred": 0.03, "not-found": 0.02}
AGENCIES_SAY = {"done": 0.7, "found": 0.1, "in-progress": 0.1, "not-found": 0.1}
ENDS = {"citizen": 0.7, "agent": 0.29, "system": 0.01}
"""Who ends a conversation."""
END_LOST = 0.0008
"""Conversations whose end telephony never reports."""
AGENCY_ON_THE_LINE = Lognormal(mean_s=100, variation=0.5)
AGENCY_REPLY = Lognormal(mean_s=40 * 60, variation=0.9)
AGENCY_WORK = Lognormal(mean_s=150 * 60, variation=0.9)
"""What agencies take: while the caller holds, while the agent does, and to settle it themselves."""
AGENCY_SILENT = 0.04
"""Agencies that were given an inquiry and do not reply."""
ASKS_DISTRICT = 0.35
"""Questions to agencies that go to the office of the citizen's district."""
NOTED = 0.03
FOLLOWED_UP = 0.05
"""Settled inquiries after which the citizen gets a message."""
FOLLOW_UP_AFTER = Lognormal(mean_s=25 * 60, variation=0.9)
DELIVERY = Lognormal(mean_s=6, variation=1.0)
DELIVERED = 0.985
RATED = 0.12
SATISFIED = 0.957
DELIGHTED = 0.7
"""Satisfied citizens who give 5 rather than 4."""
RATED_AFTER = Lognormal(mean_s=20 * 60, variation=1.2)
REOPENED = 0.012
REOPENED_AFTER = Lognormal(mean_s=90 * 60, variation=0.8)
RESUMED_AFTER = Lognormal(mean_s=15 * 60, variation=0.8)
"""From a reopening, or a request to be called back, until the line gets back to the citizen."""
PRAISED = 0.0004
PRAISED_AFTER = Lognormal(mean_s=2 * 3600, variation=0.8)
ANNULLED_AFTER = Lognormal(mean_s=10 * 60, variation=0.8)

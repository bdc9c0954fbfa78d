"""The KPI formulas: from sums to ratios, as `docs/kpi.md` defines them.

A ratio is taken from the sums of a row and never from other ratios. Nothing to divide is null, and
so is a ratio of a sum that is not known.
"""

from collections.abc import Mapping
from typing import NamedTuple

Sums = Mapping[str, int | None]

SUMS = (
    "received", "offered", "answered", "abandoned", "left_queue", "blocked", "waiting",
    "answered_within", "abandoned_within", "short_abandoned", "waited_ms", "abandoned_waited_ms",
    "answered_inquiries", "replied", "reply_ms", "ended", "talk_ms", "hold_ms", "wrapup_ms",
    "resolved_by_first_agent", "resolutions", "resolutions_withdrawn", "reopened",
    "transferred", "transferred_agent", "transferred_interpreter", "transferred_agency",
    "transfer_hops", "rated", "satisfied", "score_sum", "praised",
    "followed_up", "followed_up_sms", "followed_up_call", "followed_up_email", "followed_up_post",
    "delivered", "ended_with_talk", "agency_replied", "agency_took_ms",
)  # fmt: skip
"""The sums of a row, in the order in which they are given."""

DERIVED = frozenset({"waiting", "answered_within", "abandoned_within", "short_abandoned"})
"""Those that no table holds under that name: they follow from others, or from a threshold."""

_VISITS = frozenset({
    "offered", "answered", "abandoned", "left_queue", "blocked", "waiting", "answered_within",
    "abandoned_within", "short_abandoned", "waited_ms", "abandoned_waited_ms",
})  # fmt: skip
_CONVERSATIONS = frozenset({"ended", "ended_with_talk", "talk_ms", "hold_ms", "wrapup_ms"})

HELD_BY: dict[str, frozenset[str]] = {
    # What happens after the conversation, or without one, belongs to no queue.
    "queue": _VISITS | _CONVERSATIONS | {"answered_inquiries"},
    # Nobody has taken a visit that waits, is abandoned or is refused, and anybody may reopen.
    "agent": _CONVERSATIONS | {
        "answered", "answered_within", "waited_ms", "answered_inquiries", "replied", "reply_ms",
        "resolved_by_first_agent", "resolutions", "resolutions_withdrawn", "transferred",
        "transferred_agent", "transferred_interpreter", "transferred_agency", "transfer_hops",
        "rated", "satisfied", "score_sum", "praised",
    },
    # What was passed on to it or asked of it, and what it said.
    "agency": frozenset({
        "transferred", "transferred_agency", "transfer_hops", "agency_replied", "agency_took_ms",
    }),
}  # fmt: skip
"""The sums that are known of a queue, an agent or an agency; the others would be false zeros."""


class Ratio(NamedTuple):
    """`of` together, divided by `per` together less `less`; then `times`."""

    of: tuple[str, ...]
    per: tuple[str, ...]
    less: tuple[str, ...] = ()
    times: int = 1

    @property
    def sums(self) -> frozenset[str]:
        """Return the names of all sums it is taken from."""
        return frozenset({*self.of, *self.per, *self.less})

    def taken(self, sums: Sums) -> float | None:
        """Return the ratio, null without its sums or with nothing to divide by."""
        known = {name: value for name in self.sums if (value := sums[name]) is not None}
        if len(known) < len(self.sums):
            return None
        per = sum(known[name] for name in self.per) - sum(known[name] for name in self.less)
        return self.times * sum(known[name] for name in self.of) / per if per else None


SERVICE_LEVELS = {
    "F1": Ratio(("answered_within", "abandoned_within"), ("answered", "abandoned")),
    "F2": Ratio(("answered_within",), ("answered",)),
    "F3": Ratio(("answered_within",), ("answered", "abandoned")),
    "F4": Ratio(("answered_within",), ("answered", "abandoned"), less=("abandoned_within",)),
    "F6": Ratio(("answered_within",), ("answered", "abandoned"), less=("short_abandoned",)),
}

RATIOS = {
    "answer_rate": Ratio(("answered",), ("answered", "abandoned", "left_queue", "blocked")),
    "abandonment_rate": Ratio(("abandoned",), ("answered", "abandoned", "left_queue")),
    "asa_ms": Ratio(("waited_ms",), ("answered",)),
    "aht_ms": Ratio(("talk_ms", "hold_ms", "wrapup_ms"), ("ended_with_talk",)),
    "first_agent_resolution": Ratio(("resolved_by_first_agent",), ("answered_inquiries",)),
    "reopen_rate": Ratio(("reopened",), ("resolutions",)),
    "transfer_rate": Ratio(("transferred",), ("answered_inquiries",)),
    "satisfaction": Ratio(("satisfied",), ("rated",)),
    "score_mean": Ratio(("score_sum",), ("rated",)),
    "rating_response_rate": Ratio(("rated",), ("resolutions",)),
    "praised_per_1000": Ratio(("praised",), ("answered_inquiries",), times=1_000),
    "delivered_share": Ratio(("delivered",), ("followed_up",)),
}

REPEAT_WINDOWS = ("24h", "7d", "30d")
REPEATS = {
    window: Ratio((f"unrepeated_{window}",), (f"mature_{window}",)) for window in REPEAT_WINDOWS
}
REPEAT_SUMS = (
    "identified", "mature_24h", "unrepeated_24h", "mature_7d", "unrepeated_7d", "mature_30d",
    "unrepeated_30d",
)  # fmt: skip
"""Resolutions of known citizens: all, those long enough ago, those that nobody came back after."""
IDENTIFIED = Ratio(("identified",), ("resolutions",))

RATIO_NAMES = (
    "answer_rate", "service_level", "abandonment_rate", "asa_ms", "wait_p50_ms", "wait_p90_ms",
    "aht_ms", "first_agent_resolution", "fcr_repeat", "reopen_rate", "transfer_rate",
    "satisfaction", "score_mean", "rating_response_rate", "praised_per_1000", "delivered_share",
)  # fmt: skip
"""The ratios of a row, in the order in which they are given."""

Ratios = dict[str, float | dict[str, float | None] | None]


def ratios(
    sums: Sums,
    *,
    p50_ms: int | None = None,
    p90_ms: int | None = None,
    apart: frozenset[str] = frozenset(),
    repeats: Sums | None = None,
) -> Ratios:
    """Return the ratios of a row's `sums`.

    The sums in `apart` count other things than the rest do, as those known of a queue do where
    the others stand for no queue: no ratio is taken across the two. `fcr_repeat` is taken from
    `repeats`, which need the whole history; without them it is null.
    """

    def taken(ratio: Ratio) -> float | None:
        return None if ratio.sums & apart and ratio.sums - apart else ratio.taken(sums)

    found: Ratios = {name: taken(ratio) for name, ratio in RATIOS.items()}
    found["service_level"] = {name: taken(ratio) for name, ratio in SERVICE_LEVELS.items()}
    found["wait_p50_ms"] = p50_ms
    found["wait_p90_ms"] = p90_ms
    found["fcr_repeat"] = {
        window: ratio.taken(repeats) if repeats else None for window, ratio in REPEATS.items()
    }
    return {name: found[name] for name in RATIO_NAMES}

"""Waiting for what a running service does beside its answers."""

import time
from collections.abc import Callable
from typing import TypeVar

from tests.api.conftest import Client

PATIENCE_S = 20.0

T = TypeVar("T")


def caught_up(client: Client) -> int:
    """Wait until every view has reached the head that the log has now, and return it."""
    goal = int(client.http.get("/health/ready").json()["position"])
    give_up_at = time.monotonic() + PATIENCE_S
    while True:
        views = client.http.get("/health/ready").json()["views"]
        if all(view["position"] >= goal for view in views):
            return goal
        assert time.monotonic() < give_up_at, views


def until(look: Callable[[], T | None]) -> T:
    """Look until there is something, and return it."""
    give_up_at = time.monotonic() + PATIENCE_S
    while (found := look()) is None:
        assert time.monotonic() < give_up_at
    return found

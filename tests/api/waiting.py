"""Waiting for the views of a running service."""

import time

from tests.api.conftest import Client

PATIENCE_S = 20.0


def caught_up(client: Client) -> int:
    """Wait until every view has reached the head that the log has now, and return it."""
    goal = int(client.http.get("/health/ready").json()["position"])
    give_up_at = time.monotonic() + PATIENCE_S
    while True:
        views = client.http.get("/health/ready").json()["views"]
        if all(view["position"] >= goal for view in views):
            return goal
        assert time.monotonic() < give_up_at, views

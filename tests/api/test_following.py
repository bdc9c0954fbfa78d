"""Following the log: one reader for all, bounded pages, until the token ends."""

import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import httpx2 as httpx
import pytest

from api import following
from api.security import Scope
from domain.vocabulary import MAX_TEXT
from eventlog.record import MAX_RECORD_BYTES
from tests.api.conftest import TOKENS, Client, token_of

PATIENCE_S = 20


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    """A client that may do everything, over HTTP."""
    with httpx.Client(base_url=url, timeout=PATIENCE_S) as http:
        yield Client(http, token_of(Scope.ADMIN))


@contextmanager
def followed(client: Client, after: int = 0, token: str | None = None) -> Iterator[Iterator[str]]:
    """Yield the lines of the stream."""
    headers = {"Authorization": f"Bearer {token or client.token}"}
    path = f"/v1/events/stream?after={after}"
    with client.http.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200
        yield answer.iter_lines()


def positions(lines: Iterator[str], upto: int) -> list[int]:
    """Return the positions that come, until one has."""
    found: list[int] = []
    for line in lines:
        if told := re.fullmatch("id: ([0-9]+)", line):
            found.append(int(told[1]))
            if found[-1] == upto:
                return found
    raise AssertionError(f"the stream ended at {found[-1:]}")


def test_a_stream_has_the_records_as_they_are_and_their_types(client: Client) -> None:
    client.received()
    [record] = client.get("/v1/events").text.splitlines()

    with followed(client) as lines:
        told = [next(lines) for _ in range(4)]

    assert told == ["id: 1", "event: inquiry.received.v1", f"data: {record}", ""]


@pytest.mark.parametrize("kept_bytes", [0, 3_000, following.KEPT_BYTES])
def test_each_follower_gets_every_record_once_in_order_wherever_it_begins(
    client: Client, monkeypatch: pytest.MonkeyPatch, kept_bytes: int
) -> None:
    monkeypatch.setattr(following, "KEPT_BYTES", kept_bytes)
    monkeypatch.setattr(following, "PIECE_BYTES", 1_000)
    for _ in range(20):
        client.received()
    begun = threading.Barrier(6)

    def follow(after: int) -> list[int]:
        with followed(client, after) as lines:
            begun.wait(PATIENCE_S)
            return positions(lines, 60)

    begins = (0, 7, 19, 20, 41)
    with ThreadPoolExecutor() as threads:
        following_them = [threads.submit(follow, after) for after in begins]
        begun.wait(PATIENCE_S)
        for _ in range(40):
            client.received()
        told = [future.result(PATIENCE_S) for future in following_them]

    assert told == [list(range(after + 1, 61)) for after in begins]


def test_a_stream_ends_with_its_token(client: Client) -> None:
    client.received()
    token = TOKENS.issue("short", frozenset({Scope.AUDIT_READ}), timedelta(seconds=1))

    with followed(client, token=token) as lines:
        told = list(lines)

    assert told[-2:] == [": the token has expired: get a new one", ""]
    assert told[0] == "id: 1"


def test_nothing_is_told_to_a_token_that_has_ended(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = TOKENS.issue("short", frozenset({Scope.AUDIT_READ}), timedelta(seconds=1))
    monkeypatch.setattr("api.events.KEEP_ALIVE_S", 0.05)

    with followed(client, token=token) as lines:
        quiet = [line for line in lines if line]

    assert set(quiet) == {": quiet", ": the token has expired: get a new one"}
    assert quiet[-1] == ": the token has expired: get a new one"


def test_a_page_of_long_records_is_shorter_and_the_next_goes_on_from_there(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.events.MAX_PAGE_BYTES", 100_000)
    path = client.received()
    for number in range(9):
        body = {"ref": str(number), "kind": "memo", "note": "漢" * MAX_TEXT}
        assert client.post(f"{path}/note", body).is_success

    pages = [client.get("/v1/events", limit=10_000)]
    while pages[-1].content:
        after = pages[-1].headers["dasan-position"]
        pages.append(client.get("/v1/events", after=after, limit=10_000))

    told = [json.loads(line)["sequence"] for page in pages for line in page.text.splitlines()]
    assert told == [f"{position:020}" for position in range(1, 11)]
    assert len(pages) > 3
    assert all(len(page.content) < 100_000 + MAX_RECORD_BYTES for page in pages)

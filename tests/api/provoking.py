"""How to provoke each problem over HTTP, on a service with an owner of its database at hand."""

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
from psycopg import Connection, sql

from api import limits
from api.limits import MAX_BODY_BYTES
from api.security import Scope
from domain import known
from domain.vocabulary import MAX_TEXT
from tests.api.conftest import Client, token_of

SHORT_S = 0.3
PATIENCE_S = 20.0


@dataclass
class Place:
    """A service over HTTP, a client that may do everything, and the owner of the database."""

    client: Client
    owner: Connection
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def inquiry(self, **body: Any) -> str:
        """Return the path of a new inquiry on a text channel."""
        return self.client.received(**body)

    def call(self) -> str:
        """Return the path of a new call."""
        contact = {"source": "pbx", "id": f"1330.{next(self.numbers)}"}
        return self.client.received(channel="phone", contact=contact)

    def tell(self, path: str, command: str, **body: Any) -> httpx.Response:
        """Give an inquiry a command."""
        return self.client.post(f"{path}/{command}", body)

    def told(self, path: str, command: str, **body: Any) -> str:
        """Give an inquiry a command that it carries out; return its path."""
        assert self.tell(path, command, **body).is_success
        return path

    def queued(self) -> str:
        return self.told(self.call(), "queue", queue="general")

    def resolved(self) -> str:
        path = self.told(self.inquiry(), "reply", agent="a1", message="네.")
        return self.told(path, "resolve", outcome="answered")

    def passed_to_agency(self) -> tuple[str, int]:
        """Return an inquiry, and the version that passed it to an agency."""
        answer = self.tell(path := self.inquiry(), "transfer", ref="t1", kind="agency", to="water")
        return path, answer.json()["version"]

    def disclosed(self, stream: str) -> httpx.Response:
        """Read an inquiry's question."""
        field = {"stream": stream, "version": 1, "field": "question"}
        return self.client.post("/v1/disclosures", {"purpose": "complaint", "fields": [field]})

    @contextmanager
    def locked(self, table: str, mode: str) -> Iterator[None]:
        """Keep everybody else from a table."""
        with self.owner.transaction():
            self.owner.execute(
                sql.SQL("LOCK TABLE {} IN {} MODE").format(
                    sql.Identifier(*table.split(".")), sql.SQL(mode)
                )
            )
            yield

    def await_blocked(self) -> int:
        """Wait until somebody waits for the owner's lock; return the backend that does."""
        give_up_at = time.monotonic() + PATIENCE_S
        while True:
            # Within a transaction backends that came later are not seen otherwise.
            self.owner.execute("SELECT pg_stat_clear_snapshot()")
            row = self.owner.execute(
                "SELECT pid FROM pg_stat_activity WHERE pg_backend_pid() = ANY"
                " (pg_blocking_pids(pid)) AND application_name LIKE 'dasan%'"
            ).fetchone()
            if row is not None:
                return int(row[0])
            assert time.monotonic() < give_up_at


@contextmanager
def short_patience() -> Iterator[None]:
    """Let requests take `SHORT_S` at most."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "ANSWER_S", SHORT_S)
        yield


# Who asks, and for what.


def bad_request(place: Place) -> httpx.Response:
    """A write without a key."""
    headers = {"Authorization": f"Bearer {place.client.token}"}
    return place.client.http.post("/v1/inquiries", json={"channel": "sms"}, headers=headers)


def request(place: Place) -> httpx.Response:
    return place.client.post("/v1/inquiries", {"channel": "sms"}, Dasan_Actor="nobody")


def not_json(place: Place) -> httpx.Response:
    return sent(place, b'{"channel": ')


def unsupported_media_type(place: Place) -> httpx.Response:
    return sent(place, b"channel=sms", "application/x-www-form-urlencoded")


def too_large(place: Place) -> httpx.Response:
    return sent(place, b" " * (MAX_BODY_BYTES + 1))


def sent(place: Place, body: bytes, media_type: str = "application/json") -> httpx.Response:
    headers = {
        "Authorization": f"Bearer {place.client.token}",
        "Content-Type": media_type,
        "Idempotency-Key": f"key-{next(place.client.keys)}",
    }
    return place.client.http.post("/v1/inquiries", content=body, headers=headers)


def unauthenticated(place: Place) -> httpx.Response:
    return place.client.http.get("/v1/inquiries")


def forbidden(place: Place) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token_of(Scope.KPI_READ)}"}
    return place.client.http.get("/v1/inquiries", headers=headers)


def inquiry_not_found(place: Place) -> httpx.Response:
    return place.client.get(f"/v1/inquiries/{uuid4()}")


def citizen_not_found(place: Place) -> httpx.Response:
    return place.client.delete(f"/v1/citizens/{uuid4()}", basis="asked")


def not_found(place: Place) -> httpx.Response:
    return place.client.get("/v1/complaints")


def method_not_allowed(place: Place) -> httpx.Response:
    return place.client.delete("/v1/kpi")


def invalid(place: Place) -> httpx.Response:
    return place.client.post("/v1/inquiries", {"channel": "pigeon"})


def question(place: Place) -> httpx.Response:
    return place.client.get("/v1/kpi", by="weather")


def unanswerable(place: Place) -> httpx.Response:
    return place.client.get("/v1/kpi", by="queue,agency")


def record(place: Place) -> httpx.Response:
    """Three texts, each as long as allowed, that are too much for one event together."""
    long = "漢" * MAX_TEXT
    return place.tell(place.inquiry(), "praise", ref="p1", title=long, story=long, author=long)


def stale_version(place: Place) -> httpx.Response:
    return place.client.post(f"{place.inquiry()}/classify", {"category": "tax"}, If_Match='"9"')


def key_reused(place: Place) -> httpx.Response:
    key = f"reused-{next(place.numbers)}"
    place.client.post("/v1/inquiries", {"channel": "sms"}, Idempotency_Key=key)
    return place.client.post("/v1/inquiries", {"channel": "sns"}, Idempotency_Key=key)


def key_in_flight(place: Place) -> httpx.Response:
    """The first command with the key waits for the order, which somebody else has."""
    key, body = f"twice-{next(place.numbers)}", {"channel": "sms"}
    first = threading.Thread(
        target=place.client.post, args=("/v1/inquiries", body), kwargs={"Idempotency_Key": key}
    )
    with place.locked("log_head", "ACCESS EXCLUSIVE"):
        first.start()
        place.await_blocked()
        answer = place.client.post("/v1/inquiries", body, Idempotency_Key=key)
    first.join()
    return answer


# Out of turn.


def inquiry_annulled(place: Place) -> httpx.Response:
    path = place.told(place.inquiry(), "annul", reason="test")
    return place.tell(path, "classify", category="tax")


def inquiry_resolved(place: Place) -> httpx.Response:
    return place.tell(place.resolved(), "resolve", outcome="not-found")


def inquiry_not_resolved(place: Place) -> httpx.Response:
    return place.tell(place.inquiry(), "reopen", reason="unsolved")


def nobody_answered(place: Place) -> httpx.Response:
    return place.tell(place.inquiry(), "resolve", outcome="answered")


def channel(place: Place) -> httpx.Response:
    return place.tell(place.call(), "reply", agent="a1", message="네.")


def contact_missing(place: Place) -> httpx.Response:
    return place.tell(place.inquiry(channel="phone"), "queue", queue="general")


def no_arrival(place: Place) -> httpx.Response:
    return place.tell(place.call(), "abandon")


def visit_over(place: Place) -> httpx.Response:
    return place.tell(place.told(place.queued(), "abandon"), "answer", agent="a1", visit=1)


def no_conversation(place: Place) -> httpx.Response:
    return place.tell(place.call(), "end", ended_by="citizen")


def conversation_open(place: Place) -> httpx.Response:
    return place.tell(place.told(place.inquiry(), "answer", agent="a1"), "answer", agent="a2")


def different_fact(place: Place) -> httpx.Response:
    return place.tell(place.queued(), "queue", queue="foreign", visit=1)


def impossible_time(place: Place) -> httpx.Response:
    return place.tell(place.queued(), "abandon", at="2012-02-29T09:00:00+09:00")


def unknown_reference(place: Place) -> httpx.Response:
    return place.tell(place.inquiry(), "agency-reply", of=1, outcome="done")


def agency_replied(place: Place) -> httpx.Response:
    path, of = place.passed_to_agency()
    place.told(path, "agency-reply", of=of, outcome="done")
    return place.tell(path, "agency-reply", of=of, outcome="refused")


def already_rated(place: Place) -> httpx.Response:
    return place.tell(place.told(place.resolved(), "rating", score=5), "rating", score=1)


def citizen_held(place: Place) -> httpx.Response:
    citizen = str(uuid4())
    place.inquiry(citizen=citizen)
    place.client.put(f"/v1/citizens/{citizen}/hold", basis="court")
    return place.client.delete(f"/v1/citizens/{citizen}", basis="asked")


def fact_time(place: Place) -> httpx.Response:
    return place.client.post("/v1/inquiries", {"channel": "sms", "at": "1970-01-01T00:00:12Z"})


def link(place: Place) -> httpx.Response:
    path = place.inquiry()
    return place.tell(path, "link", other=path.rpartition("/")[2], kind="repeat")


# What only a forgotten citizen, a damaged or a busy database provokes.


def inquiry_full(place: Place) -> httpx.Response:
    path = place.inquiry()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(known, "MAX_EVENTS", 1)
        return place.tell(path, "note", ref="n1", kind="memo", note="다시 전화함")


def key_destroyed(place: Place) -> httpx.Response:
    stream = place.inquiry(question="막차가 언제인가요?").rpartition("/")[2]
    place.owner.execute("DELETE FROM vault.key WHERE stream_id = %s", [stream])
    return place.disclosed(stream)


def vault(place: Place) -> httpx.Response:
    """The key was replaced by another one."""
    stream = place.inquiry(question="막차가 언제인가요?").rpartition("/")[2]
    place.owner.execute(
        "UPDATE vault.key SET wrapped = decode(repeat('00', 40), 'hex') WHERE stream_id = %s",
        [stream],
    )
    return place.disclosed(stream)


def unforeseen(place: Place) -> httpx.Response:
    """A table was renamed."""
    place.owner.execute("ALTER TABLE inquiries.inquiry RENAME TO mislaid")
    try:
        return place.client.get("/v1/inquiries")
    finally:
        place.owner.execute("ALTER TABLE inquiries.mislaid RENAME TO inquiry")


def view_stopped(place: Place) -> httpx.Response:
    """A view says that it met an event that it cannot merge."""
    place.owner.execute("UPDATE projection SET error = 'position 7: …' WHERE view = 'praise'")
    try:
        return place.client.get("/health/ready")
    finally:
        place.owner.execute("UPDATE projection SET error = NULL")


def unavailable(place: Place) -> httpx.Response:
    """The connection is cut while the database works."""
    answers: list[httpx.Response] = []
    asking = threading.Thread(target=lambda: answers.append(place.client.get("/v1/inquiries")))
    with place.locked("inquiries.inquiry", "ACCESS EXCLUSIVE"):
        asking.start()
        place.owner.execute("SELECT pg_terminate_backend(%s)", [place.await_blocked()])
        asking.join()
    return answers[0]


def too_slow(place: Place) -> httpx.Response:
    """A question takes longer than a statement may."""
    with place.locked("inquiries.inquiry", "ACCESS EXCLUSIVE"):
        return place.client.get("/v1/inquiries")


def request_timeout(place: Place) -> httpx.Response:
    """The body does not come."""
    url = place.client.http.base_url
    assert url.port is not None
    connection = http.client.HTTPConnection(url.host, url.port, timeout=PATIENCE_S)
    with short_patience():
        connection.putrequest("POST", "/v1/inquiries")
        connection.putheader("Authorization", f"Bearer {place.client.token}")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", "100")
        connection.endheaders(b"{")
        answer = connection.getresponse()
        body = answer.read()
    connection.close()
    return httpx.Response(answer.status, headers=answer.getheaders(), content=body)


PROVOKE: dict[str, Callable[[Place], httpx.Response]] = {
    provoke.__name__.replace("_", "-"): provoke
    for provoke in (
        bad_request, request, not_json, unsupported_media_type, too_large, unauthenticated,
        forbidden, inquiry_not_found, citizen_not_found, not_found, method_not_allowed, invalid,
        citizen_held, question, unanswerable, record, stale_version, key_reused, key_in_flight,
        inquiry_annulled, inquiry_resolved, inquiry_not_resolved, nobody_answered, channel,
        contact_missing, no_arrival, visit_over, no_conversation, conversation_open, different_fact,
        impossible_time, fact_time, unknown_reference, agency_replied, already_rated, link,
        inquiry_full, key_destroyed,
        vault, unforeseen, view_stopped, unavailable, too_slow, request_timeout,
    )
}  # fmt: skip
"""By the name of the problem."""

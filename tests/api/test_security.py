"""Who may do what: tokens, scopes, and what is open to everybody."""

import json
import time
from datetime import timedelta
from pathlib import Path

import jwt
import pytest

from api import access_log, security
from api.access_log import write_access_log
from api.revocations import Revocations, TokenFileError, revoke
from api.security import (
    Scope,
    Tokens,
    UnauthenticatedError,
    token_file,
    token_key,
)
from tests.api.conftest import KEY, TOKENS, Client, token_of

OPEN = {
    ("GET", "/checkpoint"),
    ("GET", "/tile/{level}/{number}"),
    ("GET", "/v1/audit/key"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/metrics"),
    ("GET", "/v1/praise"),
}


def test_nothing_but_health_the_board_and_what_proves_is_open(client: Client) -> None:
    filled = "0191b1c2-0000-7000-8000-000000000000"
    for path, operations in client.http.get("/openapi.json").json()["paths"].items():
        for method in operations:
            if (method.upper(), path) in OPEN:
                continue
            url = path.replace("{inquiry_id}", filled).replace("{version}", "1")
            url = url.replace("{story_id}", f"{filled}.1").replace("{citizen}", filled)

            answer = client.http.request(method, url)

            assert answer.status_code == 401, (method, path)
            assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("scope", "path"),
    [
        (Scope.KPI_READ, "/v1/inquiries"),
        (Scope.INQUIRIES_READ, "/v1/kpi"),
        (Scope.INQUIRIES_WRITE, "/v1/events"),
    ],
)
def test_a_token_opens_what_its_scopes_say(client: Client, scope: Scope, path: str) -> None:
    client.token = token_of(scope)

    answer = client.get(path)

    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:dasan:problem:forbidden"


def test_a_reader_cannot_write(client: Client) -> None:
    client.token = token_of(Scope.INQUIRIES_READ)

    assert client.post("/v1/inquiries", {"channel": "sms"}).status_code == 403
    assert client.get("/v1/inquiries").status_code == 200


def test_a_writer_cannot_open_sealed_texts(client: Client) -> None:
    client.token = token_of(Scope.INQUIRIES_WRITE, Scope.INQUIRIES_READ)

    assert client.post("/v1/disclosures", {}).status_code == 403


def test_a_token_of_another_key_is_refused(client: Client) -> None:
    client.token = Tokens(b"another key, of thirty-two bytes").issue(
        "tests", frozenset({Scope.ADMIN}), timedelta(hours=1)
    )

    assert client.get("/v1/inquiries").status_code == 401


def test_an_expired_token_is_refused(client: Client) -> None:
    client.token = TOKENS.issue("tests", frozenset({Scope.ADMIN}), timedelta(seconds=-1))

    assert client.get("/v1/inquiries").status_code == 401


def test_a_token_that_is_no_token_is_refused(client: Client) -> None:
    client.token = "x.y.z"

    assert client.get("/v1/inquiries").status_code == 401


def test_keys_belong_to_the_client_that_sent_them(client: Client) -> None:
    body = {"channel": "sms"}
    first = client.post("/v1/inquiries", body, Idempotency_Key="k").json()["id"]

    client.token = token_of(Scope.ADMIN, client="another")

    assert client.post("/v1/inquiries", body, Idempotency_Key="k").json()["id"] != first


# Tokens that do not hold


@pytest.mark.parametrize(
    "end", [float("nan"), float("inf"), 4e9, "4000000000", True, None, 10**12, -1, [4_000_000_000]]
)
def test_the_end_of_a_token_is_a_whole_number_within_ten_years(client: Client, end: object) -> None:
    claims = {"sub": "tests", "scope": "admin", "exp": end}
    client.token = jwt.encode(claims, KEY, algorithm="HS256")

    assert client.get("/v1/inquiries").status_code == 401


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tokens:
    """Tokens of a home, that are looked at again each time."""
    monkeypatch.setattr(security, "LOOKED_AGAIN_S", 0)
    return Tokens(token_key(tmp_path), tmp_path)


def bearer(tokens: Tokens, client: str = "tests") -> str:
    return f"Bearer {tokens.issue(client, frozenset({Scope.ADMIN}), timedelta(hours=1))}"


def test_a_token_is_revoked_by_its_id(at_home: Tokens, tmp_path: Path) -> None:
    one, other = bearer(at_home), bearer(at_home)

    revoke(tmp_path, token=at_home.caller(one).token_id)

    with pytest.raises(UnauthenticatedError, match="was revoked"):
        at_home.caller(one)
    assert at_home.caller(other).client


def test_all_tokens_are_revoked_that_a_client_had(at_home: Tokens, tmp_path: Path) -> None:
    had, others = bearer(at_home), bearer(at_home, "others")
    assert at_home.caller(had).client

    revoke(tmp_path, client="tests")

    with pytest.raises(UnauthenticatedError, match="was revoked"):
        at_home.caller(had)
    assert at_home.caller(others).client


def test_a_key_that_was_exchanged_is_seen_without_a_restart(
    at_home: Tokens, tmp_path: Path
) -> None:
    had = bearer(at_home)
    assert at_home.caller(had).client

    token_file(tmp_path).unlink()
    fresh = bearer(Tokens(token_key(tmp_path)))

    assert at_home.caller(fresh).client
    with pytest.raises(UnauthenticatedError, match="not valid"):
        at_home.caller(had)


def test_a_stream_ends_with_its_token(client: Client) -> None:
    client.received()
    brief = TOKENS.issue("tests", frozenset({Scope.AUDIT_READ}), timedelta(seconds=2))
    client.token = brief

    streamed = client.get("/v1/events/stream")  # returns once it is over

    assert "inquiry.received.v1" in streamed.text
    with pytest.raises(UnauthenticatedError, match="has expired"):
        TOKENS.caller(f"Bearer {brief}")


@pytest.mark.parametrize("path", ["/v1/inquiries", "/v1/kpi", "/v1/events", "/v1/nothing"])
def test_no_cache_keeps_an_answer(client: Client, path: str) -> None:
    assert client.get(path).headers["cache-control"] == "no-store"


def test_what_was_refused_is_recorded_without_what_was_sent(client: Client, tmp_path: Path) -> None:
    write_access_log(tmp_path)
    client.token = token_of(Scope.KPI_READ, client="curious")

    client.get("/v1/inquiries/0191b1c2-0000-7000-8000-000000000000?secret=1")

    [*_, last] = (tmp_path / "access.log").read_text().splitlines()
    told = json.loads(last)
    assert (told["what"], told["client"]) == ("refused", "curious")
    assert told["route"] == "/v1/inquiries/{inquiry_id}"
    assert client.token not in last
    assert "secret" not in last
    assert (tmp_path / "access.log").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("token", [token_of(Scope.KPI_READ, client="curious"), "none"])
def test_a_command_that_was_refused_is_recorded(client: Client, tmp_path: Path, token: str) -> None:
    write_access_log(tmp_path)
    client.token = token

    client.post("/v1/inquiries", {"channel": "sms"})

    [last] = (tmp_path / "access.log").read_text().splitlines()
    assert json.loads(last)["route"] == "/v1/inquiries"


def test_later_files_of_the_log_are_its_owners_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_log, "_FILE_BYTES", 1)
    write_access_log(tmp_path)

    for _ in range(3):
        bearer(TOKENS)

    modes = {path.stat().st_mode & 0o777 for path in tmp_path.glob("access.log*")}
    assert modes == {0o600}
    assert len([*tmp_path.glob("access.log*")]) > 1


def test_a_torn_line_of_what_was_revoked_is_named(tmp_path: Path) -> None:
    (tmp_path / "revoked").write_text('{"token":"a')

    with pytest.raises(TokenFileError, match="revoked, line 1: it does not say what was revoked"):
        Revocations.read(tmp_path)


def test_a_server_goes_on_with_what_it_knew_when_the_file_is_torn(
    at_home: Tokens, tmp_path: Path
) -> None:
    revoked, other = bearer(at_home), bearer(at_home)
    revoke(tmp_path, token=at_home.caller(revoked).token_id)
    with pytest.raises(UnauthenticatedError):
        at_home.caller(revoked)

    (tmp_path / "revoked").write_text('{"token":"a')

    assert at_home.caller(other).client
    with pytest.raises(UnauthenticatedError, match="was revoked"):
        at_home.caller(revoked)


def test_what_is_revoked_behind_a_torn_line_is_a_line_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "revoked").write_text('{"token":"a')

    revoke(tmp_path, token="b" * 32)

    *_, last = (tmp_path / "revoked").read_text().splitlines()
    assert json.loads(last)["token"] == "b" * 32


# On whose behalf


def speaking_for(*actors: str) -> str:
    return TOKENS.issue(
        "desk", frozenset({Scope.INQUIRIES_WRITE}), timedelta(hours=1), frozenset(actors)
    )


def test_a_token_speaks_for_the_kinds_of_actors_that_it_names(client: Client) -> None:
    client.token = speaking_for("agent")

    agent = client.post("/v1/inquiries", {"channel": "sms"}, Dasan_Actor="agent:a017")
    citizen = client.post("/v1/inquiries", {"channel": "sms"}, Dasan_Actor="citizen:c1")

    assert (agent.status_code, citizen.status_code) == (201, 403)
    assert "speaks for itself and for agent" in citizen.json()["detail"]


@pytest.mark.parametrize(("actor", "status"), [("service:desk", 201), ("service:other", 403)])
def test_a_token_always_speaks_for_its_client(client: Client, actor: str, status: int) -> None:
    client.token = speaking_for()

    answer = client.post("/v1/inquiries", {"channel": "sms"}, Dasan_Actor=actor)

    assert answer.status_code == status


def test_a_token_of_before_speaks_as_it_did(client: Client) -> None:
    claims = {"sub": "desk", "scope": "inquiries:write", "exp": int(time.time()) + 60}
    client.token = jwt.encode(claims, KEY, algorithm="HS256")

    answer = client.post("/v1/inquiries", {"channel": "sms"}, Dasan_Actor="agent:a017")

    assert answer.status_code == 201

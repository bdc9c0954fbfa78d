"""The tree over HTTP: checkpoint and tiles for all, records and proofs for auditors."""

import base64
from collections.abc import Callable
from http import HTTPStatus

import httpx2 as httpx
import pytest

from api.security import Scope
from eventlog.checkpoint import Checkpoint, Verifier
from eventlog.proof import range_root, require_consistent, require_included
from eventlog.proving import Proof
from eventlog.tiles import nodes_of, path_of, unbundled
from eventlog.tree import leaf_hash, root
from tests.api.conftest import Client, token_of
from tests.api.waiting import until


@pytest.fixture
def verifier(client: Client) -> Verifier:
    return Verifier.parsed(client.http.get("/v1/audit/key").text)


@pytest.fixture
def signed(client: Client, verifier: Verifier) -> Callable[[], Checkpoint]:
    """Return the checkpoint that has everything that was appended so far."""

    def checkpoint() -> Checkpoint:
        position = len(client.get("/v1/events").text.splitlines())

        def newest() -> Checkpoint | None:
            answer = client.http.get("/checkpoint")
            if answer.status_code != HTTPStatus.OK:
                return None
            found = verifier.opened(answer.text)
            return found if found.size == position else None

        return until(newest)

    return checkpoint


def records(client: Client) -> list[bytes]:
    return client.get("/v1/events").content.splitlines()


def test_the_checkpoint_is_that_of_the_log_and_for_everybody(
    client: Client, signed: Callable[[], Checkpoint]
) -> None:
    client.received(question="언제 옵니까?")

    checkpoint = signed()

    assert checkpoint == Checkpoint("/dasan/seoul", 1, root(records(client)))


def test_there_is_no_checkpoint_of_an_empty_log(client: Client) -> None:
    answer = client.http.get("/checkpoint")

    assert answer.status_code == HTTPStatus.NOT_FOUND
    assert answer.json()["type"] == "urn:dasan:problem:not-found"


def test_the_tiles_lead_to_the_root(client: Client, signed: Callable[[], Checkpoint]) -> None:
    for _ in range(3):
        client.received()
    checkpoint = signed()

    node = nodes_of(lambda place: tile(client, path_of(place, checkpoint.size)).content)

    assert range_root(node, 0, checkpoint.size) == checkpoint.root


def test_the_bundle_has_the_records_and_is_for_auditors(
    client: Client, signed: Callable[[], Checkpoint]
) -> None:
    client.received()
    signed()

    assert tile(client, "tile/entries/000.p/1").status_code == HTTPStatus.UNAUTHORIZED
    client.token = token_of(Scope.KPI_READ)
    assert client.get("/tile/entries/000.p/1").status_code == HTTPStatus.FORBIDDEN
    client.token = token_of(Scope.AUDIT_READ)
    assert [*unbundled(client.get("/tile/entries/000.p/1").content)] == records(client)


@pytest.mark.parametrize(
    "path", ["tile/0/000", "tile/0/000.p/2", "tile/1/000.p/1", "tile/0/0", "tile/entries/000.p/2"]
)
def test_what_is_not_in_the_tree_is_not_found(
    client: Client, signed: Callable[[], Checkpoint], path: str
) -> None:
    client.received()
    signed()

    assert client.get(f"/{path}").status_code == HTTPStatus.NOT_FOUND


def test_a_record_is_proved_by_a_file(
    client: Client, signed: Callable[[], Checkpoint], verifier: Verifier
) -> None:
    for _ in range(3):
        client.received()
    checkpoint = signed()

    proof = Proof.parsed(client.get("/v1/audit/events/2/proof").text)

    assert proof.index == 1
    assert proof.require(records(client)[1], verifier) == checkpoint


def test_an_inquiry_is_proved_record_by_record(
    client: Client, signed: Callable[[], Checkpoint]
) -> None:
    path = client.received()
    client.received()
    client.post(f"{path}/note", {"ref": "n1", "kind": "call", "note": "적었습니다"})
    checkpoint = signed()

    found = client.get(f"/v1/audit/inquiries/{path.rpartition('/')[2]}/proof").json()

    assert [it["index"] for it in found["records"]] == [0, 2]
    for it in found["records"]:
        path_ = [base64.b64decode(hash_) for hash_ in it["proof"]]
        leaf = leaf_hash(it["record"].encode())
        require_included(leaf, it["index"], checkpoint.size, path_, checkpoint.root)
    assert "nothing came after" in found["completeness"]


def test_the_log_is_proved_to_continue_an_earlier_one(
    client: Client, signed: Callable[[], Checkpoint]
) -> None:
    client.received()
    first = signed()
    client.received()
    client.received()
    second = signed()

    found = client.get("/v1/audit/consistency", first=first.size, second=second.size).json()

    path = [base64.b64decode(hash_) for hash_ in found["proof"]]
    require_consistent(first.size, first.root, second.size, second.root, path)


@pytest.mark.parametrize(
    ("path", "sizes"),
    [
        ("events/9/proof", {}),
        ("inquiries/0188a3c1-7d2e-8f00-9b1c-3f4d5e6a7b8c/proof", {}),
        ("consistency", {"first": 1, "second": 9}),
        ("consistency", {"first": 1, "second": 0}),
    ],
)
def test_what_no_checkpoint_covers_is_not_proved(
    client: Client, signed: Callable[[], Checkpoint], path: str, sizes: dict[str, int]
) -> None:
    client.received()
    signed()

    assert client.get(f"/v1/audit/{path}", **sizes).status_code == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize(
    "path", ["events/1/proof", "inquiries/0188a3c1-7d2e-8f00-9b1c-3f4d5e6a7b8c/proof",
             "consistency"],
)  # fmt: skip
def test_proofs_are_for_auditors(client: Client, path: str) -> None:
    client.token = token_of(Scope.KPI_READ)

    assert client.get(f"/v1/audit/{path}").status_code == HTTPStatus.FORBIDDEN


def tile(client: Client, path: str) -> httpx.Response:
    """Ask as anybody could."""
    return client.http.get(f"/{path}")

"""What an auditor asks for: proofs that records are in the log, and that it goes on unchanged."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path, Query, Response
from pydantic import BaseModel

from api.problems import NotFoundError, responses
from api.routers import router_of
from api.security import Scope, needs
from api.service import Service, ServiceDep
from eventlog.base64_text import encoded
from eventlog.growing import tiles_in
from eventlog.proof import consistency
from eventlog.proving import NotProvableError, Prover, records_of
from eventlog.tiles import nodes_of

router = router_of("/v1/audit", "audit")
_auditor = [Depends(needs(Scope.AUDIT_READ))]
_PROBLEMS = responses(
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
MAX_POSITION = 2**63 - 1

COMPLETENESS = (
    "Versions are dense, so a record that is missing in between shows. That nothing came after the"
    " last one is proved only by reading the verified log up to the checkpoint."
)

Size = Annotated[int, Query(ge=0, le=MAX_POSITION, description="Records.")]


class ProvedRecord(BaseModel):
    """A record, byte for byte, and the hashes that lead from it to the root, in base64."""

    index: int
    record: str
    proof: list[str]


class ProvedInquiry(BaseModel):
    """Every record of a stream up to a checkpoint, each with its proof."""

    stream: UUID
    checkpoint: str
    records: list[ProvedRecord]
    completeness: str = COMPLETENESS


class Consistency(BaseModel):
    """The hashes, in base64, that show that `second` records continue `first`."""

    first: int
    second: int
    proof: list[str]


def _text(description: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"description": description, "content": {"text/plain": {}}}}


@router.get(
    "/key",
    response_class=Response,
    responses=_text("A verifier key.")
    | responses(HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE),
)
async def verifier_key(service: ServiceDep) -> Response:
    """Return the key that checkpoints are verified with; keep it where we cannot change it."""
    return Response(f"{service.signer.verifier}\n", media_type="text/plain")


@router.get(
    "/events/{position}/proof",
    dependencies=_auditor,
    response_class=Response,
    responses=_text("A proof file (C2SP tlog-proof).") | _PROBLEMS,
)
def prove_event(
    service: ServiceDep, position: Annotated[int, Path(ge=1, le=MAX_POSITION)]
) -> Response:
    """Return the proof that the record of a position is in the log."""
    with _prover(service) as prover:
        return Response(str(prover.proof(position)), media_type="text/plain")


@router.get("/inquiries/{stream}/proof", dependencies=_auditor, responses=_PROBLEMS)
def prove_inquiry(service: ServiceDep, stream: UUID) -> ProvedInquiry:
    """Return the records of an inquiry, or of another stream, with a proof of each."""
    with _prover(service) as prover, service.pool.connection() as connection:
        records = records_of(connection, stream, prover.checkpoint.size)
        proofs = [prover.proof(stored.position) for stored in records]
    return ProvedInquiry(
        stream=stream,
        checkpoint=prover.note,
        records=[
            ProvedRecord(
                index=proof.index, record=stored.record.decode(), proof=_base64(proof.path)
            )
            for stored, proof in zip(records, proofs, strict=True)
        ],
    )


@router.get("/consistency", dependencies=_auditor, responses=_PROBLEMS)
def prove_consistency(service: ServiceDep, first: Size, second: Size) -> Consistency:
    """Return the proof that the tree of `second` records continues that of `first`."""
    with _prover(service) as prover, service.pool.connection() as connection:
        if not first <= second <= prover.checkpoint.size:
            raise NotFoundError(
                f"first <= second <= {prover.checkpoint.size:,}, the size of the newest checkpoint,"
                " is needed"
            )
        path = consistency(nodes_of(tiles_in(connection)), first, second)
    return Consistency(first=first, second=second, proof=_base64(path))


@contextmanager
def _prover(service: Service) -> Iterator[Prover]:
    try:
        with service.pool.connection() as connection:
            yield Prover(connection, service.signer.verifier)
    except NotProvableError as error:
        raise NotFoundError(str(error)) from error


def _base64(hashes: Iterable[bytes]) -> list[str]:
    return [encoded(hash_) for hash_ in hashes]

"""The log as a Merkle tree over HTTP (C2SP tlog-tiles): checkpoint and hashes for everybody."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Path, Response

from api.problems import NotFoundError, responses
from api.routers import router_of
from api.security import Scope, needs
from api.service import ServiceDep
from eventlog import reader
from eventlog.growing import newest, tiles_in
from eventlog.tiles import WIDTH, Place, bundle, bundle_path, parsed_path, path_of
from eventlog.tree import HASH_BYTES

router = router_of("", "transparency")

OCTETS = "application/octet-stream"
MAX_LEVEL = 7
"""256 ** 8 leaves are more than a position can count."""

_FOR_EVER = "max-age=31536000, immutable"
_PROBLEMS = responses(
    HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE
)

Number = Annotated[str, Path(description="In groups of three digits: 1234067 is x001/x234/067.")]


def _content(media_type: str, description: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"description": description, "content": {media_type: {}}}}


@router.get(
    "/checkpoint",
    response_class=Response,
    responses=_content("text/plain", "A signed note: origin, size, root.") | _PROBLEMS,
)
def checkpoint(service: ServiceDep) -> Response:
    """Return the newest signed checkpoint: at most a second older than the newest record."""
    with service.pool.connection() as connection:
        note = newest(connection, service.signer.verifier)
    if note is None:
        raise NotFoundError("no checkpoint has been signed yet: the log is empty")
    return Response(note, media_type="text/plain", headers={"Cache-Control": "no-cache"})


@router.get(
    "/tile/entries/{number:path}",
    dependencies=[Depends(needs(Scope.AUDIT_READ))],
    response_class=Response,
    responses=_content(OCTETS, "Records, each behind its length in two bytes.")
    | _PROBLEMS
    | responses(HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN),
)
def entries(service: ServiceDep, number: Number) -> Response:
    """Return a bundle of up to 256 records; `….p/W` is that of the first W of them."""
    at, width = _parsed(number)
    begin = at * WIDTH
    with service.pool.connection() as connection:
        note = newest(connection, service.signer.verifier)
        size = service.signer.verifier.opened(note).size if note else 0
        rows = reader.read(connection, after=begin, limit=width) if begin + width <= size else []
    if len(rows) != width:
        raise NotFoundError(f"{bundle_path(at, width)} is not in the tree of {size:,} records")
    return _octets(bundle(row.record for row in rows), width, "private")


@router.get(
    "/tile/{level}/{number:path}",
    response_class=Response,
    responses=_content(OCTETS, "Hashes of 32 bytes, one behind the other.") | _PROBLEMS,
)
def tile(
    service: ServiceDep, level: Annotated[int, Path(ge=0, le=MAX_LEVEL)], number: Number
) -> Response:
    """Return a tile of hashes; `….p/W` is that of the first W of them."""
    at, width = _parsed(number)
    with service.pool.connection() as connection:
        hashes = tiles_in(connection)(Place(level, at))
    if len(hashes) < width * HASH_BYTES:
        raise NotFoundError(f"{path_of(Place(level, at), width)} is not in the tree")
    return _octets(hashes[: width * HASH_BYTES], width, "public")


def _parsed(number: str) -> tuple[int, int]:
    try:
        return parsed_path(number)
    except ValueError as error:
        raise NotFoundError(str(error)) from error


def _octets(octets: bytes, width: int, whose: str) -> Response:
    """Full tiles never change; a partial one is as good as gone once there is more of it."""
    kept = f"{whose}, {_FOR_EVER}" if width == WIDTH else "no-cache"
    return Response(octets, media_type=OCTETS, headers={"Cache-Control": kept})

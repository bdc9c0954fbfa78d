"""The catalogue: what codes are called, and what is aimed at."""

from http import HTTPStatus

from fastapi import Depends

from api.problems import responses
from api.routers import router_of
from api.security import authenticated
from api.service import ServiceDep
from projections.catalogue import Catalogue
from projections.catalogue_tables import read_catalogue

router = router_of("/v1/catalogue", "catalogue")


@router.get(
    "",
    dependencies=[Depends(authenticated)],
    responses=responses(
        HTTPStatus.UNAUTHORIZED, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE
    ),
)
def catalogue(service: ServiceDep) -> Catalogue:
    """Return categories, districts and KPI targets, to every client with a token."""
    with service.pool.connection() as connection, connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return read_catalogue(connection)

"""The router of a resource."""

from fastapi import APIRouter
from fastapi.routing import APIRoute


def router_of(prefix: str, tag: str, route_class: type[APIRoute] = APIRoute) -> APIRouter:
    """Return a router whose operations are called as their functions."""
    return APIRouter(
        prefix=prefix,
        tags=[tag],
        route_class=route_class,
        generate_unique_id_function=lambda route: route.name,
    )

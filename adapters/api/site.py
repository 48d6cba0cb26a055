"""What answers the requests of programs, put together. Imported with the page's (adapters/web/site.py)."""

from starlette.types import ASGIApp

from adapters.api.chat_route import ChatRoute
from adapters.api.desk import Desk
from adapters.api.door import Door
from adapters.api.health import HealthRoutes
from adapters.api.responses_route import ResponsesRoute
from adapters.api.routes import Api, Path, path
from adapters.web.guard import Bound
from adapters.web.login import Gatekeeper


def application(desk: Desk, gatekeeper: Gatekeeper, bound: Bound) -> ASGIApp:
    """All paths, behind the door."""
    return Door(Api(_paths(desk), desk.in_hand), gatekeeper, bound, desk.settings)


def _paths(desk: Desk) -> tuple[Path, ...]:
    health, responses = HealthRoutes(desk), ResponsesRoute(desk)
    return (
        path("/v1/health", GET=health.alive, HEAD=health.alive),
        path("/health/detailed", GET=health.detailed),
        path("/v1/models", GET=health.models),
        path("/v1/models/(?P<name>.+)", GET=health.model),
        path("/v1/chat/completions", POST=ChatRoute(desk)),
        path("/v1/responses", POST=responses.create),
        path("/v1/responses/(?P<id>[^/]+)", GET=responses.get, DELETE=responses.delete),
    )

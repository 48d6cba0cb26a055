"""GET /v1/models and the truth about health.

/health and /v1/health say that we answer, and nothing else: they are for whoever starts and watches processes, without
a key. /health/detailed is the supervision tree, behind the key.
"""

from attrs import asdict, frozen
from starlette.requests import Request
from starlette.types import ASGIApp

from adapters.api.desk import Desk
from adapters.api.problem import missing
from adapters.api.told import Told

_FRESH = {"cache-control": "no-store"}


@frozen
class HealthRoutes:
    """The handlers."""

    desk: Desk

    async def alive(self, _: Request) -> ASGIApp:
        return Told({"status": "ok", "platform": "hermes-agent"}, headers=_FRESH)

    async def detailed(self, _: Request) -> ASGIApp:
        """503 where something is not healthy, so that a monitor need not read it."""
        host, runs = self.desk.connected()
        tree = host.describe()
        told = {
            "status": "ok" if tree.healthy else "unhealthy",
            "platform": "hermes-agent",
            "runs": {"active": runs.count, "most": runs.most},
            "tree": asdict(tree),
        }
        return Told(told, status_code=200 if tree.healthy else 503, headers=_FRESH)

    async def models(self, _: Request) -> ASGIApp:
        return Told({"object": "list", "data": [self._model()]}, headers=_FRESH)

    async def model(self, request: Request) -> ASGIApp:
        name = str(request.path_params["name"])
        if name != self.desk.settings.model_name:
            missing(f"there is no model {name[:200]!r}: the agent is {self.desk.settings.model_name!r}",
                    code="model_not_found")  # fmt: skip
        return Told(self._model(), headers=_FRESH)

    def _model(self) -> dict[str, object]:
        return {"id": self.desk.settings.model_name, "object": "model", "created": 0, "owned_by": "hermes"}

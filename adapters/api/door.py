"""Who may use the interface, before anything of a request is read.

Rules:

1. As for the page: bound to the loopback interface, the Host names this machine and our port.
2. A request that comes from a web page (it has an Origin, or says where it was fetched from) is refused unless its
   origin is listed. A listed one gets what the browser asks for beforehand and the headers that let the page read.
3. The key is wanted wherever the page wants it, as a bearer token. A cookie proves nothing here.
4. Every answer is JSON or a stream, and carries the headers of the page against framing and guessing.
"""

from collections.abc import Mapping

from attrs import frozen
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.api.problem import Problem, later
from adapters.api.settings import ApiSettings
from adapters.web.guard import SECURITY_HEADERS, Bound, foreign_host
from adapters.web.login import STRANGER, Admitted, Denied, Gatekeeper, Stranger, TooMany
from adapters.web.peer import Peer

PUBLIC = frozenset({"/v1/health"})
"""Paths without a key, beside the page's /health: they say nothing but that we are there."""

PREFLIGHT_AGE = 600
"""Seconds for which a browser remembers what it was allowed."""

_EXPOSED = "x-hermes-session-id, retry-after, x-should-retry"


@frozen
class Door:
    """Wraps the whole interface."""

    app: ASGIApp
    gatekeeper: Gatekeeper
    bound: Bound
    settings: ApiSettings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        added = {**SECURITY_HEADERS, **self._cors(headers)}

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(name.encode(), value.encode("latin-1")) for name, value in added.items()]
                message["headers"] = [*message.get("headers", ()), *extra]
            await send(message)

        answer = self._answer(scope, headers)
        await answer(scope, receive, send_with_headers)

    def _answer(self, scope: Scope, headers: Headers) -> ASGIApp:
        if refused := foreign_host(self.bound, headers.get("host", "")) or self._foreign_origin(headers):
            return Problem(403, refused, "forbidden").response()
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            return Response(status_code=204, headers=_preflight(headers))
        if scope["path"] not in PUBLIC:
            problem = self._judge(headers, Peer.of(scope))
            if problem is not None:
                return problem.response()
        return self.app

    def _judge(self, headers: Headers, peer: Peer) -> Problem | None:
        match self.gatekeeper.admits_token(headers, peer):
            case Admitted():
                return None
            case Denied():
                why = "the key is wanted, as `Authorization: Bearer KEY`: it is API_SERVER_KEY of the gateway"
                return Problem(401, why, "invalid_api_key", headers={"www-authenticate": "Bearer"})
            case Stranger():
                return Problem(403, STRANGER, "forbidden")
            case TooMany(retry_after=seconds):
                return later(
                    429, "too many wrong keys came from there", "rate_limit_exceeded", seconds, kind="requests"
                )

    def _foreign_origin(self, headers: Headers) -> str | None:
        origin = headers.get("origin")
        if origin is not None:
            if self.settings.allows(origin):
                return None
            return "web pages may not use this interface: list their origin in API_SERVER_CORS_ORIGINS"
        fetched = headers.get("sec-fetch-site", "none")
        return None if fetched == "none" else "a web page may not fetch this without telling its origin"

    def _cors(self, headers: Headers) -> dict[str, str]:
        origin = headers.get("origin")
        if origin is None or not self.settings.allows(origin):
            return {"vary": "origin"}
        return {
            "vary": "origin",
            "access-control-allow-origin": origin,
            "access-control-expose-headers": _EXPOSED,
            # The page's own forbids pages of another origin to read what they fetch.
            "cross-origin-resource-policy": "cross-origin",
        }


def _preflight(headers: Mapping[str, str]) -> dict[str, str]:
    allowed = {
        "access-control-allow-methods": "GET, POST, DELETE",
        "access-control-allow-headers": headers.get("access-control-request-headers", "authorization, content-type"),
        "access-control-max-age": str(PREFLIGHT_AGE),
    }
    if "access-control-request-private-network" in headers:
        allowed["access-control-allow-private-network"] = "true"
    return allowed

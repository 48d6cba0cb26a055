"""Who may speak to the port at all: no other site and no rebound name can drive the agent through a person's browser.

Rules, for every request and every websocket:

1. Bound to the loopback interface, the Host names this machine and our port. Anything else is a foreign name that was
   pointed at us (DNS rebinding).
2. An Origin, when there is one, is the origin of our own page.
3. Sec-Fetch-Site, when there is one, is "same-origin" or "none"; from elsewhere a browser may only open the page itself
   as a document, which shows nothing of ours to the site that linked to it.
4. Every answer forbids framing, guessing of types, referrers, and any script that is not a file of ours.

Programs that are no browser send neither of the latter two, and are subject to the key alone.
"""

import re
from collections.abc import Iterable, Mapping

from attrs import frozen
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.web.settings import is_loopback

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^:\[\]/@]+)(?::(?P<port>[0-9]{1,5}))?")
_HTTP_PORT = 80

_POLICY = "; ".join(
    (
        "default-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "object-src 'none'",
        # Our modules build elements and never parse HTML; with this the browser holds them to it.
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
SECURITY_HEADERS = {
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


@frozen
class Bound:
    """Where the page listens."""

    loopback: bool
    port: int


def refusal(bound: Bound, method: str, headers: Mapping[str, str]) -> str | None:
    """Why a request is not served, as one line for the person who sees it; None when it is."""
    host = headers.get("host", "").lower()
    if refused := foreign_host(bound, host):
        return refused
    origin = headers.get("origin")
    if origin is not None and not _is_ours(origin.lower(), host, bound):
        return "Refused: the request comes from another site."
    if not _fetched_by_us(method, headers):
        return "Refused: the request comes from another site."
    return None


def foreign_host(bound: Bound, host: str) -> str | None:
    """Why a Host is not served (rule 1); None when it is."""
    if bound.loopback and not _names_us(host.lower(), bound.port):
        return f"This host name is not served: open http://127.0.0.1:{bound.port}/ instead."
    return None


def _names_us(host: str, port: int) -> bool:
    match = _HOST.fullmatch(host)
    return match is not None and is_loopback(match["name"]) and int(match["port"] or _HTTP_PORT) == port


def _is_ours(origin: str, host: str, bound: Bound) -> bool:
    # Beyond the loopback interface something in front of us may end TLS.
    schemes = ("http",) if bound.loopback else ("http", "https")
    return bool(host) and origin in {f"{scheme}://{host}" for scheme in schemes}


def _fetched_by_us(method: str, headers: Mapping[str, str]) -> bool:
    if headers.get("sec-fetch-site", "none") in {"same-origin", "none"}:
        return True
    opens_the_page = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return opens_the_page and method in {"GET", "HEAD"}


@frozen
class Guard:
    """Wraps the whole application: refuses by the rules above and adds the headers."""

    app: ASGIApp
    bound: Bound

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_guarded(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                message["headers"] = [*message.get("headers", ()), *_encoded(SECURITY_HEADERS.items())]
            await send(message)

        # A websocket's handshake is a GET.
        reason = refusal(self.bound, scope.get("method", "GET"), Headers(scope=scope))
        answer = self.app if reason is None else PlainTextResponse(f"{reason}\n", status_code=403)
        await answer(scope, receive, send_guarded)


def _encoded(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]

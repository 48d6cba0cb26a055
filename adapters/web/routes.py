"""What answers on the page's port: the page and its files, the login, the list of commands, the websocket, and /health.

The page itself is public, for it holds nothing of anybody's; what it shows comes through /api and /ws, behind the key.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Any, cast

import trio
from attrs import asdict, define, field, frozen
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from adapters.contract import AdapterHost
from adapters.web.assets import INDEX, Asset
from adapters.web.hub import Hub
from adapters.web.login import COOKIE_AGE, STRANGER, Admitted, Denied, Gatekeeper, Stranger, TooMany, Verdict
from adapters.web.peer import Peer
from adapters.web.server import transport_of
from adapters.web.settings import CommandHelp
from adapters.web.socket import PageSocket

LOGIN_BYTES = 4096
"""The longest body of a login: no key is longer."""

LOGIN_SECONDS = 10.0
"""For the body of a login to arrive: it is one packet."""

MAX_PAGES = 64
"""Open pages at one time: a household has a few windows each, and every page may hold a queue of memory."""


@frozen
class Page:
    """All that the routes need."""

    assets: dict[str, Asset]
    gatekeeper: Gatekeeper
    hub: Hub
    host: AdapterHost
    commands: Callable[[], Sequence[CommandHelp]]


@define(eq=False)
class PageRoutes:
    """The handlers; ``routes`` is the list to which others may add theirs."""

    _page: Page
    _open: int = field(default=0, init=False)

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/", self._index),
            Route("/page/{name}", self._asset),
            Route("/health", self._health),
            Route("/api/commands", self._commands),
            Route("/api/login", self._login, methods=["POST"]),
            WebSocketRoute("/ws", self._websocket),
        ]

    async def _index(self, request: Request) -> Response:
        return _file(self._page.assets[INDEX], request)

    async def _asset(self, request: Request) -> Response:
        asset = self._page.assets.get(str(request.path_params["name"]))
        return Response("Not Found", status_code=404) if asset is None else _file(asset, request)

    async def _health(self, _: Request) -> Response:
        return _fresh({"status": "ok", "platform": "hermes-agent"})

    async def _commands(self, request: Request) -> Response:
        denied = _denial(self._judge(request))
        return denied or _fresh({"commands": [asdict(command) for command in self._page.commands()]})

    async def _login(self, request: Request) -> Response:
        key = _key_in(await _body(request))
        if key is None or request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return _fresh({"error": 'a login is JSON: {"key": "..."}'}, status_code=400)
        denied = _denial(self._page.gatekeeper.login(key, Peer.of(request.scope)))
        if denied is not None:
            return denied
        response = _fresh({"status": "ok"})
        response.set_cookie(
            self._page.gatekeeper.cookie_name,
            self._page.gatekeeper.cookie(),
            max_age=COOKIE_AGE,
            secure=request.headers.get("origin", "").startswith("https://"),
            httponly=True,
            samesite="strict",
        )
        return response

    async def _websocket(self, websocket: WebSocket) -> None:
        denied = _denial(self._judge(websocket))
        if denied is None and self._open >= MAX_PAGES:
            denied = _fresh({"error": "too many pages are open"}, status_code=503)
        if denied is not None:
            await websocket.send_denial_response(denied)
            return
        transport = transport_of(websocket.scope)
        page = self._page
        self._open += 1
        try:
            await PageSocket(websocket, page.hub, page.host, transport.cut).serve()
        finally:
            self._open -= 1

    def _judge(self, connection: HTTPConnection) -> Verdict:
        return self._page.gatekeeper.admits(connection.headers, Peer.of(connection.scope))


def _file(asset: Asset, request: Request) -> Response:
    headers = {"etag": asset.etag, "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == asset.etag:
        return Response(status_code=304, headers=headers)
    return Response(asset.content, media_type=asset.media_type, headers=headers)


def _fresh(content: dict[str, Any], *, status_code: int = 200, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(content, status_code=status_code, headers={"cache-control": "no-store", **(headers or {})})


def _denial(verdict: Verdict) -> Response | None:
    match verdict:
        case Admitted():
            return None
        case Denied():
            return _fresh({"error": "the key is wanted"}, status_code=401, headers={"www-authenticate": "Bearer"})
        case Stranger():
            return _fresh({"error": STRANGER}, status_code=403)
        case TooMany():
            wait = str(int(verdict.retry_after) + 1)
            return _fresh({"error": "too many wrong keys"}, status_code=429, headers={"retry-after": wait})


async def _body(request: Request) -> bytes | None:
    """The body, or None when it is longer than a login can be, or does not come."""
    body = b""
    with trio.move_on_after(LOGIN_SECONDS):
        async with aclosing(request.stream()) as chunks:
            async for chunk in chunks:
                body += chunk
                if len(body) > LOGIN_BYTES:
                    return None
        return body
    return None


def _key_in(body: bytes | None) -> str | None:
    try:
        value = json.loads(body or b"")
    except (ValueError, RecursionError):
        return None
    key = cast(dict[str, Any], value).get("key") if isinstance(value, dict) else None
    return key if isinstance(key, str) else None

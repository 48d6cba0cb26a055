"""What answers on the page's port, put together.

Imported, with the server, when the port is open, and in a thread: together they take as long as a platform takes to
its first message, and none waits for them.
"""

from attrs import frozen
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.contract import AdapterHost
from adapters.web import assets
from adapters.web.beside import Beside
from adapters.web.guard import Bound, Guard
from adapters.web.hub import Hub
from adapters.web.login import Gatekeeper
from adapters.web.routes import Page, PageRoutes
from adapters.web.settings import WebSettings


def application(settings: WebSettings, hub: Hub, host: AdapterHost, port: int, beside: Beside | None) -> ASGIApp:
    """The page on ``port``, and what is served besides. Reads the page's files."""
    gatekeeper = Gatekeeper(settings.key if settings.key_required else None, cookie_name=f"hermes_page_{port}")
    page = Page(assets.load(), gatekeeper, hub, host, settings.commands)
    bound = Bound(loopback=settings.loopback, port=port)
    guarded = Guard(Router(PageRoutes(page).routes(), redirect_slashes=False), bound)
    return guarded if beside is None else _Fork(beside, beside.application(gatekeeper, bound), guarded)


@frozen
class _Fork:
    """Sends each request to the one that it is for."""

    beside: Beside
    other: ASGIApp
    """Answers what is ``beside``'s."""
    page: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ours = scope["type"] == "http" and self.beside.serves(scope["path"])
        await (self.other if ours else self.page)(scope, receive, send)

"""Another platform on the page's port: which paths are its own, and what answers there.

Rule: it shares the port and the gatekeeper, so that a wrong key counts once wherever it is tried. Whom it lets in
besides, and how it refuses, is its own affair: the page's guard does not stand before it.
"""

from typing import Protocol

from attrs import frozen
from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.web.guard import Bound
from adapters.web.login import Gatekeeper


class Beside(Protocol):
    """What is served beside the page."""

    def serves(self, path: str) -> bool:
        """Whether a path is its own."""
        ...

    def application(self, gatekeeper: Gatekeeper, bound: Bound) -> ASGIApp:
        """What answers there; asked for each time that the port is opened."""
        ...


@frozen
class Fork:
    """Sends each request to the one that it is for."""

    beside: Beside
    other: ASGIApp
    """Answers what is ``beside``'s."""
    page: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ours = scope["type"] == "http" and self.beside.serves(scope["path"])
        await (self.other if ours else self.page)(scope, receive, send)

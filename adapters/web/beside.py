"""Another platform on the page's port: which paths are its own, and what answers there.

Rule: it shares the port and the gatekeeper, so that a wrong key counts once wherever it is tried. Whom it lets in
besides, and how it refuses, is its own affair: the page's guard does not stand before it.
"""

from typing import TYPE_CHECKING, Protocol

from adapters.web.login import Gatekeeper

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from adapters.web.guard import Bound


class Beside(Protocol):
    """What is served beside the page."""

    def serves(self, path: str) -> bool:
        """Whether a path is its own."""
        ...

    def application(self, gatekeeper: Gatekeeper, bound: "Bound") -> "ASGIApp":
        """What answers there; asked for each time that the port is opened, in a thread."""
        ...

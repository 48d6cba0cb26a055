"""What the page is told by the configuration, and when it has to ask for a key.

Rule: beyond the loopback interface everybody who reaches the port could drive the agent, so a key is required there,
and wherever the configuration says so. On the loopback interface alone it is not.
"""

import ipaddress
from collections.abc import Callable, Sequence

from attrs import field, frozen

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8642

HOST_KEY = "platforms.web.extra.host"
PORT_KEY = "platforms.web.extra.port"


@frozen
class CommandHelp:
    """A slash command that the page offers while a person types."""

    name: str
    """Without its slash."""
    help: str
    """One line."""


def _no_commands() -> Sequence[CommandHelp]:
    return ()


@frozen
class WebSettings:
    """``platforms.web.extra`` of the configuration, and what the gateway adds to it."""

    host: str = DEFAULT_HOST
    """An address or a name of this machine."""
    port: int = DEFAULT_PORT
    """0 takes any free port."""
    host_key: str = HOST_KEY
    """Where ``host`` is set, for whoever has to change it: a key, or the variable that stands above it."""
    port_key: str = PORT_KEY
    """The same for ``port``."""
    key: str | None = field(default=None, repr=False)
    """API_SERVER_KEY."""
    require_key: bool = False
    """Ask for the key on the loopback interface as well."""
    commands: Callable[[], Sequence[CommandHelp]] = _no_commands
    """The commands of the moment: asked at each request, since skills come and go."""

    @property
    def loopback(self) -> bool:
        return is_loopback(self.host)

    @property
    def key_required(self) -> bool:
        return self.require_key or not self.loopback


def is_loopback(host: str) -> bool:
    """Whether ``host`` (a name, or an address with or without brackets) can only mean this machine.

    Any other name than localhost may be pointed at any address by whoever owns it.
    """
    name = host.lower()
    if name == "localhost":
        return True
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False

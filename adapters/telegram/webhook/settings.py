"""What is set for updates that come by webhook: TELEGRAM_WEBHOOK_URL, _SECRET, _HOST and _PORT.

Rule: without a secret there is no webhook. Whoever knew its address could speak for everybody otherwise.
"""

import re
from collections.abc import Mapping
from urllib.parse import SplitResult, unquote, urlsplit

from attrs import field, frozen

from adapters.telegram.way.settings import OFFICIAL_HOST
from hermes.errors import ConfigError

URL = "TELEGRAM_WEBHOOK_URL"
SECRET = "TELEGRAM_WEBHOOK_SECRET"
HOST = "TELEGRAM_WEBHOOK_HOST"
PORT = "TELEGRAM_WEBHOOK_PORT"

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8443

# What Telegram takes (Bot API, setWebhook).
_SECRET_SHAPE = re.compile(r"[\w-]{1,256}", re.ASCII)
_PORTS = frozenset({443, 80, 88, 8443})

_MOST_PORTS = 65535


@frozen
class Webhook:
    """Where Telegram sends updates to, and where they arrive here."""

    url: str
    secret: str = field(repr=False)
    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT

    @property
    def path(self) -> str:
        """What is asked for of us: a proxy between hands it on as it is."""
        return unquote(urlsplit(self.url).path) or "/"


def webhook(environment: Mapping[str, str], base_url: str) -> Webhook | None:
    """None where updates are polled. Raises ``ConfigError`` with the variable at fault."""
    url = environment.get(URL, "").strip()
    if not url:
        return None
    _check_url(url, official=urlsplit(base_url).hostname == OFFICIAL_HOST)
    secret = environment.get(SECRET, "").strip()
    if not _SECRET_SHAPE.fullmatch(secret):
        what = "may hold letters, digits, _ and - only, 256 at most" if secret else "is not set"
        raise ConfigError(f"{SECRET} {what}: {URL} needs one, such as `openssl rand -hex 32` gives", key=SECRET)
    host = environment.get(HOST, "").strip() or DEFAULT_HOST
    return Webhook(url, secret, host, _port(environment.get(PORT, "").strip()))


def _check_url(url: str, *, official: bool) -> None:
    try:
        address: SplitResult | None = urlsplit(url)
        port = address.port if address else None
    except ValueError:
        address, port = None, None
    schemes = {"https"} if official else {"https", "http"}
    if address is None or address.scheme not in schemes or not address.hostname or address.fragment:
        raise ConfigError(f"{URL}: expected the public address, such as https://example.org/telegram", key=URL)
    if official and port is not None and port not in _PORTS:
        ports = ", ".join(str(each) for each in sorted(_PORTS))
        raise ConfigError(f"{URL}: port {port} is none that Telegram connects to ({ports})", key=URL)


def _port(word: str) -> int:
    if word and not (word.isdecimal() and 0 < int(word) <= _MOST_PORTS):
        raise ConfigError(f"{PORT}: expected a port, 1 to {_MOST_PORTS}", key=PORT)
    return int(word) if word else DEFAULT_PORT

"""What is set for the way to Telegram: TELEGRAM_PROXY.

What cannot be read is told by the name of its variable and never quoted: a password may stand in it.
"""

from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from hermes.errors import ConfigError

PROXY = "TELEGRAM_PROXY"

_SCHEMES = frozenset({"http", "socks5", "socks5h"})

# Bytes of a name and of a password: a length of one byte stands before each (RFC 1929, section 2).
_MOST_OF_LOGIN = 255


def proxy(environment: Mapping[str, str]) -> str:
    """The address of a proxy; empty: none. Raises ``ConfigError``."""
    value = environment.get(PROXY, "").strip()
    if value and not _is_proxy(value):
        raise ConfigError(
            f"{PROXY}: expected the address of a proxy, http://, socks5:// or socks5h:// and then "
            "[user:password@]host[:port]",
            key=PROXY,
        )
    return value


def _is_proxy(value: str) -> bool:
    try:
        address = urlsplit(value)
        # Reading a port that is no number raises.
        whole = address.scheme in _SCHEMES and bool(address.hostname) and address.port != 0
        login = [unquote(address.username or ""), unquote(address.password or "")]
    except ValueError:
        return False
    bare = address.path in ("", "/") and not address.query and not address.fragment
    return whole and bare and all(len(part.encode()) <= _MOST_OF_LOGIN for part in login)

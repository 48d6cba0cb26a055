"""What is set for the way to Telegram: TELEGRAM_PROXY and TELEGRAM_FALLBACK_IPS.

What cannot be read is told by the name of its variable. The address of a proxy is never quoted: it may hold a password.
"""

import ipaddress
import logging
import re
from collections.abc import Mapping
from urllib.parse import SplitResult, unquote, urlsplit

from hermes.errors import ConfigError

OFFICIAL_HOST = "api.telegram.org"

PROXY = "TELEGRAM_PROXY"
FALLBACK_IPS = "TELEGRAM_FALLBACK_IPS"

# Telegram announces a handful of addresses for its server, and all are tried within the time of one connection.
_MOST_ADDRESSES = 8

_SCHEMES = frozenset({"http", "socks5", "socks5h"})

# Bytes of a name and of a password: a length of one byte stands before each (RFC 1929, section 2).
_MOST_OF_LOGIN = 255

log = logging.getLogger(__name__)


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
        words = login(address)
    except ValueError:
        return False
    bare = address.path in ("", "/") and not address.query and not address.fragment
    return whole and bare and all(len(word.encode()) <= _MOST_OF_LOGIN for word in words)


def login(address: SplitResult) -> tuple[str, str]:
    """The name and the password in an address; both empty where it holds none."""
    return unquote(address.username or ""), unquote(address.password or "")


def fallback_ips(environment: Mapping[str, str], base_url: str, proxy: str) -> tuple[str, ...]:
    """Addresses of Telegram's server, each once, in their order; none where they are of no use, which a line tells.

    Raises ``ConfigError``.
    """
    words = [word for word in re.split(r"[,\s]+", environment.get(FALLBACK_IPS, "")) if word]
    found = tuple(dict.fromkeys(_ip(word) for word in words))
    if len(found) > _MOST_ADDRESSES:
        raise ConfigError(
            f"{FALLBACK_IPS}: {len(found)} addresses, of which {_MOST_ADDRESSES} can be tried", key=FALLBACK_IPS
        )
    if not found:
        return ()
    if proxy:
        log.warning("%s does nothing beside %s: the proxy finds the way", FALLBACK_IPS, PROXY)
        return ()
    if urlsplit(base_url).hostname != OFFICIAL_HOST:
        log.warning("%s does nothing: base_url names another server than %s", FALLBACK_IPS, OFFICIAL_HOST)
        return ()
    return found


def _ip(word: str) -> str:
    try:
        return str(ipaddress.ip_address(word.removeprefix("[").removesuffix("]")))
    except ValueError:
        raise ConfigError(
            f"{FALLBACK_IPS}: {word!r} is no address; expected such as 149.154.167.220, with commas between",
            key=FALLBACK_IPS,
        ) from None

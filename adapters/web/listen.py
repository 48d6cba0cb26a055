"""A listening socket, the page's or another: ours, so that a taken port is one plain error and stops nothing else."""

import errno
import socket
from typing import cast

import trio
from attrs import frozen

from adapters.web.settings import HOST_KEY, PORT_KEY
from hermes.errors import ConfigError

BACKLOG = 64
"""Connections that wait to be accepted: a few pages that come back at the same moment."""


@frozen
class Keys:
    """Who listens, and the settings that say where."""

    name: str
    host: str
    port: str


PAGE = Keys("the page", HOST_KEY, PORT_KEY)


async def listen(host: str, port: int, keys: Keys = PAGE) -> trio.SocketListener:
    """Bind and listen on the first address of ``host``. The descriptor is not inherited by child processes.

    Raises ``ConfigError`` when the port is taken or not allowed, and when ``host`` is no address of this machine.
    """
    family, address = await _resolve(host, port, keys)
    bound = trio.socket.socket(family, trio.socket.SOCK_STREAM)
    try:
        # Only past connections of ours may linger on the port; another listener still makes this fail.
        bound.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_REUSEADDR, 1)
        bound.setsockopt(trio.socket.IPPROTO_TCP, trio.socket.TCP_NODELAY, 1)
        await bound.bind(address)
        bound.listen(BACKLOG)
        return trio.SocketListener(bound)
    except OSError as error:
        bound.close()
        raise _explained(error, host, port, keys) from error
    except BaseException:
        bound.close()
        raise


async def _resolve(host: str, port: int, keys: Keys) -> tuple[int, tuple[str, int]]:
    try:
        found = await trio.socket.getaddrinfo(host.strip("[]"), port, type=trio.socket.SOCK_STREAM)
    except OSError as error:
        reason = f"{keys.name} cannot listen on {host}: {error.strerror}: set {keys.host}"
        raise ConfigError(reason, key=keys.host) from error
    # localhost means the address that the printed link shows.
    found.sort(key=lambda info: info[0] != socket.AF_INET)
    return found[0][0], cast(tuple[str, int], found[0][4])


def _explained(error: OSError, host: str, port: int, keys: Keys) -> ConfigError:
    where = f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        return ConfigError(
            f"{where} is taken by another program: set {keys.port} to a free port, or end that program", key=keys.port
        )
    if error.errno == errno.EACCES:
        return ConfigError(f"{where} may not be used by this user: set {keys.port} to a port above 1023", key=keys.port)
    return ConfigError(f"{keys.name} cannot listen on {where}: {error.strerror}: set {keys.host}", key=keys.host)

"""No test reaches, or listens on, anything but this machine itself.

An audit hook sees each ``connect`` and ``bind`` of this process, whatever library makes it; child processes are not
seen.
"""

import ipaddress
import sys

import pytest


class LeavesTheMachine(BaseException):
    """A test touched another address. Not an ``Exception``, so that no retry loop takes it for a failing network."""


def refuse_other_machines(event: str, arguments: tuple[object, ...]) -> None:
    if event not in {"socket.connect", "socket.bind"}:
        return
    match arguments:
        # Unix sockets are named by text or bytes, IP sockets by a tuple that begins with the host.
        case (_, (str() as host, *_)) if not _is_loopback(host):
            raise LeavesTheMachine(f"{event} {host!r}: tests stay on 127.0.0.1 and ::1")
        case _:
            pass


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host == "localhost"
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def pytest_configure(config: pytest.Config) -> None:
    sys.addaudithook(refuse_other_machines)

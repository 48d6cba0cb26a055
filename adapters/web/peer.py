"""Who is at the other end of a connection: an address, and on this machine the user whose program it is.

The kernel tells the owner of each TCP socket (proc_pid_net(5)). Rules:

1. A socket that no process holds any more has no owner there, and reads as root's: only one with an inode counts.
2. Nobody found is nobody of ours. Where the kernel has no such table (another system than Linux) nothing can be told,
   and everybody on the loopback interface counts, as rule 1 of adapters/web/settings.py has it.
"""

import ipaddress
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

# Not below /proc/net: a service that is shown processes alone (systemd, ProcSubset=pid) has no such name.
_TABLES = (Path("/proc/self/net/tcp"), Path("/proc/self/net/tcp6"))

# Columns of a row.
_LOCAL, _REMOTE, _USER, _INODE = 1, 2, 7, 9


@frozen
class Peer:
    """The other end of a connection."""

    address: str = ""
    port: int = 0
    at: int = 0
    """Our port."""

    @classmethod
    def of(cls, scope: Mapping[str, Any]) -> "Peer":
        """Of an ASGI connection; nobody where the server does not tell."""
        address, port = scope.get("client") or ("", 0)
        _, at = scope.get("server") or ("", 0)
        return cls(address, port, at or 0)

    def is_ours(self) -> bool:
        """Whether its program belongs to our own user, or to root. Blocking, for as long as the kernel writes its table
        of sockets: a millisecond for thousands."""
        tables = [table for table in _TABLES if table.exists()]
        if not tables:
            return True
        return any(user in {0, os.geteuid()} for table in tables for user in self._owners(table))

    def _owners(self, table: Path) -> list[int]:
        wanted = {(f"{host}:{self.port:04X}", f"{self.at:04X}") for host in _written(self.address)}
        rows = (line.split() for line in table.read_text("ascii").splitlines()[1:])
        return [
            int(row[_USER])
            for row in rows
            if (row[_LOCAL], row[_REMOTE].rpartition(":")[2]) in wanted and row[_INODE] != "0"
        ]


def _written(address: str) -> set[str]:
    """As the kernel writes it: words of 32 bits in the machine's order, and version 4 also inside version 6."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return set()
    forms = {found.packed}
    if isinstance(found, ipaddress.IPv4Address):
        forms.add(ipaddress.IPv6Address(f"::ffff:{found}").packed)
    return {"".join(f"{word:08X}" for word in struct.unpack(f"={len(form) // 4}I", form)) for form in forms}

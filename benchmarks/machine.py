"""What processes cost, as /proc tells it: CPU time and memory of a process with all its descendants."""

import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from attrs import frozen

_TICKS = os.sysconf("SC_CLK_TCK")
_PARENT, _TIMES, _THREADS, _PAGES = 1, slice(11, 15), 17, 21
# Of a line of /proc/net/tcp.
_REMOTE, _INODE = 2, 9

_PAGE = os.sysconf("SC_PAGE_SIZE")


@frozen
class Usage:
    """A process with all that it started."""

    cpu: float
    """Seconds since they began, with those of children that ended and were waited for."""
    resident: float
    """Megabytes, each process for itself: pages that two of them share count twice."""
    processes: int
    threads: int


def usage(pid: int) -> Usage:
    """Of a process and its descendants. Raises ``ProcessLookupError`` when it is gone."""
    found = dict(_all())
    if pid not in found:
        raise ProcessLookupError(pid)
    members = [found[member] for member in _tree(pid, found)]
    cpu = sum(sum(int(ticks) for ticks in fields[_TIMES]) for fields in members) / _TICKS
    resident = sum(int(fields[_PAGES]) for fields in members) * _PAGE / 1e6
    return Usage(cpu, resident, len(members), sum(int(fields[_THREADS]) for fields in members))


def descriptors(pid: int) -> int:
    """Open files and sockets of one process, its children left out. Raises ``ProcessLookupError`` when it is gone."""
    try:
        return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    except FileNotFoundError:
        raise ProcessLookupError(pid) from None


def connections(pid: int, ports: Collection[int]) -> int:
    """Its open sockets that lead to these ports over IPv4. Raises ``ProcessLookupError`` when it is gone."""
    links = set[str]()
    try:
        for path in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                links.add(str(path.readlink()))
        lines = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    except FileNotFoundError:
        raise ProcessLookupError(pid) from None
    to = (fields[_INODE] for fields in lines if int(fields[_REMOTE].rpartition(":")[2], 16) in ports)
    return sum(f"socket:[{inode}]" in links for inode in to)


def is_running(pid: int) -> bool:
    """Whether it is there, and no corpse that waits for its parent."""
    return any(each == pid and fields[0] != "Z" for each, fields in _all())


def descendants(pid: int) -> list[int]:
    """Ids of all that a process started and that is still there, itself left out."""
    found = dict(_all())
    return _tree(pid, found)[1:] if pid in found else []


def load() -> str:
    """The machine's load as a person reads it: over the last minute, five minutes and fifteen."""
    return " ".join(f"{value:.2f}" for value in os.getloadavg())


def _all() -> Iterator[tuple[int, list[str]]]:
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                # The name of a process is in brackets, and may hold anything.
                yield int(path.name), (path / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue


def _tree(pid: int, found: dict[int, list[str]]) -> list[int]:
    children: dict[int, list[int]] = {}
    for each, fields in found.items():
        children.setdefault(int(fields[_PARENT]), []).append(each)
    members = [pid]
    for member in members:
        members.extend(children.get(member, []))
    return members

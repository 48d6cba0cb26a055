"""Every process of a test carries a mark in its environment, which all that it starts inherits: so none hides."""

import os
from collections.abc import Callable
from pathlib import Path

import trio
from attrs import frozen

from hermes.process import Command, ProcessHost, filtered_environment

MARK = "HERMES_TEST_MARK"


@frozen
class Trace:
    mark: str

    @property
    def environment(self) -> dict[str, str]:
        return filtered_environment(os.environ, extra={MARK: self.mark})

    def command(self, *argv: str, cwd: Path | None = None) -> Command:
        return Command(argv, cwd=cwd, env=self.environment)

    def shell(self, script: str) -> Command:
        return self.command("sh", "-c", script)

    def pids(self) -> set[int]:
        """All that bear the mark. A zombie has no environment, and is not among them."""
        # One that was forked after the folder was listed, by one that has ended since, is seen the second time.
        return self._look() or self._look()

    def _look(self) -> set[int]:
        mark = f"{MARK}={self.mark}".encode()
        return {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and mark in _read(entry)}

    async def appears(self, count: int) -> None:
        """Waits until at least so many live at the same time."""
        await until(lambda: len(self.pids()) >= count)

    async def vanishes(self) -> None:
        """Waits until none is left."""
        await until(lambda: not self.pids())


def _read(entry: Path) -> bytes:
    try:
        return (entry / "environ").read_bytes()
    except OSError:
        return b""


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def state_of(pid: int) -> str:
    """The letter of proc(5), X for one that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def children_of(pid: int) -> dict[int, str]:
    """The state letter of each child, zombies included."""
    found: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split() if entry.name.isdigit() else []
        except OSError:
            continue
        if fields and int(fields[1]) == pid:
            found[int(entry.name)] = fields[0]
    return found


def is_open_to_others(path: Path) -> bool:
    """Another user may reach it."""
    return all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents)


def read(path: str) -> bytes:
    return Path(path).read_bytes()


def working_directory_of(pid: int) -> Path:
    return Path(f"/proc/{pid}/cwd").readlink()


async def until(holds: Callable[[], bool]) -> None:
    """Nobody tells a stranger of what happens to a process, so this looks again and again."""
    while not holds():
        await trio.sleep(0.005)


async def is_idle(host: ProcessHost) -> int:
    """Waits until the host has reaped every guardian and sleeps; its pid. A child's end is told a moment earlier."""
    pid = host.pid
    assert pid is not None
    await until(lambda: not children_of(pid) and state_of(pid) == "S")
    return pid


async def dies(pid: int) -> None:
    """Waits until it is gone, or a zombie."""
    await until(lambda: state_of(pid) in "XZ")

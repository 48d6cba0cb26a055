"""A program in a pseudo-terminal of its own, with somebody who reads its screen and types."""

import fcntl
import os
import signal
import struct
import sys
import termios
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import trio
from attrs import define

from tests.real.vt import Screen

# Seconds for anything to appear on the screen of a machine that is busy with other tests.
WITHIN = 60.0

ENTER, ESCAPE, TAB, CTRL_C, CTRL_D, CTRL_Z, UP = "\r", "\x1b", "\t", "\x03", "\x04", "\x1a", "\x1b[A"

# A session of its own, whose terminal is standard input: so a closed terminal does what it does to a shell's child.
_LAUNCH = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""

HERMES = (sys.executable, "-m", "hermes")


@define(eq=False)
class Terminal:
    """The person's side."""

    screen: Screen
    process: trio.Process
    _descriptor: int
    _changed: trio.Event
    modes: list[object]
    """Of the terminal before the program began."""
    reading: bool = True

    async def type(self, *keys: str) -> None:
        for key in keys:
            data = key.encode()
            while data:
                await trio.lowlevel.wait_writable(self._descriptor)
                data = data[os.write(self._descriptor, data) :]

    async def until(self, holds: Callable[[Screen], bool]) -> None:
        with trio.move_on_after(WITHIN) as scope:
            while not holds(self.screen):
                await self._changed.wait()
        assert not scope.cancelled_caught, f"this is not what was waited for:\n{self.screen.text}"

    async def see(self, *texts: str) -> None:
        """Wait until all of them stand there, in this order."""
        await self.until(lambda screen: _in_order(screen.text, texts))

    async def see_status(self, text: str) -> None:
        """Wait for the last line to begin like this."""
        await self.until(lambda screen: next((s for s in reversed(screen.lines) if s), "").startswith(text))

    async def ended(self) -> int:
        with trio.move_on_after(WITHIN) as scope:
            code = await self.process.wait()
        assert not scope.cancelled_caught, f"it does not end:\n{self.screen.text}"
        return code

    async def until_stuck(self) -> None:
        """Wait until a thread of the program is stuck in writing to a terminal that nobody reads."""
        tasks = Path(f"/proc/{self.process.pid}/task")
        with trio.fail_after(WITHIN):
            while not _is_writing(tasks):
                await trio.sleep(0.05)

    def resize(self, rows: int, columns: int) -> None:
        self.screen.resize(rows, columns)
        _set_size(self._descriptor, rows, columns)

    def modes_now(self) -> list[object]:
        return termios.tcgetattr(self._descriptor)

    @property
    def echoes(self) -> bool:
        """Whether the terminal itself shows what is typed."""
        return bool(int(str(self.modes_now()[3])) & termios.ECHO)

    @asynccontextmanager
    async def read_again(self) -> AsyncIterator[None]:
        """Go on reading after ``reading`` was set to False."""
        self.reading = True
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.read)
            yield
            nursery.cancel_scope.cancel()

    def close(self) -> None:
        """The window is closed: the kernel hangs up."""
        self.reading = False
        os.close(self._descriptor)
        self._descriptor = -1

    async def read(self) -> None:
        """Keep the screen until the program is gone."""
        while self.reading:
            await trio.lowlevel.wait_readable(self._descriptor)
            try:
                data = os.read(self._descriptor, 65536)
            except BlockingIOError:
                continue
            except OSError:
                return
            self.screen.feed(data)
            self._changed.set()
            self._changed = trio.Event()


def _is_writing(tasks: Path) -> bool:
    """Whether a thread hangs in write(2) to standard output: number 1 on x86-64, 64 on arm64."""
    calls = [(task / "syscall").read_text().split() for task in tasks.iterdir()]
    return any(call[:2] in (["1", "0x1"], ["64", "0x1"]) for call in calls)


def _in_order(text: str, parts: tuple[str, ...]) -> bool:
    position = 0
    for part in parts:
        position = text.find(part, position)
        if position < 0:
            return False
        position += len(part)
    return True


def _set_size(descriptor: int, rows: int, columns: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


@asynccontextmanager
async def terminal(
    *arguments: str,
    cwd: Path,
    program: tuple[str, ...] = HERMES,
    environment: Mapping[str, str] = {},
    rows: int = 40,
    columns: int = 100,
) -> AsyncIterator[Terminal]:
    """Run ``hermes ARGUMENTS`` in a new terminal. On the way out it is killed if it has not ended by itself."""
    master, slave = os.openpty()
    os.set_blocking(master, False)
    _set_size(slave, rows, columns)
    modes = termios.tcgetattr(master)
    seen = {**os.environ, "TERM": "xterm-256color", **environment}
    process = await trio.lowlevel.open_process(
        [sys.executable, "-c", _LAUNCH, *program, *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=seen,
        cwd=cwd,
    )
    os.close(slave)
    screen = Screen(rows, columns, reply=lambda answer: void(os.write(master, answer)))
    opened = Terminal(screen, process, master, trio.Event(), modes)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(opened.read)
            yield opened
            nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
            await process.wait()
        with suppress(OSError):
            os.close(master)


def void(_: object) -> None:
    """For a callback that returns nothing."""

"""A product's gateway as a child process over the fakes: started, watched, ended or killed.

Its output goes to ``output.log`` in its home. What it leaves running when it is ended is ended too.
"""

import os
import signal
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from attrs import define

from benchmarks.machine import Usage, descendants, usage
from benchmarks.products import Product
from benchmarks.services import Told, World

# Seconds for the first poll, and for an end in good order: several times what the slowest takes.
START_WITHIN = 60.0
END_WITHIN = 30.0

# Seconds for a whole loop, far beyond what the slowest takes for 200.
LOOP_WITHIN = 300.0

# Seconds between two looks at what is waited for.
_LOOK = 0.005


class Failed(Exception):
    """The product did not do what the figure needs; the text says what."""


@define(eq=False)
class Gateway:
    """One home and one world, and the process that serves them at the moment."""

    product: Product
    home: Path
    world: World
    _process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> float:
        """Returns the seconds until its first poll. Raises ``Failed`` when none comes."""
        self.world.bot_api.ask("reset", {})
        return self.start_over()

    def start_over(self) -> float:
        """The same after a kill: what was said meanwhile waits."""
        self.world.bot_api.ask("watch", {})
        begun = time.monotonic()
        self.launch()
        while time.monotonic() < begun + START_WITHIN:
            first = self.world.bot_api.ask("polled")["first_poll"]
            if isinstance(first, float):
                return first - begun
            if self.ended:
                break
            time.sleep(_LOOK)
        raise Failed(f"{self.product.name}: no poll; see {self.home / 'output.log'}")

    def launch(self) -> None:
        """Start it, and wait for nothing."""
        with (self.home / "output.log").open("ab") as output:
            self._process = subprocess.Popen(
                [self.product.program, *self.product.gateway],
                env=self.product.gateway_environment(self.home, self.world),
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    @property
    def pid(self) -> int:
        """Only after a start."""
        return self._running.pid

    @property
    def ended(self) -> bool:
        """Whether it is gone without having been told to."""
        return self._running.poll() is not None

    def usage(self) -> Usage:
        return usage(self._running.pid)

    def kill_alone(self) -> list[int]:
        """SIGKILL to the gateway; returns the ids of what it had started, which is left to end by itself."""
        process, self._process = self._running, None
        left = descendants(process.pid)
        process.kill()
        process.wait()
        return left

    def kill(self) -> None:
        """SIGKILL to the gateway alone."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL when that takes too long."""
        if self._process is not None:
            self._end(signal.SIGTERM)

    def loop(self, chats: int, *, first: int = 1, seconds: float = 0.0, stalled: float = 30.0) -> Told:
        """So many people speak in a closed loop; see ``benchmarks.fakes.bot_api``."""
        given = {"first": first, "chats": chats, "seconds": seconds, "stalled": stalled}
        return self.world.bot_api.ask("loop", given, within=LOOP_WITHIN)

    @property
    def _running(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None, "only after a start"
        return self._process

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._running, None
        left = descendants(process.pid)
        process.send_signal(how)
        try:
            process.wait(END_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextmanager
def gateway(one: Gateway) -> Generator[Gateway]:
    """Not started yet; ended with the block."""
    try:
        yield one
    finally:
        one.stop()

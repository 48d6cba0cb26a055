"""The real gateway as a child process: started, killed at will, started again over the same home."""

import os
import signal
import socket
import sys
from pathlib import Path

import httpx
import trio

from hermes.failpoints import ARM

# Seconds for the gateway to serve its page on a machine that is busy with other tests.
START_WITHIN = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Gateway:
    """One home, one port, and the process that serves them at the moment."""

    def __init__(self, home: Path, config: str = "") -> None:
        self.home = home
        self.port = free_port()
        home.mkdir(mode=0o700, exist_ok=True)
        (home / "config.yaml").write_text(f"platforms:\n  web:\n    extra:\n      port: {self.port}\n{config}")
        self._process: trio.Process | None = None

    async def start(self, failpoints: str = "", *, wait: bool = True, arguments: tuple[str, ...] = ()) -> None:
        """Start it, armed with ``failpoints``; with ``wait`` return when its page is served."""
        environment = {**os.environ, "HERMES_HOME": str(self.home), ARM: failpoints}
        with (self.home / "output.log").open("ab") as output:
            self._process = await trio.lowlevel.open_process(
                [sys.executable, "-m", "hermes", "gateway", "run", *arguments],
                stdin=None,
                stdout=output,
                stderr=output,
                env=environment,
                cwd=self.home,
            )
        if wait:
            with trio.fail_after(START_WITHIN):
                await self._until_served()

    async def _until_served(self) -> None:
        async with httpx.AsyncClient() as client:
            while True:
                try:
                    answer = await client.get(f"http://127.0.0.1:{self.port}/health")
                    if answer.status_code == 200:
                        return
                except httpx.TransportError:
                    assert self.process.returncode is None, f"it ended at its start:\n{self.output()}"
                await trio.sleep(0.02)

    @property
    def process(self) -> trio.Process:
        assert self._process is not None
        return self._process

    def output(self) -> str:
        return (self.home / "output.log").read_text()

    async def kill(self) -> None:
        """SIGKILL, and wait until it is gone. Killing what is gone is no error."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            await self.wait()

    async def stop(self) -> int:
        """SIGINT: a planned end. Returns the exit code."""
        self.process.send_signal(signal.SIGINT)
        return await self.wait()

    async def wait(self) -> int:
        with trio.fail_after(START_WITHIN):
            return await self.process.wait()

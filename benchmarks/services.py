"""The two fakes as processes of their own, and the control of each."""

import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from attrs import frozen

ROOT = Path(__file__).resolve().parent.parent

# Seconds that a call of a control waits besides what the call itself says.
PATIENCE = 60.0

Told = dict[str, object]


@frozen
class Service:
    """A fake that runs."""

    port: int

    def ask(self, path: str, given: object = None, *, within: float = 0.0) -> Told:
        """One call of its control. Raises ``OSError`` or ``TimeoutError`` when it does not answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=within + PATIENCE)
        try:
            method = "GET" if given is None else "POST"
            connection.request(method, f"/control/{path}", None if given is None else json.dumps(given))
            return cast(Told, json.loads(connection.getresponse().read()))
        finally:
            connection.close()


@frozen
class World:
    """What a product lives in: a model and a chat platform of its own."""

    model: Service
    bot_api: Service

    @property
    def model_url(self) -> str:
        return f"http://127.0.0.1:{self.model.port}/v1"

    @property
    def bot_url(self) -> str:
        return f"http://127.0.0.1:{self.bot_api.port}/bot"

    def reset(self, *, latency: float = 0.0) -> None:
        """Forget what was asked and said; the model takes ``latency`` seconds from now on."""
        self.model.ask("reset", {"latency": latency})
        self.bot_api.ask("reset", {})


def free_port() -> int:
    """Of the loopback interface, at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def world() -> Generator[World]:
    """Both fakes, ended with the block."""
    with _started("model") as model, _started("bot_api") as bot_api:
        yield World(model, bot_api)


@contextmanager
def _started(name: str) -> Generator[Service]:
    command = [sys.executable, "-m", f"benchmarks.fakes.{name}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None, "asked for above"
            # NAME: http://127.0.0.1:PORT/PATH
            yield Service(int(process.stdout.readline().rpartition(":")[2].partition("/")[0]))
        finally:
            process.kill()

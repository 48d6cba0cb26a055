"""A gateway as `hermes gateway run` starts it, in this process, with a scripted platform."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import trio
from attrs import define, field

from actors.assembly import Program
from actors.conversation.services import Platform
from actors.gateway import Options, serve
from actors.lifecycle import ExitCode
from actors.tree import Attached
from hermes.config.schema import Agent, Settings
from hermes.control import request
from hermes.home import find_home, make_home
from hermes.redact import Redactor
from hermes.store.tables.owners import GATEWAY
from tests.actors.house import WITHIN, Chat

# What this process says of itself; the real one is read from /proc.
START_TIME = 4711


def program(folder: Path, settings: Settings | None = None) -> Program:
    """Of a gateway whose home lies in ``folder``."""
    home = find_home({"HERMES_HOME": str(folder / "home")})
    make_home(home)
    return Program(
        home=home,
        settings=settings or Settings(toolsets=("todo",), agent=Agent(restart_drain_timeout=20.0)),
        environment={"PATH": "/usr/bin:/bin"},
        redactor=Redactor(),
        owner=GATEWAY,
        gateway=True,
    )


@define(eq=False)
class Gateway:
    """A gateway that serves, or has."""

    program: Program
    chat: Chat = field(factory=Chat)
    neighbours: Sequence[Chat] = ()
    announced: trio.Event = field(factory=trio.Event)
    exit_code: ExitCode | None = None
    finishing: list[tuple[int, float]] = field(factory=list[tuple[int, float]])
    """What the end said that it waits for, and for how many seconds."""

    def _finishing(self, count: int, seconds: float) -> None:
        self.finishing.append((count, seconds))

    async def run(self) -> None:
        platform = Platform("web", owner=True, message_length=2000, every_command=True)
        attached = [Attached(each, platform) for each in (self.chat, *self.neighbours)]
        self.exit_code = await serve(self.program, attached, Options(START_TIME, self.announced.set, self._finishing))

    async def ask(self, question: dict[str, object]) -> dict[str, Any]:
        """Through the control socket, as a command of the command line does."""
        return await trio.to_thread.run_sync(partial(request, self.program.home.control_socket, question, within=10))

    def signal(self, number: int) -> None:
        os.kill(os.getpid(), number)


@asynccontextmanager
async def serving(program: Program, neighbours: Sequence[Chat] = ()) -> AsyncIterator[Gateway]:
    """A gateway that has announced itself. Who asks for its end leaves the block, which waits for it."""
    gateway = Gateway(program, neighbours=neighbours)
    with trio.fail_after(WITHIN):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(gateway.run)
            await gateway.announced.wait()
            yield gateway

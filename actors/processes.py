"""The processes actor: owns the host of child processes, and lends it to whoever starts one.

A crash here ends every running child (their guardians see to that); the calls that waited for them fail, and the next
one finds a new host.
"""

from collections.abc import Mapping
from pathlib import Path

import trio
from attrs import define, field

from actors.messages import Look
from actors.runtime import Context
from hermes.agent.ports import CommandOutput
from hermes.errors import Unavailable
from hermes.process import Command, ProcessHost, run

# Seconds to wait for the actor to come back after a crash.
HOST_WITHIN = 10.0


@define
class LentHost:
    """Where the running incarnation leaves its host: the tools' ``Processes`` port."""

    _host: ProcessHost | None = None
    _change: trio.Event = field(factory=trio.Event)

    def lend(self, host: ProcessHost | None) -> None:
        self._host = host
        self._change.set()
        self._change = trio.Event()

    async def run(
        self, argv: tuple[str, ...], *, cwd: Path, environment: Mapping[str, str], timeout: float, limit: int
    ) -> CommandOutput:
        """As the port says; raises ``Unavailable`` when there is no host for ``HOST_WITHIN`` seconds."""
        host = await self.present()
        done = await run(host, Command(argv, cwd=cwd, env=environment), timeout=timeout, limit=limit)
        return CommandOutput(
            output=done.output.decode("utf-8", "replace"),
            truncated=done.truncated,
            total_bytes=done.total_bytes,
            code=done.exit.code,
            signal=done.exit.signal,
            timed_out=done.timed_out,
        )

    async def present(self) -> ProcessHost:
        """The host, waited for ``HOST_WITHIN`` seconds; raises ``Unavailable`` then."""
        with trio.move_on_after(HOST_WITHIN):
            while self._host is None:
                await self._change.wait()
            return self._host
        raise Unavailable("child processes cannot be started just now")


async def processes_actor(context: Context[Look], lent: LentHost, *, task_status: trio.TaskStatus[None]) -> None:
    """Own a ``ProcessHost`` until cancelled; every child is ended with it."""
    async with ProcessHost() as host:
        lent.lend(host)
        try:
            task_status.started()
            await trio.sleep_forever()
        finally:
            lent.lend(None)

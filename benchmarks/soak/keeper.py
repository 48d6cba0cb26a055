"""Keeps a gateway up as a service manager does: one that was killed, or ended by itself, is started again."""

import os
import signal
from contextlib import suppress

import trio
from attrs import define

from benchmarks.gateway import Gateway
from benchmarks.machine import connections, descriptors, is_running, usage
from benchmarks.soak.clock import Clock
from benchmarks.soak.trace import Reading, Trace

# Seconds before a start over: systemd's RestartSec of a unit that is meant to come back soon.
RESTART_AFTER = 1.0

# Seconds for what a killed gateway had started to end by itself; most takes a few milliseconds.
_END_WITHIN = 5.0

# Seconds between two looks.
_LOOK = 0.1


@define(eq=False)
class Keeper:
    """One gateway over its lives."""

    _gateway: Gateway
    _clock: Clock
    _trace: Trace
    _up: trio.Lock

    @classmethod
    def of(cls, gateway: Gateway, clock: Clock, trace: Trace) -> "Keeper":
        return cls(gateway, clock, trace, trio.Lock())

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Start it, and start it again, until cancelled. It is running then, or about to."""
        self._gateway.launch()
        task_status.started()
        while True:
            await trio.sleep(_LOOK)
            async with self._up:
                if self._gateway.ended:
                    self._trace.ended.append(self._clock.now())
                    await trio.sleep(RESTART_AFTER)
                    self._gateway.launch()

    async def kill(self) -> None:
        """SIGKILL, and the start over."""
        async with self._up:
            self._trace.kills.append(self._clock.now())
            left = await trio.to_thread.run_sync(self._gateway.kill_alone)
            await trio.sleep(RESTART_AFTER)
            self._gateway.launch()
        await _until_ended(left)
        for pid in filter(is_running, left):
            self._trace.left += 1
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def read(self) -> None:
        """One reading; none while it is down."""
        with suppress(ProcessLookupError):
            if not self._up.locked():
                pid = self._gateway.pid
                used = usage(pid)
                world = self._gateway.world
                kept = connections(pid, (world.bot_api.port, world.model.port))
                reading = Reading(
                    at=self._clock.now(),
                    pid=pid,
                    memory=round(used.resident, 2),
                    descriptors=descriptors(pid) - kept,
                    connections=kept,
                    threads=used.threads,
                    children=used.processes - 1,
                )
                self._trace.readings.append(reading)


async def _until_ended(pids: list[int]) -> None:
    """For ``_END_WITHIN`` seconds at most."""
    for _ in range(round(_END_WITHIN / _LOOK)):
        if not any(map(is_running, pids)):
            return
        await trio.sleep(_LOOK)

"""Cancelled at any await, an operation leaves neither a process nor a descriptor."""

import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest
import trio
import trio.testing

from hermes.errors import Unavailable
from hermes.process import Process, ProcessHost, Stdin, TerminalSize, run
from hermes.process.connection import HostConnection, open_connection
from tests.descriptors import descriptors
from tests.hermes.process.traces import Trace, children_of, until

# A grandchild in a session of its own beside it.
_SCRIPT = "setsid sleep 1000 & exec sleep 1000"
# Far more than any operation takes.
_STEPS = 200


class CancelAtStep(trio.abc.Instrument):
    """Cancels its scope as soon as so many steps of tasks have begun; the next await of the operation raises then."""

    def __init__(self, steps: int) -> None:
        self.scope = trio.CancelScope()
        self._left = steps

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        if self._left == 0:
            self.scope.cancel()
        self._left -= 1


async def cancelled_at(step: int, operation: Callable[[], Awaitable[object]]) -> bool:
    """False when the operation ended before."""
    instrument = CancelAtStep(step)
    trio.lowlevel.add_instrument(instrument)
    try:
        with instrument.scope:
            await operation()
    finally:
        trio.lowlevel.remove_instrument(instrument)
    return instrument.scope.cancelled_caught


async def cancel_everywhere(operation: Callable[[], Awaitable[object]], check: Callable[[], Awaitable[None]]) -> int:
    """Once at each step; returns how many steps there were."""
    for step in range(_STEPS):
        with trio.fail_after(20):
            cancelled = await cancelled_at(step, operation)
            await check()
        if not cancelled:
            return step
    pytest.fail("the operation never ends")


async def test_the_first_start_and_its_end(trace: Trace) -> None:
    """The start of the host process included."""
    before = descriptors(collect=True)

    async def operation() -> None:
        async with ProcessHost() as host, await host.start(trace.shell(_SCRIPT)):
            pass

    async def check() -> None:
        assert trace.pids() == set()
        assert descriptors() == before

    # The thread that starts the host opens nothing of its own only after its first use.
    await trio.to_thread.run_sync(int)
    assert await cancel_everywhere(operation, check) > 3


@pytest.mark.parametrize("terminal", [None, TerminalSize()], ids=["pipes", "terminal"])
async def test_a_start_and_its_end(host: ProcessHost, trace: Trace, terminal: TerminalSize | None) -> None:
    async def operation() -> None:
        async with await host.start(trace.shell(_SCRIPT), stdin=Stdin.PIPE, terminal=terminal):
            pass

    assert await cancel_everywhere(operation, await nothing_is_left(host, trace)) > 3


async def test_run_to_its_end(host: ProcessHost, trace: Trace) -> None:
    async def operation() -> None:
        await run(host, trace.command("cat"), input=b"x" * 200_000)

    assert await cancel_everywhere(operation, await nothing_is_left(host, trace)) > 3


async def test_run_beyond_its_time(host: ProcessHost, trace: Trace) -> None:
    async def operation() -> None:
        await run(host, trace.shell(_SCRIPT), timeout=0.001)

    assert await cancel_everywhere(operation, await nothing_is_left(host, trace)) > 3


async def nothing_is_left(host: ProcessHost, trace: Trace) -> Callable[[], Awaitable[None]]:
    await run(host, trace.command("true"))
    before = descriptors(collect=True)

    async def check() -> None:
        await trace.vanishes()
        assert descriptors() == before

    return check


@pytest.mark.parametrize("operation", [Process.wait, Process.terminate])
async def test_a_wait_leaves_the_process_to_its_owner(
    host: ProcessHost, trace: Trace, operation: Callable[[Process], Awaitable[object]]
) -> None:
    with trio.fail_after(20):
        script = "trap : TERM; echo; while :; do sleep 0.01; done"
        async with await host.start(trace.shell(script), grace=1000) as process:
            await process.stdout.receive_some()
            for seconds in (0, 0.02):
                with trio.move_on_after(seconds) as scope:
                    await operation(process)
                assert scope.cancelled_caught
            assert process.pid in trace.pids()
            os.kill(process.pid, 9)
            assert (await process.wait()).signal == 9


async def test_an_end_that_is_not_awaited_comes_all_the_same(host: ProcessHost, trace: Trace) -> None:
    with trio.fail_after(20):
        script = "trap '' TERM; (setsid sleep 1000 &); sleep 1000; sleep 1000"
        process = await host.start(trace.shell(script), grace=0.1)
        await trace.appears(3)
        with trio.CancelScope() as scope:
            scope.cancel()
            await process.aclose()
        assert scope.cancelled_caught
        assert process.pid in trace.pids()
        await trace.vanishes()


async def test_a_run_that_is_blocked(host: ProcessHost, trace: Trace) -> None:
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run, host, trace.shell(_SCRIPT))
            await trace.appears(2)
            await trio.testing.wait_all_tasks_blocked(0.01)
            nursery.cancel_scope.cancel()
        await trace.vanishes()


async def test_a_start_whose_host_does_not_answer(host: ProcessHost, trace: Trace, tmp_path: Path) -> None:
    """What it asked for is not started when the host goes on."""
    written = tmp_path / "written"
    with trio.fail_after(20):
        await run(host, trace.command("true"))
        pid = host.pid or 0
        os.kill(pid, 19)
        with trio.move_on_after(0.05) as scope:
            await host.start(trace.shell(f"echo > {written}; sleep 1000"))
        assert scope.cancelled_caught
        os.kill(pid, 18)
        assert (await run(host, trace.command("test", "-e", str(written)))).exit.code == 1
        assert trace.pids() == set()


async def test_the_owner_leaving_while_children_start(trace: Trace) -> None:
    before = descriptors(collect=True)
    for count in range(5):
        with trio.fail_after(20):
            kept: list[Process] = []
            # The starts go on while the host leaves.
            async with trio.open_nursery() as nursery, ProcessHost() as host:
                for _ in range(10):
                    nursery.start_soon(_start, host, trace, kept)
                await until(lambda kept=kept, count=count: len(kept) >= count)
            await trace.vanishes()
            assert children_of(os.getpid()) == {}
            for process in kept:
                await process.aclose()
    assert descriptors() == before


async def _start(host: ProcessHost, trace: Trace, kept: list[Process]) -> None:
    with suppress(Unavailable):
        kept.append(await host.start(trace.shell(_SCRIPT)))


async def test_the_owner_leaving_while_the_host_starts(trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, released = trio.Event(), trio.Event()

    async def open_slowly() -> HostConnection:
        connection = await open_connection()
        opened.set()
        await released.wait()
        return connection

    monkeypatch.setattr(sys.modules[ProcessHost.__module__], "open_connection", open_slowly)
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            async with ProcessHost() as host:
                nursery.start_soon(_start, host, trace, [])
                await opened.wait()
            assert children_of(os.getpid()) != {}
            released.set()
        assert children_of(os.getpid()) == {}


async def test_an_owner_that_leaves_does_not_wait_for_the_longest_grace(
    trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[ProcessHost.__module__], "_LEAVE_SECONDS", 0.1)
    with trio.fail_after(20):
        async with ProcessHost() as host:
            script = "trap '' TERM; echo; while :; do sleep 0.01; done"
            process = await host.start(trace.shell(script), grace=1000)
            await process.stdout.receive_some()
        await trace.vanishes()
        assert (await process.wait()).signal == 9

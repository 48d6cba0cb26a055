"""SIGKILL of each party: what it kept is ended all the same, and the others go on."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import trio
import trio.testing

from hermes.process import Exit, OutcomeUnknown, ProcessHost, run
from tests.descriptors import descriptors
from tests.hermes.process.traces import Trace, dies, is_idle, is_open_to_others, parent_of, state_of

_ROOT = Path(__file__).parents[3]

# A grandchild in a session of its own, which ignores SIGTERM.
_STUBBORN = "(setsid sh -c 'trap \"\" TERM; sleep 1000; sleep 1000' &) ; sleep 1000"
_STUBBORN_COUNT = 3

# A small gateway: it starts what it is told, says who everybody is, and waits to be killed.
_GATEWAY = """
import sys, os, trio
from hermes.process import ProcessHost
from tests.descriptors import descriptors
from tests.hermes.process.traces import MARK, Trace, parent_of

async def main():
    trace = Trace(os.environ[MARK])
    async with ProcessHost() as host:
        for _ in range(int(sys.argv[2])):
            process = await host.start(trace.shell(sys.argv[1]), grace=0.2)
            kept.append(process)
            print(parent_of(process.pid), flush=True)
        print(host.pid, flush=True)
        await trio.sleep_forever()

kept = []
trio.run(main)
"""


@pytest.mark.parametrize(
    "beside", [slice(0, 0), slice(0, 3), slice(3, 4)], ids=["alone", "with-all-guardians", "with-the-host"]
)
async def test_the_gateway(trace: Trace, beside: slice) -> None:
    with trio.fail_after(30):
        gateway = await trio.lowlevel.open_process(
            [sys.executable, "-c", _GATEWAY, _STUBBORN, "3"],
            stdout=subprocess.PIPE,
            env={**trace.environment, "PYTHONPATH": os.fspath(_ROOT)},
        )
        assert gateway.stdout is not None
        text = b""
        while text.count(b"\n") < 4:
            text += await gateway.stdout.receive_some()
        await trace.appears(1 + 3 * _STUBBORN_COUNT)
        keepers = [int(word) for word in text.split()]
        for pid in (gateway.pid, *keepers[beside]):
            # A guardian may be done before its turn comes here.
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await gateway.wait()
        await gateway.stdout.aclose()
        await trace.vanishes()
        for pid in keepers:
            await dies(pid)


async def test_the_child(host: ProcessHost, trace: Trace) -> None:
    with trio.fail_after(20):
        async with await host.start(trace.shell(_STUBBORN), grace=0.1) as process:
            await trace.appears(_STUBBORN_COUNT)
            os.kill(process.pid, signal.SIGKILL)
            assert await process.wait() == Exit(signal=9)
            assert trace.pids() == set()


async def test_a_guardian(host: ProcessHost, trace: Trace) -> None:
    with trio.fail_after(20):
        others = [await host.start(trace.command("sleep", "1000"))]
        async with await host.start(trace.shell(_STUBBORN)) as process:
            # Its guardian is forked while the host holds the pipes of the one before.
            others.append(await host.start(trace.command("sleep", "1000")))
            await trace.appears(len(others) + _STUBBORN_COUNT)
            os.kill(parent_of(process.pid), signal.SIGKILL)
            with pytest.raises(OutcomeUnknown, match="guardian was killed"):
                await process.wait()
            assert trace.pids() == {other.pid for other in others}
            assert (await run(host, trace.command("true"))).exit.ok


async def test_all_guardians_at_the_same_time(host: ProcessHost, trace: Trace) -> None:
    with trio.fail_after(20):
        processes = [await host.start(trace.shell(_STUBBORN)) for _ in range(5)]
        await trace.appears(5 * _STUBBORN_COUNT)
        before = descriptors(host.pid or 0)
        for guardian in [parent_of(process.pid) for process in processes]:
            os.kill(guardian, signal.SIGKILL)
        for process in processes:
            with pytest.raises(OutcomeUnknown):
                await process.terminate()
            await process.aclose()
        assert trace.pids() == set()
        assert descriptors(await is_idle(host)) == before - 5


async def test_the_host(host: ProcessHost, trace: Trace) -> None:
    with trio.fail_after(20):
        processes = [await host.start(trace.shell(_STUBBORN), grace=0.2) for _ in range(3)]
        await trace.appears(3 * _STUBBORN_COUNT)
        killed = host.pid
        assert killed is not None
        guardians = [parent_of(process.pid) for process in processes]
        os.kill(killed, signal.SIGKILL)
        for process in processes:
            with pytest.raises(OutcomeUnknown, match="host was killed"):
                await process.wait()
        assert trace.pids() == set()
        for guardian in guardians:
            await dies(guardian)
        assert (await run(host, trace.command("true"))).exit.ok
        assert host.pid != killed
        assert state_of(killed) == "X"
        for process in processes:
            await process.aclose()


async def test_a_new_host_does_not_wait_for_what_the_killed_one_leaves(host: ProcessHost, trace: Trace) -> None:
    with trio.fail_after(20):
        async with await host.start(trace.shell(_STUBBORN), grace=1000) as process:
            await trace.appears(_STUBBORN_COUNT)
            os.kill(host.pid or 0, signal.SIGKILL)
            assert (await run(host, trace.command("true"))).exit.ok
            for pid in trace.pids():
                os.kill(pid, signal.SIGKILL)
            with pytest.raises(OutcomeUnknown):
                await process.wait()


async def test_the_host_while_it_is_idle(host: ProcessHost, trace: Trace) -> None:
    with trio.fail_after(20):
        for _ in range(3):
            assert (await run(host, trace.command("true"))).exit.ok
            os.kill(await is_idle(host), signal.SIGKILL)


async def test_the_host_found_dead_by_many_starts_at_once(host: ProcessHost, trace: Trace) -> None:
    with trio.fail_after(20):
        await _run_true(host, trace)
        os.kill(await is_idle(host), signal.SIGKILL)
        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(_run_true, host, trace)


async def test_the_host_that_is_asked_to_start_a_child(host: ProcessHost, trace: Trace) -> None:
    """Stopped first, so that the request is on its way when it is killed."""
    with trio.fail_after(20):
        await run(host, trace.command("true"))
        pid = await is_idle(host)
        os.kill(pid, signal.SIGSTOP)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_run_true, host, trace)
            await trio.testing.wait_all_tasks_blocked()
            os.kill(pid, signal.SIGKILL)
        assert host.pid != pid


@pytest.mark.parametrize("number", [signal.SIGCONT, signal.SIGKILL])
async def test_the_host_that_takes_no_more_requests(host: ProcessHost, trace: Trace, number: int) -> None:
    """Those who start children wait their turn until it goes on, or its successor takes them."""
    with trio.fail_after(30):
        await _run_true(host, trace)
        pid = await is_idle(host)
        assert host._connection is not None
        host._connection._control.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        os.kill(pid, signal.SIGSTOP)
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(_run_true, host, trace)
            await trio.testing.wait_all_tasks_blocked(0.01)
            os.kill(pid, number)
        assert (host.pid == pid) == (number == signal.SIGCONT)


async def _run_true(host: ProcessHost, trace: Trace) -> None:
    assert (await run(host, trace.command("true"))).exit.ok


async def test_run_raises_the_plain_error_when_a_party_is_killed(host: ProcessHost, trace: Trace) -> None:
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_kill_host_of_one, host, trace)
            with pytest.raises(OutcomeUnknown):
                await run(host, trace.command("sleep", "1000"), input=b"x" * 1_000_000)


async def _kill_host_of_one(host: ProcessHost, trace: Trace) -> None:
    await trace.appears(1)
    os.kill(host.pid or 0, signal.SIGKILL)


@pytest.mark.skipif(not is_open_to_others(_ROOT / "hermes"), reason="another user may not enter this folder")
async def test_a_host_that_can_fork_no_more_says_so(trace: Trace) -> None:
    """The limit counts the processes of a user, and does not bind root: so another user asks."""
    code = """
import os, resource, sys, trio
from hermes.process import ProcessHost, SpawnError, run
from tests.descriptors import descriptors
from tests.hermes.process.traces import MARK, Trace, is_idle

async def main():
    trace = Trace(os.environ[MARK])
    if os.geteuid() == 0:
        os.setuid(65534)
    async with ProcessHost() as host:
        await run(host, trace.command("true"))
        resource.prlimit(await is_idle(host), resource.RLIMIT_NPROC, (1, 1))
        try:
            await host.start(trace.command("true"))
        except SpawnError as error:
            print(error)

trio.run(main)
"""
    with trio.fail_after(20):
        done = await trio.run_process(
            [sys.executable, "-c", code],
            capture_stdout=True,
            env={**trace.environment, "PYTHONPATH": os.fspath(_ROOT)},
        )
    assert b"the limit of processes is reached" in done.stdout

"""However a child ends, and whatever it started, nothing of it is left when its end is told."""

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
import trio
import trio.testing

from hermes.process import Exit, Process, ProcessHost, Stdin, TerminalSize, run
from tests.hermes.process.traces import Trace, is_open_to_others, parent_of, state_of, until

# A grandchild in a session of its own, one whose parent has ended as well, and one that ignores SIGTERM.
_BEHIND_SETSID = "setsid sleep 1000 & sleep 1000 & wait"
_DAEMON = "(setsid sh -c 'sleep 1000 & sleep 1000' &) ; sleep 1000"
_STUBBORN_DAEMON = "(setsid sh -c 'trap \"\" TERM HUP; sleep 1000; sleep 1000' &) ; sleep 1000"
_STORM = "for i in $(seq 50); do sleep 1000 & done; wait"


async def started(host: ProcessHost, trace: Trace, script: str, count: int, *, grace: float = 10) -> Process:
    """A child of which ``count`` processes live."""
    process = await host.start(trace.shell(script), grace=grace)
    with trio.fail_after(10):
        await trace.appears(count)
    return process


@pytest.mark.parametrize(("code", "expected"), [(0, Exit(code=0)), (7, Exit(code=7)), (255, Exit(code=255))])
async def test_its_exit_code_is_told(host: ProcessHost, trace: Trace, code: int, expected: Exit) -> None:
    with trio.fail_after(10):
        async with await host.start(trace.shell(f"exit {code}")) as process:
            assert await process.wait() == expected
            assert await process.wait() == expected
            assert await process.terminate() == expected
            assert expected.ok == (code == 0)
            assert str(expected) == f"exit code {code}"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGUSR1])
async def test_the_signal_that_killed_it_is_told(host: ProcessHost, trace: Trace, number: int) -> None:
    with trio.fail_after(10):
        async with await host.start(trace.shell(f"kill -{number} $$")) as process:
            ending = await process.wait()
    assert (ending, str(ending), ending.ok) == (Exit(signal=number), f"signal {number}", False)


async def test_every_task_that_waits_is_told(host: ProcessHost, trace: Trace) -> None:
    endings: list[Exit] = []

    async def wait(process: Process) -> None:
        endings.append(await process.wait())

    with trio.fail_after(10):
        process = await host.start(trace.command("cat"), stdin=Stdin.PIPE)
        async with process, trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(wait, process)
            await trio.testing.wait_all_tasks_blocked()
            assert process.stdin is not None
            await process.stdin.aclose()
    assert endings == [Exit(code=0)] * 3


@pytest.mark.parametrize(
    ("script", "count"), [("sleep 1000", 1), (_BEHIND_SETSID, 3), (_DAEMON, 3), (_STORM, 51)], ids=str
)
async def test_terminate_ends_all_that_it_started(host: ProcessHost, trace: Trace, script: str, count: int) -> None:
    process = await started(host, trace, script, count, grace=1000)
    with trio.fail_after(20):
        async with process:
            assert await process.terminate() == Exit(signal=15)
            assert trace.pids() == set()


@pytest.mark.parametrize(("script", "count"), [(_BEHIND_SETSID, 3), (_STUBBORN_DAEMON, 3), (_STORM, 51)], ids=str)
async def test_its_own_end_ends_all_that_it_started(host: ProcessHost, trace: Trace, script: str, count: int) -> None:
    process = await started(host, trace, script, count, grace=0.1)
    with trio.fail_after(20):
        async with process:
            os.kill(process.pid, signal.SIGKILL)
            assert await process.wait() == Exit(signal=9)
            assert trace.pids() == set()


async def test_what_it_leaves_in_the_background_ends_with_it(host: ProcessHost, trace: Trace) -> None:
    with trio.fail_after(10):
        async with await host.start(trace.shell("sleep 1000 & setsid sleep 1000 & exit 3"), grace=1000) as process:
            assert await process.wait() == Exit(code=3)
            assert trace.pids() == set()


@pytest.mark.parametrize(
    "script",
    [
        "trap '' TERM HUP; echo ready; while :; do sleep 1000; done",
        _STUBBORN_DAEMON.replace("sleep 1000; sleep", "echo ready; sleep"),
        "trap '' TERM; for i in $(seq 20); do (sleep 1000; sleep 1000) & done; echo ready; wait",
    ],
    ids=["itself", "daemon", "storm"],
)
async def test_what_ignores_sigterm_is_killed_after_the_grace(host: ProcessHost, trace: Trace, script: str) -> None:
    with trio.fail_after(20):
        async with await host.start(trace.shell(script), grace=0.1) as process:
            assert await process.stdout.receive_some() == b"ready\n"
            assert (await process.terminate()).signal in (9, 15)
            assert trace.pids() == set()


async def test_what_handles_sigterm_has_its_grace(host: ProcessHost, trace: Trace) -> None:
    script = "trap 'echo cleaning; sleep 0.1; echo clean; exit 4' TERM; echo ready; while :; do sleep 0.01; done"
    with trio.fail_after(20):
        async with await host.start(trace.shell(script), grace=1000) as process:
            assert await process.stdout.receive_some() == b"ready\n"
            assert await process.terminate() == Exit(code=4)
            assert b"".join([chunk async for chunk in process.stdout]) == b"cleaning\nclean\n"


async def test_what_is_forked_on_sigterm_and_left_is_asked_to_end_too(host: ProcessHost, trace: Trace) -> None:
    script = "trap 'setsid sleep 1000 & sleep 0.1; exit 3' TERM; echo ready; while :; do sleep 0.01; done"
    with trio.fail_after(20):
        async with await host.start(trace.shell(script), grace=1000) as process:
            assert await process.stdout.receive_some() == b"ready\n"
            assert await process.terminate() == Exit(code=3)
            assert trace.pids() == set()


async def test_each_gets_sigterm_once(host: ProcessHost, trace: Trace, tmp_path: Path) -> None:
    """A second one makes many a program give up its clean end."""
    counter = tmp_path / "counter"
    counter.write_text("#!/bin/sh\ntrap 'echo term' TERM; echo ready; for i in $(seq 30); do sleep 0.01; done\n")
    counter.chmod(0o755)
    script = f"trap : TERM; setsid {counter} & {counter} & {counter}; wait; wait; wait"
    with trio.fail_after(20):
        async with await host.start(trace.shell(script), grace=1000) as process:
            text = b""
            while text.count(b"ready") < 3:
                text += await process.stdout.receive_some()
            await process.terminate()
            text += b"".join([chunk async for chunk in process.stdout])
    assert text.count(b"term") == 3


async def test_what_is_stopped_is_ended(host: ProcessHost, trace: Trace) -> None:
    with trio.fail_after(20):
        async with await host.start(trace.shell("setsid sh -c 'kill -STOP $$' & kill -STOP $$"), grace=1000) as process:
            await until(lambda: [state_of(pid) for pid in trace.pids()] == ["T", "T"])
            assert await process.terminate() == Exit(signal=15)


async def test_an_interactive_shell_ends_with_its_terminal(host: ProcessHost, trace: Trace) -> None:
    with trio.fail_after(20):
        command = trace.command("bash", "--norc", "--noprofile", "-i")
        async with await host.start(command, terminal=TerminalSize(), grace=1000) as process:
            assert process.stdin is not None
            await process.stdin.send_all(b"sleep 1000 & sleep 1000\n")
            await trace.appears(3)
            await process.terminate()
            assert trace.pids() == set()


async def test_what_forks_and_exits_without_end_is_caught(host: ProcessHost, trace: Trace) -> None:
    """Each process of the chain lives for a moment only, and ignores SIGTERM."""
    code = "import os, signal\nsignal.signal(15, 1)\nprint(flush=True)\nwhile True:\n if os.fork(): os._exit(0)"
    with trio.fail_after(30):
        async with await host.start(trace.command(sys.executable, "-IS", "-c", code), grace=0.05) as process:
            assert await process.stdout.receive_some() == b"\n"
            await process.terminate()
            assert trace.pids() == set()


async def test_one_that_closes_its_output_lives_on(host: ProcessHost, trace: Trace) -> None:
    with trio.fail_after(10):
        async with await host.start(trace.shell("exec >&- 2>&-; read line; exit 6"), stdin=Stdin.PIPE) as process:
            assert await process.stdout.receive_some() == b""
            assert trace.pids() == {process.pid}
            assert process.stdin is not None
            await process.stdin.send_all(b"\n")
            assert await process.wait() == Exit(code=6)


async def test_an_orphan_that_ends_early_is_reaped_while_the_child_lives(host: ProcessHost, trace: Trace) -> None:
    with trio.fail_after(10):
        async with await host.start(trace.shell("(sh -c 'echo $$; sleep 0.01' &); exec sleep 1000")) as process:
            orphan = int(await process.stdout.receive_some())
            await until(lambda: state_of(orphan) == "X")
            assert state_of(process.pid) != "X"


async def test_leaving_the_block_ends_it(host: ProcessHost, trace: Trace) -> None:
    process = await started(host, trace, _BEHIND_SETSID, 3)
    with trio.fail_after(10):
        async with process:
            pass
        assert trace.pids() == set()
        assert await process.wait() == Exit(signal=15)
        with pytest.raises(trio.ClosedResourceError):
            await process.stdout.receive_some()


async def test_losing_the_last_reference_ends_it(host: ProcessHost, trace: Trace) -> None:
    process = await started(host, trace, _BEHIND_SETSID, 3)
    del process
    with trio.fail_after(10):
        await trace.vanishes()


async def test_the_owner_of_the_host_ends_all_by_leaving(trace: Trace) -> None:
    with trio.fail_after(20):
        async with ProcessHost() as host:
            processes = [await host.start(trace.shell(_DAEMON)) for _ in range(5)]
            await trace.appears(15)
            pid = host.pid
        assert trace.pids() == set()
        assert pid is not None
        assert state_of(pid) == "X"
        assert [await process.wait() for process in processes] == [Exit(signal=15)] * 5


async def test_what_a_service_manager_sends_to_every_process_ends_neither_guardian_nor_host(
    host: ProcessHost, trace: Trace
) -> None:
    with trio.fail_after(10):
        script = "trap '' TERM INT HUP; echo; exec cat"
        async with await host.start(trace.shell(script), stdin=Stdin.PIPE, grace=0.01) as process:
            assert await process.stdout.receive_some() == b"\n"
            guardian = parent_of(process.pid)
            for pid in (process.pid, guardian, parent_of(guardian)):
                for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                    os.kill(pid, number)
            before = host.pid
            assert (await run(host, trace.command("true"))).exit.ok
            assert host.pid == before
            # Told by the guardian, and not lost with it.
            assert await process.terminate() == Exit(signal=9)


@pytest.mark.real
async def test_a_child_outlives_the_thread_that_started_its_host(host: ProcessHost, trace: Trace) -> None:
    """A worker thread of trio ends after 10 s of idleness: what is bound to it would end then."""
    with trio.fail_after(60):
        async with await host.start(trace.command("cat"), stdin=Stdin.PIPE) as process:
            await trio.sleep(16)
            assert process.stdin is not None
            await process.stdin.send_all(b"alive")
            assert await process.stdout.receive_some() == b"alive"


_ROOT = Path(__file__).parents[3]
_MAY_BECOME_ROOT = (
    "setpriv",
    "--reuid=65534",
    "--clear-groups",
    "--inh-caps=-all,+setuid",
    "--ambient-caps=-all,+setuid",
)


@pytest.mark.real
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can let another user become root")
@pytest.mark.skipif(not is_open_to_others(_ROOT / "hermes"), reason="another user may not enter this folder")
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not installed")
async def test_one_that_may_not_be_killed_is_told_and_not_waited_for_for_ever(trace: Trace) -> None:
    """A program of another user, as `sudo` makes them. Its guardian stays with it until it ends."""
    code = """
import os, trio
from hermes.process import OutcomeUnknown, ProcessHost
from tests.hermes.process.traces import MARK, Trace, parent_of

async def main():
    trace = Trace(os.environ[MARK])
    async with ProcessHost() as host:
        command = trace.command("setpriv", "--reuid=0", "sh", "-c", "echo; exec sleep 1000")
        process = await host.start(command, grace=0.1)
        await process.stdout.receive_some()
        print(process.pid, parent_of(process.pid), flush=True)
        try:
            await process.terminate()
        except OutcomeUnknown as error:
            print(error, flush=True)
        os._exit(0)

trio.run(main)
"""
    with trio.fail_after(60):
        done = await trio.run_process(
            [*_MAY_BECOME_ROOT, sys.executable, "-c", code],
            capture_stdout=True,
            capture_stderr=True,
            env={**trace.environment, "PYTHONPATH": os.fspath(_ROOT)},
        )
        pids, text = done.stdout.decode().splitlines()
        child, guardian = map(int, pids.split())
        assert text == f"process {child} cannot be killed: the kernel or another user holds it"
        assert b"1 of its processes cannot be killed" in done.stderr
        assert state_of(guardian) not in "XZ"
        os.kill(child, signal.SIGKILL)
        await until(lambda: state_of(guardian) in "XZ")

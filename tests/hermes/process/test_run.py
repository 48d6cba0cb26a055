"""Running a command to its end."""

import os
import sys
from pathlib import Path

import pytest
import trio

from hermes.process import Completed, Exit, ProcessHost, run
from hermes.process import run as run_module
from tests.hermes.process.traces import Trace, children_of

_ROOT = Path(__file__).parents[3]
_GIGABYTE = 1_000_000_000


async def test_both_streams_are_kept_in_the_order_of_their_writing(host: ProcessHost, trace: Trace) -> None:
    with trio.fail_after(10):
        done = await run(host, trace.shell("echo a; echo b >&2; echo c; exit 3"))
    assert done == Completed(Exit(code=3), b"a\nb\nc\n", truncated=False, total_bytes=6, timed_out=False)


async def test_input_is_handed_over_whole_and_ends(host: ProcessHost, trace: Trace) -> None:
    data = os.urandom(1_000_000)
    with trio.fail_after(10):
        done = await run(host, trace.command("cat"), input=data, limit=len(data))
    assert done.output == data


async def test_input_need_not_be_read(host: ProcessHost, trace: Trace) -> None:
    with trio.fail_after(10):
        done = await run(host, trace.command("head", "-c", "3"), input=b"x" * 1_000_000)
        assert (done.output, done.exit) == (b"xxx", Exit(code=0))
        assert (await run(host, trace.command("true"), input=b"x" * 1_000_000)).exit.ok


async def test_output_beyond_the_limit_is_counted_and_left_out(host: ProcessHost, trace: Trace) -> None:
    with trio.fail_after(10):
        done = await run(host, trace.shell("seq 100000"), limit=20)
    assert done.output == b"1\n2\n3\n4\n\n[... 588875 bytes left out ...]\n9999\n100000\n"
    assert (done.truncated, done.total_bytes) == (True, 588_895)


async def test_one_that_takes_too_long_is_ended_and_its_output_is_kept(host: ProcessHost, trace: Trace) -> None:
    with trio.fail_after(20):
        done = await run(host, trace.shell("trap '' TERM; echo begun; setsid sleep 1000"), timeout=1, grace=0.1)
        assert done == Completed(Exit(signal=9), b"begun\n", truncated=False, total_bytes=6, timed_out=True)
        assert trace.pids() == set()


async def test_one_that_ends_in_time_is_not_said_to_have_taken_too_long(host: ProcessHost, trace: Trace) -> None:
    with trio.fail_after(20):
        done = await run(host, trace.command("true"), timeout=1000)
    assert (done.exit, done.timed_out) == (Exit(code=0), False)


async def test_a_stranger_who_was_handed_the_pipe_is_not_waited_for(
    host: ProcessHost, trace: Trace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This process itself, which is no descendant of the command, plays the stranger."""
    monkeypatch.setattr(sys.modules[run_module.__module__], "_DRAIN_SECONDS", 0.05)
    held = tmp_path / "held"
    script = f"echo hello; until [ -e {held} ]; do sleep 0.01; done"
    outputs: list[bytes] = []

    async def keep() -> None:
        outputs.append((await run(host, trace.command("sh", "-c", script))).output)

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keep)
            await trace.appears(1)
            (guardian,) = children_of(host.pid or 0)
            (child,) = children_of(guardian)
            pipe = os.open(f"/proc/{child}/fd/1", os.O_WRONLY)
            os.close(os.open(held, os.O_CREAT))
        os.close(pipe)
    assert outputs == [b"hello\n"]


async def test_a_gigabyte_passes_through_memory_that_stays_flat(trace: Trace) -> None:
    """In a process of its own, whose peak nothing else has raised."""
    code = f"""
import os, resource, trio
from hermes.process import ProcessHost, run
from tests.hermes.process.traces import MARK, Trace

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

async def main():
    trace = Trace(os.environ[MARK])
    async with ProcessHost() as host:
        await run(host, trace.shell("head -c 10000000 /dev/zero"))
        before = peak()
        done = await run(host, trace.shell("yes | head -c {_GIGABYTE}"))
        print(done.total_bytes, len(done.output) < 50_100, peak() - before)

trio.run(main)
"""
    with trio.fail_after(60):
        done = await trio.run_process(
            [sys.executable, "-c", code],
            capture_stdout=True,
            env={**trace.environment, "PYTHONPATH": os.fspath(_ROOT)},
        )
    total, bounded, kilobytes = done.stdout.split()
    assert (int(total), bounded) == (_GIGABYTE, b"True")
    assert int(kilobytes) < 2_000


async def test_what_prints_for_ever_is_ended_in_time(host: ProcessHost, trace: Trace) -> None:
    with trio.fail_after(20):
        done = await run(host, trace.command("yes"), timeout=0.2)
    assert (done.timed_out, done.truncated, done.exit) == (True, True, Exit(signal=15))

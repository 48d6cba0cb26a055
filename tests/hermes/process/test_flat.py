"""Nothing grows with the number of children: no descriptor, no zombie, no memory of the host."""

import os

import trio

from hermes.process import ProcessHost, run
from tests.descriptors import descriptors
from tests.hermes.process.traces import Trace, children_of, is_idle, read

_SPAWNS = 200


def resident_pages(pid: int) -> int:
    return int(read(f"/proc/{pid}/statm").split()[1])


async def test_two_hundred_children_leave_no_trace(host: ProcessHost, trace: Trace) -> None:
    with trio.fail_after(60):
        for _ in range(20):
            await run(host, trace.command("true"))
        pid = await is_idle(host)
        own, hosts, pages = descriptors(collect=True), descriptors(pid), resident_pages(pid)
        for number in range(_SPAWNS):
            done = await run(host, trace.shell(f"setsid true & exit {number % 7}"), input=b"x")
            assert done.exit.code == number % 7
        await is_idle(host)
        assert descriptors() == own
        assert descriptors(pid) == hosts
        assert children_of(pid) == {}
        assert set(children_of(os.getpid())) == {pid}
        assert resident_pages(pid) - pages < 50
        assert trace.pids() == set()

"""What a child costs: time to its start, memory of its guardian, and the speed of its output. Run by hand.

    python benchmarks/process_cost.py

Memory is the proportional set size (PSS) of /proc/PID/smaps_rollup: what is shared between guardians is counted once,
in parts. The bars are 3 ms and 2 MB a child (docs/adr/0011-child-processes.md).
"""

import os
import statistics
import time
from pathlib import Path

import trio

from hermes.process import Command, Process, ProcessHost, filtered_environment, run

_CHILDREN = 50
_OUTPUT_BYTES = 1_000_000_000


def proportional_kilobytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def resident_kilobytes() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def told(name: str, seconds: list[float]) -> str:
    milliseconds = sorted(second * 1000 for second in seconds)
    median, best, worst = statistics.median(milliseconds), milliseconds[0], milliseconds[-1]
    return f"{name}: median {median:.2f} ms, best {best:.2f}, worst {worst:.2f}"


async def main() -> None:
    environment = filtered_environment(os.environ)
    async with ProcessHost() as host:
        begin = time.perf_counter()
        await run(host, Command(("/bin/true",), env=environment))
        print(f"first child, with the host: {(time.perf_counter() - begin) * 1000:.1f} ms")

        starts: list[float] = []
        processes: list[Process] = []
        for _ in range(_CHILDREN):
            begin = time.perf_counter()
            processes.append(await host.start(Command(("/bin/sleep", "1000"), env=environment)))
            starts.append(time.perf_counter() - begin)
        print(told("start of a child", starts))
        memory = [proportional_kilobytes(parent_of(process.pid)) for process in processes]
        print(f"guardian: {statistics.mean(memory) / 1000:.2f} MB of PSS each, {_CHILDREN} beside each other")
        assert host.pid is not None
        print(f"host: {proportional_kilobytes(host.pid) / 1000:.2f} MB of PSS")

        ends: list[float] = []
        for process in processes:
            begin = time.perf_counter()
            await process.aclose()
            ends.append(time.perf_counter() - begin)
        print(told("end of a child that obeys SIGTERM", ends))

        whole: list[float] = []
        for _ in range(_CHILDREN):
            begin = time.perf_counter()
            await run(host, Command(("/bin/true",), env=environment))
            whole.append(time.perf_counter() - begin)
        print(told("run of /bin/true, start to end", whole))

        before = resident_kilobytes()
        begin = time.perf_counter()
        done = await run(host, Command(("head", "-c", str(_OUTPUT_BYTES), "/dev/zero"), env=environment))
        seconds = time.perf_counter() - begin
        grown = resident_kilobytes() - before
        print(f"output: {done.total_bytes / seconds / 1e6:.0f} MB/s, {grown} KB more at the peak")


if __name__ == "__main__":
    trio.run(main)

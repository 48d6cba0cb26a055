"""What a child finds at its start."""

import os
import subprocess
from pathlib import Path

import pytest
import trio
from attrs import evolve

from hermes.errors import Unavailable
from hermes.process import ProcessHost, Stdin, TerminalSize, run
from hermes.process import connection as connection_module
from tests.hermes.process.traces import MARK, Trace, parent_of, read, working_directory_of


async def output(host: ProcessHost, trace: Trace, script: str) -> str:
    with trio.fail_after(10):
        done = await run(host, trace.shell(script))
    assert done.exit.ok, done
    return done.output.decode()


async def test_no_process_begins_before_the_first_child(host: ProcessHost, trace: Trace) -> None:
    assert host.pid is None
    await output(host, trace, "true")
    first = host.pid
    await output(host, trace, "true")
    assert first == host.pid


async def test_the_environment_is_exactly_the_one_of_the_command(host: ProcessHost, trace: Trace) -> None:
    command = evolve(trace.command("/usr/bin/env"), env={MARK: trace.mark, "EMPTY": "", "LINES": "a\nb=c"})
    with trio.fail_after(10):
        done = await run(host, command)
    assert done.output.decode() == f"{MARK}={trace.mark}\nEMPTY=\nLINES=a\nb=c\n"


async def test_the_environment_of_the_gateway_cannot_be_read_from_the_host_or_a_guardian(
    host: ProcessHost, trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_KEY", "sk-very-secret")
    monkeypatch.setenv("LD_LIBRARY_PATH", "")
    with trio.fail_after(10):
        async with await host.start(trace.command("sleep", "1000")) as process:
            guardian = parent_of(process.pid)
            assert parent_of(guardian) == host.pid
            for pid in (guardian, parent_of(guardian)):
                names = {entry.split(b"=")[0] for entry in read(f"/proc/{pid}/environ").split(b"\0")}
                # The interpreter itself adds the first.
                assert names <= {b"LC_CTYPE", b"LD_LIBRARY_PATH", b""}


async def test_no_pattern_that_ends_the_gateway_by_its_name_matches_host_or_guardian(
    host: ProcessHost, trace: Trace
) -> None:
    with trio.fail_after(10):
        async with await host.start(trace.command("sleep", "1000")) as process:
            guardian = parent_of(process.pid)
            for pid, title in ((guardian, b"child-guardian"), (parent_of(guardian), b"child-host")):
                assert read(f"/proc/{pid}/comm") == title + b"\n"
                assert read(f"/proc/{pid}/cmdline").rstrip(b"\0") == title


def test_the_host_loads_nothing_that_is_not_needed() -> None:
    """It is in the memory of every guardian."""
    code = connection_module._BOOTSTRAP.replace("\nmain()\n", "\nprint(*sys.modules)\n")
    assert code != connection_module._BOOTSTRAP
    done = subprocess.run(
        [*connection_module._COMMAND[:4], code, *connection_module._COMMAND[5:]],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert "hermes.process.keeper.main" in loaded
    assert loaded.isdisjoint({"trio", "attr", "attrs", "typing", "asyncio", "subprocess", "logging", "threading", "re"})
    assert len(loaded) < 70


async def test_the_working_directory_is_the_one_of_the_command(host: ProcessHost, trace: Trace, tmp_path: Path) -> None:
    with trio.fail_after(10):
        done = await run(host, trace.command("pwd", cwd=tmp_path))
    assert done.output.decode() == f"{tmp_path}\n"


async def test_without_one_it_is_the_present_one_of_the_gateway(
    host: ProcessHost, trace: Trace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await output(host, trace, "true")
    monkeypatch.chdir(tmp_path)
    assert await output(host, trace, "pwd") == f"{tmp_path}\n"


async def test_neither_host_nor_guardian_holds_the_working_directory(
    host: ProcessHost, trace: Trace, tmp_path: Path
) -> None:
    with trio.fail_after(10):
        async with await host.start(trace.command("sleep", "1000", cwd=tmp_path)) as process:
            guardian = parent_of(process.pid)
            assert {working_directory_of(pid) for pid in (guardian, parent_of(guardian))} == {Path("/")}


async def test_the_umask_is_the_one_asked_for(host: ProcessHost, trace: Trace) -> None:
    with trio.fail_after(10):
        done = await run(host, evolve(trace.shell("umask"), umask=0o027))
    assert done.output == b"0027\n"
    own = os.umask(0o077)
    os.umask(own)
    assert int(await output(host, trace, "umask"), 8) == own


async def test_signals_are_neither_blocked_nor_ignored(host: ProcessHost, trace: Trace) -> None:
    text = await output(host, trace, "trap - PIPE; grep -E '^Sig(Blk|Ign)' /proc/self/status")
    blocked, ignored = (int(line.split()[1], 16) for line in text.splitlines())
    # The C library keeps 32 and 33 for itself, and its posix_spawn leaves them ignored.
    assert (blocked, ignored & ~(0b11 << 31)) == (0, 0)


async def test_only_the_three_standard_descriptors_are_open(host: ProcessHost, trace: Trace) -> None:
    # The fourth is the folder that `ls` reads.
    assert (await output(host, trace, "exec ls /proc/self/fd")).split() == ["0", "1", "2", "3"]


async def test_it_leads_a_session_and_a_group_of_its_own(host: ProcessHost, trace: Trace) -> None:
    pid, group, session, terminal = (await output(host, trace, "ps -o pid=,pgid=,sid=,tty= -p $$")).split()
    assert (pid, pid, "?") == (group, session, terminal)


async def test_the_kernel_takes_it_first_when_memory_is_short(host: ProcessHost, trace: Trace) -> None:
    assert await output(host, trace, "until [ $(cat /proc/self/oom_score_adj) = 500 ]; do :; done; echo yes") == "yes\n"
    assert read(f"/proc/{host.pid}/oom_score_adj") == read("/proc/self/oom_score_adj")


async def test_stdin_is_at_its_end_unless_asked_for(host: ProcessHost, trace: Trace) -> None:
    assert await output(host, trace, "cat; readlink /proc/self/fd/0") == "/dev/null\n"


async def test_a_conversation_goes_over_stdin_and_stdout(host: ProcessHost, trace: Trace) -> None:
    with trio.fail_after(10):
        async with await host.start(trace.command("cat"), stdin=Stdin.PIPE) as process:
            assert process.stdin is not None
            for word in (b"one", b"two"):
                await process.stdin.send_all(word)
                assert await process.stdout.receive_some() == word
            await process.stdin.aclose()
            assert await process.stdout.receive_some() == b""
            assert (await process.wait()).ok


async def test_stderr_is_apart_unless_it_is_merged(host: ProcessHost, trace: Trace) -> None:
    command = trace.shell("echo out; echo err >&2")
    with trio.fail_after(10):
        async with await host.start(command) as process:
            assert process.stderr is not None
            assert [chunk async for chunk in process.stdout] == [b"out\n"]
            assert [chunk async for chunk in process.stderr] == [b"err\n"]
        async with await host.start(command, merge_stderr=True) as process:
            assert process.stderr is None
            assert b"".join([chunk async for chunk in process.stdout]) == b"out\nerr\n"


async def test_a_terminal_has_a_size_that_can_be_changed_and_an_end(host: ProcessHost, trace: Trace) -> None:
    script = 'stty size; trap "stty size; exit 5" WINCH; tty; while :; do read line; done'
    with trio.fail_after(10):
        async with await host.start(trace.shell(script), terminal=TerminalSize(30, 100)) as process:
            text = b""
            while text.count(b"\n") < 2:
                text += await process.stdout.receive_some()
            size, name = text.decode().split("\r\n")[:2]
            assert size == "30 100"
            assert name.startswith("/dev/pts/")
            process.resize(TerminalSize(40, 120))
            assert b"".join([chunk async for chunk in process.stdout]).startswith(b"40 120")
            assert (await process.wait()).code == 5


async def test_closing_one_side_of_a_terminal_lets_nobody_block_on_the_other(host: ProcessHost, trace: Trace) -> None:
    with trio.fail_after(10):
        async with await host.start(trace.command("sleep", "1000"), terminal=TerminalSize()) as process:
            assert isinstance(process.stdin, trio.lowlevel.FdStream)
            await process.stdout.aclose()
            assert not os.get_blocking(process.stdin.fileno())


async def test_a_terminal_is_the_controlling_one(host: ProcessHost, trace: Trace) -> None:
    with trio.fail_after(10):
        async with await host.start(trace.command("sleep", "1000"), terminal=TerminalSize()) as process:
            assert process.stdin is not None
            await process.stdin.send_all(b"\x03")
            assert (await process.wait()).signal == 2


async def test_arguments_larger_than_any_packet_arrive_whole(host: ProcessHost, trace: Trace) -> None:
    words = [f"{number:050000}" for number in range(20)]
    with trio.fail_after(20):
        done = await run(host, trace.command("printf", "%s", *words), limit=2_000_000)
    assert done.output == "".join(words).encode()


async def test_bytes_that_are_no_text_pass_through_arguments_and_variables(host: ProcessHost, trace: Trace) -> None:
    odd = os.fsdecode(b"\xff\xfe")
    command = evolve(trace.command("sh", "-c", 'printf "$1$ODD"', "sh", odd), env={**trace.environment, "ODD": odd})
    with trio.fail_after(10):
        done = await run(host, command)
    assert done.output == b"\xff\xfe\xff\xfe"


async def test_many_start_beside_each_other(host: ProcessHost, trace: Trace) -> None:
    codes: list[int | None] = []

    async def one(number: int) -> None:
        codes.append((await run(host, trace.shell(f"exit {number}"))).exit.code)

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            for number in range(50):
                nursery.start_soon(one, number)
    assert sorted(codes, key=str) == sorted(range(50), key=str)


async def test_run_is_an_actor_that_reports_itself_ready(trace: Trace) -> None:
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            host = await nursery.start(ProcessHost().run)
            await output(host, trace, "true")
            await host.start(trace.command("sleep", "1000"))
            nursery.cancel_scope.cancel()


async def test_nothing_starts_when_nobody_owns_the_host(trace: Trace) -> None:
    host = ProcessHost()
    with pytest.raises(Unavailable, match="not running"):
        await host.start(trace.command("true"))
    async with host:
        pass
    with pytest.raises(Unavailable, match="not running"):
        await host.start(trace.command("true"))

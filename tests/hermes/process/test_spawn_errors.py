"""A command that cannot start says in one line why, and leaves nothing."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import trio
from attrs import evolve

from hermes.process import Command, OutcomeUnknown, ProcessHost, SpawnError, TerminalSize, run, wire
from hermes.process import connection as connection_module
from tests.descriptors import descriptors
from tests.hermes.process.traces import Trace, is_idle


async def failure(host: ProcessHost, command: Command) -> str:
    with trio.fail_after(10), pytest.raises(SpawnError) as caught:
        await host.start(command)
    return str(caught.value)


def make_program(path: Path, text: str = "echo hello\n", mode: int = 0o755) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A script without a first line."""
    return make_program(tmp_path / "program")


async def test_a_name_that_is_nowhere_in_path(host: ProcessHost, trace: Trace) -> None:
    command = evolve(trace.command("nowhere"), env={"PATH": "/bin:/usr/bin"})
    assert await failure(host, command) == "cannot start 'nowhere': not found in PATH (/bin:/usr/bin)"


async def test_a_path_that_is_not_there(host: ProcessHost, trace: Trace) -> None:
    assert await failure(host, trace.command("/no/where")) == "cannot start '/no/where': there is no such file"


async def test_a_file_that_may_not_be_executed(host: ProcessHost, trace: Trace, program: Path) -> None:
    make_program(program, mode=0o644)
    assert "may not be executed" in await failure(host, trace.command(str(program)))
    named = evolve(trace.command(program.name), env={"PATH": f"/nowhere:{program.parent}:{program}/x"})
    assert "may not be executed" in await failure(host, named)


async def test_a_folder(host: ProcessHost, trace: Trace, tmp_path: Path) -> None:
    assert "may not be executed" in await failure(host, trace.command(str(tmp_path)))


async def test_a_script_without_a_first_line(host: ProcessHost, trace: Trace, program: Path) -> None:
    assert "needs a first line such as #!/bin/sh" in await failure(host, trace.command(str(program)))


async def test_a_script_whose_interpreter_is_missing(host: ProcessHost, trace: Trace, program: Path) -> None:
    make_program(program, "#!/no/interpreter\n")
    assert "interpreter" in await failure(host, trace.command(str(program)))
    named = evolve(trace.command(program.name), env={"PATH": str(program.parent)})
    assert "interpreter" in await failure(host, named)


@pytest.mark.parametrize("name", ["gone", "program"])
async def test_a_working_directory_that_is_none(host: ProcessHost, trace: Trace, program: Path, name: str) -> None:
    folder = program.with_name(name)
    assert f"working directory '{folder}'" in await failure(host, trace.command("true", cwd=folder))


async def test_the_present_directory_was_removed(
    host: ProcessHost, trace: Trace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert "working directory '.'" in await failure(host, trace.command("true"))


async def test_arguments_that_the_kernel_does_not_take(host: ProcessHost, trace: Trace) -> None:
    text = await failure(host, trace.command("true", "x" * 3_000_000))
    assert text == (
        "cannot start 'true': its arguments and environment are too long: hand large data over on stdin or in a file"
    )


@pytest.mark.parametrize(
    ("argv", "env"),
    [(("true", "a\0b"), {}), (("true",), {"A": "b\0"}), (("true",), {"A=B": "c"}), (("true",), {"": "c"})],
)
async def test_what_no_program_can_be_given(host: ProcessHost, argv: tuple[str, ...], env: dict[str, str]) -> None:
    assert "NUL" in (text := await failure(host, Command(argv, env=env))) or "name of a variable" in text


async def test_an_empty_entry_of_path_is_not_the_working_directory(
    host: ProcessHost, trace: Trace, program: Path
) -> None:
    make_program(program, "#!/bin/sh\n")
    command = evolve(trace.command(program.name, cwd=program.parent), env={"PATH": ":/usr/bin:"})
    assert "not found in PATH" in await failure(host, command)


async def test_a_later_entry_of_path_is_taken_when_an_earlier_one_may_not_be_executed(
    host: ProcessHost, trace: Trace, tmp_path: Path
) -> None:
    for folder, mode in (("a", 0o644), ("b", 0o755)):
        make_program(tmp_path / folder / "program", f"#!/bin/sh\necho {folder}\n", mode)
    command = evolve(trace.command("program"), env={**trace.environment, "PATH": f"{tmp_path}/a:{tmp_path}/b"})
    with trio.fail_after(10):
        assert (await run(host, command)).output == b"b\n"


async def test_a_guardian_that_fails_tells_why(host: ProcessHost, trace: Trace) -> None:
    with trio.fail_after(10):
        with pytest.raises(OutcomeUnknown, match=r"the guardian of 'true' failed: OverflowError"):
            await host.start(evolve(trace.command("true"), umask=2**70))
        assert (await run(host, trace.command("true"))).exit.ok


@contextmanager
def descriptors_left(count: int) -> Iterator[None]:
    """Within it the gateway can open only so many more."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(entry.name) for entry in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 50, limits[1]))
    taken: list[int] = []
    try:
        with suppress(OSError):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        for _ in range(count):
            os.close(taken.pop())
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.parametrize("terminal", [None, TerminalSize()])
async def test_no_descriptor_is_left_in_the_gateway(
    host: ProcessHost, trace: Trace, terminal: TerminalSize | None
) -> None:
    refused = 0
    with trio.fail_after(10):
        await run(host, trace.command("true"))
        before = descriptors(collect=True)
        for count in range(20):
            with descriptors_left(count):
                try:
                    process = await host.start(trace.command("true"), terminal=terminal)
                except SpawnError as error:
                    assert "raise the limit of open files" in str(error)  # noqa: PT017
                    refused += 1
                else:
                    await process.aclose()
            assert descriptors() == before
    assert 8 <= refused < 15


async def test_no_descriptor_is_left_for_a_host(trace: Trace) -> None:
    async with ProcessHost() as host:
        before = descriptors(collect=True)
        # Enough for the child, and too few for the host.
        with descriptors_left(12):
            await failure(host, trace.command("true"))
        assert descriptors() == before
        with trio.fail_after(10):
            assert (await run(host, trace.command("true"))).exit.ok


async def test_no_descriptor_is_left_in_the_host(host: ProcessHost, trace: Trace) -> None:
    with trio.fail_after(10):
        await run(host, trace.command("true"))
        pid = await is_idle(host)
        before = descriptors(pid)
        limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        for count in range(1, len(wire.DESCRIPTORS)):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (before + count, limits[1]))
            assert "raise the limit of open files" in await failure(host, trace.command("true"))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (before, limits[1]))
        assert "loses what it is sent" in await failure(host, trace.command("true"))
        assert descriptors(await is_idle(host)) == before
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
        assert (await run(host, trace.command("true"))).exit.ok


async def test_a_host_that_fails_tells_the_log_why(
    host: ProcessHost, trace: Trace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = [*connection_module._COMMAND[:3], "-c", "raise ImportError('no module named keeper')"]
    with trio.fail_after(20):
        with monkeypatch.context() as patch:
            patch.setattr(connection_module, "_COMMAND", broken)
            assert "see the log" in await failure(host, trace.command("true"))
        assert (await run(host, trace.command("true"))).exit.ok
    assert "no module named keeper" in caplog.text


async def test_an_interpreter_that_is_gone_is_named(
    host: ProcessHost, trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(connection_module, "_COMMAND", ["/no/python"])
        assert "cannot start the process host" in await failure(host, trace.command("true"))
    with trio.fail_after(10):
        assert (await run(host, trace.command("true"))).exit.ok

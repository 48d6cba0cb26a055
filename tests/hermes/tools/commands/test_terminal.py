"""Commands that are really run."""

from pathlib import Path

import pytest
import trio

from hermes.redact import PLACEHOLDER, Redactor
from hermes.tools.commands.terminal import LONGEST_TIMEOUT, terminal
from hermes.tools.contract import ToolResult
from hermes.tools.registry import Registry
from tests.hermes.tools.ports import LocalProcesses, World, printed


async def test_output_and_exit_code_are_told(world: World) -> None:
    result = await world.result(terminal, command="echo out; echo err >&2; exit 3")
    assert result == ToolResult("out\nerr\n[exit code 3]")


async def test_a_command_that_prints_nothing_says_so(world: World) -> None:
    assert await world.result(terminal, command="true") == ToolResult("(no output)\n[exit code 0]")


async def test_a_command_that_is_killed_tells_the_signal(world: World) -> None:
    result = await world.result(terminal, command="kill -9 $$")
    assert result.content == "(no output)\n[ended by signal 9]"


async def test_it_runs_in_the_folder_of_the_session_or_the_one_that_is_named(world: World) -> None:
    (world.cwd / "sub").mkdir(parents=True)
    assert (await world.result(terminal, command="pwd")).content.startswith(f"{world.cwd}\n")
    assert (await world.result(terminal, command="pwd", workdir="sub")).content.startswith(f"{world.cwd}/sub\n")
    assert (await world.result(terminal, command="pwd", workdir="~")).content.startswith(f"{world.home}\n")


async def test_a_folder_that_is_not_there_is_told_before_anybody_is_asked(world: World) -> None:
    result = await world.result(terminal, command="rm -r x", workdir="nowhere")
    assert result == ToolResult(f"Not run: {world.cwd}/nowhere is not a folder.", is_error=True)


async def test_it_sees_only_the_environment_that_was_filtered(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOT_FOR_CHILDREN", "1")
    names = (await world.result(terminal, command="env | cut -d= -f1")).content.split()
    assert "PATH" in names
    assert "NOT_FOR_CHILDREN" not in names


async def test_it_cannot_wait_for_input(world: World) -> None:
    assert (await world.result(terminal, command="cat; echo end")).content == "end\n[exit code 0]"


async def test_a_command_that_does_not_end_is_ended_and_what_it_printed_is_told(world: World, tmp_path: Path) -> None:
    world.timeout = 1.0
    command = f"echo begun; (sleep 1000; touch {tmp_path}/alive) & sleep 1000"
    result = await world.result(terminal, command=command)
    assert result.is_error
    assert result.content.startswith("begun\n[ended after 1 seconds without finishing")


@pytest.mark.parametrize(("asked", "given"), [(None, 60.0), (5, 5.0), (600, 600.0), (100_000, LONGEST_TIMEOUT)])
async def test_the_timeout_is_the_one_asked_for_within_the_bound(world: World, asked: int | None, given: float) -> None:
    processes = world.processes = LocalProcesses()
    await world.result(terminal, command="true", timeout=asked)
    assert processes.timeouts == [given]


@pytest.mark.parametrize("digits", [30, 400, 4_000])
async def test_a_timeout_that_is_no_time_is_told_to_the_model(world: World, digits: int) -> None:
    arguments = f'{{"command": "true", "timeout": 1{"0" * digits}}}'
    outcome = await Registry.of([terminal]).invoke("terminal", arguments, world.context())
    assert isinstance(outcome, ToolResult)
    assert outcome.content.startswith("terminal was not run. Argument timeout must be a whole number")


async def test_a_configured_timeout_beyond_the_bound_is_cut_too(world: World) -> None:
    processes = world.processes = LocalProcesses()
    world.timeout = 5_000.0
    await world.result(terminal, command="true")
    assert processes.timeouts == [LONGEST_TIMEOUT]


@pytest.mark.parametrize("timeout", [0, -1])
async def test_a_timeout_of_nothing_is_refused(world: World, timeout: int) -> None:
    assert (await world.result(terminal, command="true", timeout=timeout)).is_error


@pytest.mark.parametrize("command", ["", "  \n", "echo a\0b"])
async def test_a_command_without_text_or_with_a_nul_is_refused(world: World, command: str) -> None:
    assert (await world.result(terminal, command=command)).content.startswith("Not run: a command needs text")


async def test_a_flood_of_output_is_bounded_and_its_size_is_told(world: World) -> None:
    processes = world.processes = LocalProcesses()
    result = await world.result(terminal, command="yes 0123456789 | head -c 3000000")
    assert len(result.content) < 51_000
    assert "characters left out" in result.content
    assert result.content.endswith("[exit code 0; 3,000,000 bytes were printed]")
    assert processes.limits == [200_000]


async def test_colours_are_stripped_and_secrets_redacted(world: World) -> None:
    world.redactor = Redactor(["correct-horse"])
    world.processes = printed("\x1b[32mcorrect-horse\x1b[0m ghp_" + "aB3dE6" * 6)
    result = await world.result(terminal, command="cat x")
    assert result.content == f"{PLACEHOLDER} ghp_{PLACEHOLDER}\n[exit code 0]"


async def test_bash_is_used_where_there_is_one(world: World) -> None:
    assert (await world.result(terminal, command="echo ${BASH_VERSION:+bash}")).content == "bash\n[exit code 0]"


async def test_without_bash_sh_is_used(world: World) -> None:
    processes = world.processes = printed("")
    context = world.context()
    object.__setattr__(context, "environment", {"PATH": str(world.root)})
    with trio.fail_after(10):
        await terminal.run(context, command="true")
    assert processes.started == [("sh", "-c", "true")]


async def test_cancelling_the_call_ends_the_command_and_all_that_it_started(world: World) -> None:
    marker = world.cwd / "marker"
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            run = terminal.run
            nursery.start_soon(
                lambda: run(
                    world.context(), command=f"(sleep 300 & echo $! > {marker}.t; mv {marker}.t {marker}; wait)"
                )
            )
            while not marker.exists():
                await trio.sleep(0.01)
            nursery.cancel_scope.cancel()
    child = int(marker.read_text())
    with trio.fail_after(10):
        while await trio.Path(f"/proc/{child}").exists():
            await trio.sleep(0.01)

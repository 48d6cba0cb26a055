"""Commands in the real bubblewrap: what they see of this machine, and what they can change."""

import json
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
import trio

from hermes.agent.ports import BackgroundCommand, BackgroundView
from hermes.asks import AskRequest
from hermes.errors import ConfigError, Refused
from hermes.tools.commands import bubblewrap
from hermes.tools.commands.bubblewrap import Homes, wrap
from hermes.tools.commands.terminal import terminal
from hermes.tools.contract import Sandbox, ToolContext, ToolResult
from hermes.tools.registry import Registry
from hermes.tools.search import tool as search_module
from tests.hermes.tools.ports import LocalProcesses, World


def _refusal() -> str:
    """Why bubblewrap does not work here; empty when it does."""
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed"
    tried = subprocess.run(
        ["bwrap", "--unshare-user-try", "--unshare-pid", "--unshare-net", "--ro-bind", "/", "/", "true"],
        capture_output=True,
        check=False,
        timeout=30,
    )
    return tried.stderr.decode().strip()


_REFUSAL = _refusal()
real = pytest.mark.skipif(bool(_REFUSAL), reason=f"no name spaces here: {_REFUSAL}")


@pytest.fixture
def boxed(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world in the sandbox, whose home is not already hidden by lying in the /tmp of this machine."""
    monkeypatch.setattr(bubblewrap, "PRIVATE", ("/run", "/var/tmp"))
    world.sandbox = Sandbox()
    world.cwd.mkdir(parents=True)
    return world


async def _said(world: World, command: str, workdir: str | None = None) -> str:
    return (await world.result(terminal, command=command, workdir=workdir)).content


def _put(path: Path, text: str = "for nobody") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@real
async def test_output_and_exit_code_are_those_of_the_command(boxed: World) -> None:
    assert await _said(boxed, "echo out; echo err >&2; exit 3") == "out\nerr\n[exit code 3]"


@real
async def test_the_working_directory_is_writable_and_keeps_what_is_written(boxed: World) -> None:
    assert await _said(boxed, "mkdir -p a && echo kept > a/b && pwd") == f"{boxed.cwd}\n[exit code 0]"
    assert (boxed.cwd / "a" / "b").read_text() == "kept\n"


@real
@pytest.mark.parametrize("place", ["/usr", "/etc", "/", "/var/lib", "{home}", "/sys", "/proc/sys/kernel"])
async def test_the_system_and_the_home_are_read_only(boxed: World, place: str) -> None:
    target = Path(place.format(home=boxed.home)) / "hermes-test"
    # In a script, so that nobody is asked: the sandbox is tried here, and not the approval.
    script = _put(boxed.cwd / "try.sh", f"echo x > {target} && echo written")
    assert "written" not in await _said(boxed, f"sh {script.name}")
    assert not target.exists()


@real
async def test_tmp_is_private_and_goes_with_the_command(world: World) -> None:
    world.sandbox = Sandbox()
    world.cwd.mkdir(parents=True)
    neighbour = _put(world.root / "neighbour")
    assert await _said(world, f"ls {neighbour} 2>&1; echo x > /tmp/mine && cat /tmp/mine; echo $TMPDIR") == (
        f"ls: cannot access '{neighbour}': No such file or directory\nx\n/tmp\n[exit code 0]"
    )
    assert "No such file" in await _said(world, "ls /tmp/mine")
    assert not Path("/tmp/mine").exists()


@real
@pytest.mark.parametrize(
    "name",
    [
        ".ssh/id_ed25519",
        ".ssh/config",
        ".aws/credentials",
        ".aws/config",
        ".env",
        ".netrc",
        ".gnupg/private-keys-v1.d/key",
        ".config/gh/hosts.yml",
        ".docker/config.json",
        ".hermes/.env",
        ".hermes/state.db",
        "work/.env",
    ],
)
async def test_secrets_are_not_there(boxed: World, name: str) -> None:
    secret = _put(boxed.home / name, "a very secret word")
    script = _put(boxed.cwd / "read.sh", f"cat {secret}; cat {name}; cat ../{name}; echo read")
    said = await _said(boxed, f"sh {script.name}")
    assert "a very secret word" not in said
    assert "read" in said
    assert secret.read_text() == "a very secret word"


@real
async def test_a_secret_behind_a_link_is_hidden_where_it_lies(boxed: World) -> None:
    secret = _put(boxed.root / "elsewhere" / "keys" / "id", "a very secret word")
    (boxed.home / ".ssh").symlink_to(secret.parent)
    script = _put(boxed.cwd / "read.sh", f"cat {secret}; cat {boxed.home}/.ssh/id; echo read")
    assert "a very secret word" not in await _said(boxed, f"sh {script.name}")


@real
async def test_a_link_out_of_the_working_directory_leads_to_what_is_read_only(boxed: World) -> None:
    outside = _put(boxed.home / "outside", "as it was")
    (boxed.cwd / "link").symlink_to(outside)
    await _said(boxed, "echo changed > link")
    assert outside.read_text() == "as it was"


@real
async def test_other_processes_are_neither_seen_nor_reached(boxed: World) -> None:
    said = await _said(
        boxed, f"ls /proc | grep -c '^[0-9]'; kill -0 {os.getpid()} && echo reached; ls /proc/{os.getpid()}"
    )
    assert int(said.split()[0]) < 10
    assert "reached" not in said


@real
async def test_no_rights_and_no_way_to_new_ones(boxed: World) -> None:
    said = await _said(boxed, "grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status")
    rights = dict(line.split(":\t") for line in said.splitlines()[:3])
    assert int(rights["CapEff"], 16) == 0
    assert rights["NoNewPrivs"] == "1"


@real
@pytest.mark.parametrize("network", [False, True])
async def test_the_network_is_there_when_it_is_allowed(boxed: World, network: bool) -> None:
    boxed.sandbox = Sandbox(network=network)
    with socket.create_server(("127.0.0.1", 0)) as server:
        script = _put(boxed.cwd / "call.sh", f"exec 3<> /dev/tcp/127.0.0.1/{server.getsockname()[1]} && echo reached")
        assert ("reached" in await _said(boxed, f"bash {script.name}")) is network


@real
async def test_sockets_of_other_programs_are_out_of_sight(boxed: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "/run" in bubblewrap.PRIVATE
    run = boxed.root / "run"
    run.mkdir()
    monkeypatch.setattr(bubblewrap, "PRIVATE", (str(run),))
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(run / "docker.sock"))
        assert (await _said(boxed, f"ls {run}; touch {run}/x")) == "(no output)\n[exit code 0]"
    assert not (run / "x").exists()


@real
async def test_a_time_out_ends_the_command_and_all_that_it_started(boxed: World) -> None:
    boxed.timeout = 1.0
    result = await boxed.result(terminal, command="echo begun; (sleep 100; touch alive) & sleep 1000")
    assert result.is_error
    assert result.content.startswith("begun\n[ended after 1 seconds")


@real
async def test_a_flood_of_output_is_bounded_as_without(boxed: World) -> None:
    said = await _said(boxed, "yes 0123456789 | head -c 3000000")
    assert len(said) < 51_000
    assert said.endswith("[exit code 0; 3,000,000 bytes were printed]")


@real
async def test_a_dangerous_command_is_asked_about_in_the_sandbox_too(boxed: World) -> None:
    assert isinstance(await boxed.call(terminal, command="rm -r build"), AskRequest)
    assert "always blocked" in await _said(boxed, "rm -rf /")


@real
async def test_a_folder_inside_is_run_in_and_one_that_is_hidden_is_refused(boxed: World) -> None:
    (boxed.cwd / "sub").mkdir()
    assert await _said(boxed, "pwd; touch x", workdir="sub") == f"{boxed.cwd}/sub\n[exit code 0]"
    (boxed.home / ".ssh").mkdir()
    with pytest.raises(Refused, match="cannot be seen from within the sandbox"):
        await _said(boxed, "ls", workdir=str(boxed.home / ".ssh"))


@real
async def test_a_folder_elsewhere_is_run_in_and_stays_read_only(boxed: World) -> None:
    (boxed.home / "other").mkdir()
    await _said(boxed, "touch x; mkdir y", workdir=str(boxed.home / "other"))
    assert list((boxed.home / "other").iterdir()) == []


async def test_without_bubblewrap_nothing_runs_and_the_cure_is_told(boxed: World) -> None:
    processes = boxed.processes = LocalProcesses()
    context = boxed.context()
    object.__setattr__(context, "environment", {"PATH": str(boxed.root)})
    for tool, arguments in (("terminal", {"command": "echo x"}), ("search_files", {"pattern": "x"})):
        outcome = await _invoke(context, tool, **arguments)
        assert outcome.is_error
        assert "bubblewrap (bwrap) is not on the PATH: install the package bubblewrap" in outcome.content
        assert "\n" not in outcome.content
    assert processes.started == []


async def test_a_bubblewrap_in_the_working_directory_is_not_trusted(boxed: World) -> None:
    _put(boxed.cwd / "bwrap", "#!/bin/sh\n").chmod(0o755)
    context = boxed.context()
    object.__setattr__(context, "environment", {"PATH": str(boxed.cwd)})
    assert "is not on the PATH" in (await _invoke(context, "terminal", command="true")).content


async def _invoke(context: ToolContext, name: str, **arguments: object) -> ToolResult:
    """As a model calls it: what is wrong with the world is told and not raised."""
    with trio.fail_after(60):
        outcome = await Registry(["file", "terminal"]).invoke(name, json.dumps(arguments), context)
    assert isinstance(outcome, ToolResult)
    return outcome


@pytest.mark.parametrize(
    "writable", ["/", "/etc", "/usr/lib", "/tmp", "{home}", "{root}", "{home}/.hermes", "{home}/.config"]
)
def test_a_folder_that_holds_secrets_or_the_system_is_not_made_writable(boxed: World, writable: str) -> None:
    _put(boxed.home / ".hermes" / "config.yaml")
    _put(boxed.home / ".config" / "gh" / "hosts.yml")
    chosen = Path(writable.format(home=boxed.home, root=boxed.root))
    with pytest.raises(ConfigError, match=r"set terminal\.cwd to a folder of its own"):
        wrap("bwrap", ("true",), chosen, Homes(chosen, boxed.home, boxed.home / ".hermes"), Sandbox())


@real
async def test_a_working_directory_within_the_agents_home_is_seen_and_the_rest_is_not(boxed: World) -> None:
    secret = _put(boxed.home / ".hermes" / ".env", "a very secret word")
    inner = boxed.home / ".hermes" / "workspace"
    inner.mkdir()
    argv = wrap(
        "bwrap", ("sh", "-c", f"echo x > y; cat {secret}"), inner, Homes(inner, boxed.home, secret.parent), Sandbox()
    )
    with trio.fail_after(30):
        output = await LocalProcesses().run(
            argv, cwd=inner, environment={"PATH": os.environ["PATH"]}, timeout=20, limit=9000
        )
    assert "No such file" in output.output
    assert (inner / "y").read_text() == "x\n"


@real
@pytest.mark.parametrize("engine", ["rg", "walk"])
async def test_a_search_runs_in_the_sandbox(world: World, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = shutil.which("rg") if engine == "rg" else None
    if engine == "rg" and found is None:
        pytest.skip("ripgrep is not installed")

    def find(_: str) -> str | None:
        return found

    monkeypatch.setattr(search_module, "find_ripgrep", find)
    world.sandbox = Sandbox()
    processes = world.processes = LocalProcesses()
    _put(world.cwd / "a.txt", "one\nneedle\n")
    context = world.context()
    assert "2:needle" in (await _invoke(context, "search_files", pattern="needle")).content.replace(": ", ":")
    assert processes.started[0][0].endswith("bwrap")


class _Recorded:
    """Takes a background command and starts nothing."""

    def __init__(self) -> None:
        self.commands: list[BackgroundCommand] = []

    async def start(self, command: BackgroundCommand) -> BackgroundView:
        await trio.lowlevel.checkpoint()
        self.commands.append(command)
        return BackgroundView("p1", command.shown, 1, "", 0.0, 0)


@real
@pytest.mark.parametrize("pty", [False, True])
async def test_a_background_command_is_started_in_the_sandbox_and_shown_without_it(boxed: World, pty: bool) -> None:
    context, recorded = boxed.context(), _Recorded()
    object.__setattr__(context, "background", recorded)
    with trio.fail_after(30):
        await terminal.run(context, command="sleep 5", background=True, pty=pty)
    (command,) = recorded.commands
    assert command.argv[0].endswith("bwrap")
    assert command.argv[-2:] == ("-c", "sleep 5")
    assert command.shown == "sleep 5"


@pytest.mark.parametrize("where", ["{home}/note.txt", "../../note.txt", "link/note.txt", "/tmp/hermes-test/note.txt"])
@pytest.mark.parametrize("tool", ["write_file", "patch"])
async def test_the_file_tools_change_nothing_that_a_command_could_not(boxed: World, tool: str, where: str) -> None:
    (boxed.cwd / "link").symlink_to(boxed.home)
    path = where.format(home=boxed.home)
    arguments = {"path": path, "content": "x"}
    if tool == "patch":
        arguments = {"mode": "patch", "patch": f"*** Begin Patch\n*** Add File: {path}\n+x\n*** End Patch"}
    outcome = await Registry(["file"]).invoke(tool, json.dumps(arguments), boxed.context())
    assert isinstance(outcome, ToolResult)
    assert outcome.is_error
    assert f"outside {os.path.realpath(boxed.cwd)}" in outcome.content
    assert not os.path.lexists(boxed.cwd / path)


async def test_the_file_tools_work_within_the_sandbox(boxed: World) -> None:
    for tool, arguments in (
        ("write_file", {"path": "a/note.txt", "content": "one\n"}),
        ("patch", {"mode": "replace", "path": "a/note.txt", "old_string": "one", "new_string": "two"}),
    ):
        outcome = await Registry(["file"]).invoke(tool, json.dumps(arguments), boxed.context())
        assert isinstance(outcome, ToolResult)
        assert not outcome.is_error, outcome.content
    assert (boxed.cwd / "a" / "note.txt").read_text() == "two\n"

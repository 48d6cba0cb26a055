"""Background processes in the sandbox, in a whole tree and under real guardians."""

import shutil
import subprocess
from pathlib import Path

import pytest

from hermes.config.schema import Settings, Terminal, TerminalBackend
from tests.actors.background.talk import call, gone, script, start
from tests.actors.house import house, settings
from tests.actors.scripted import ScriptedModel


def _refusal() -> str:
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed"
    command = ["bwrap", "--unshare-user-try", "--unshare-pid", "--unshare-net", "--ro-bind", "/", "/", "true"]
    tried = subprocess.run(command, capture_output=True, check=False, timeout=30)
    return tried.stderr.decode().strip()


_REFUSAL = _refusal()
pytestmark = pytest.mark.skipif(bool(_REFUSAL), reason=f"no name spaces here: {_REFUSAL}")


def _sandboxed(folder: Path) -> Settings:
    work = folder / "work"
    work.mkdir()
    return settings(terminal=Terminal(backend=TerminalBackend.SANDBOX, cwd=str(work), timeout=20.0))


@pytest.mark.parametrize("pty", [False, True])
async def test_it_runs_there_takes_input_and_ends_with_all_that_it_started(tmp_path: Path, pty: bool) -> None:
    chosen = _sandboxed(tmp_path)
    script_file = tmp_path / "work" / "serve.sh"
    script_file.write_text(
        "sleep 1000 & test -t 0 && echo terminal; echo $$ processes; read line; echo got $line; wait\n"
    )
    async with house(tmp_path, model=ScriptedModel(script), settings=chosen, every_command=False) as gateway:
        process_id, pid = await start(gateway, "1", "sh serve.sh", pty=pty)
        await gateway.chat.say("2", call("process", action="submit", session_id=process_id, data="hello"))
        assert "Written to" in await gateway.chat.answer("2")
        await gateway.chat.say("3", call("process", action="wait", session_id=process_id, timeout=1))
        shown = await gateway.chat.answer("3")
        assert "got hello" in shown
        assert ("terminal" in shown) is pty
        await gateway.chat.say("4", call("process", action="kill", session_id=process_id))
        await gateway.chat.answer("4")
        await gone(pid)
        assert _left(script_file) == []


async def test_it_ends_with_the_tree(tmp_path: Path) -> None:
    chosen = _sandboxed(tmp_path)
    async with house(tmp_path, model=ScriptedModel(script), settings=chosen, every_command=False) as gateway:
        _, pid = await start(gateway, "1", "sleep 1000")
    await gone(pid)


def _left(script_file: Path) -> list[str]:
    """Processes that still work in the folder of the script."""
    folders = ((entry, _folder_of(entry)) for entry in Path("/proc").glob("[0-9]*"))
    return [entry.name for entry, folder in folders if folder == script_file.parent]


def _folder_of(entry: Path) -> Path | None:
    try:
        return (entry / "cwd").readlink()
    except OSError:
        return None

"""SIGKILL of a program with a process in the background: the process ends, and the next start tells of it, once."""

import signal
import subprocess
import sys
from pathlib import Path

import trio

from actors.background.actor import Backgrounds, background_actor
from actors.background.process import Surroundings
from actors.runtime import ChildSpec
from hermes.errors import Unavailable
from hermes.process import ProcessHost
from hermes.redact import Redactor
from tests.actors.stores import open_store
from tests.actors.trees import supervised

_WITHIN = 60.0
_ROOT = Path(__file__).parents[3]

_PROGRAM = """
import sys
from pathlib import Path
import trio
from actors.background.actor import Backgrounds
from actors.background.process import Surroundings
from hermes.agent.ports import BackgroundCommand
from hermes.events import Source
from hermes.process import ProcessHost
from hermes.redact import Redactor
from tests.actors.stores import open_store

async def main(folder):
    async with open_store(folder) as store, ProcessHost() as host, trio.open_nursery() as nursery:
        async def present():
            return host
        backgrounds = Backgrounds(present)
        backgrounds.open(nursery, Surroundings(store, "gateway", Redactor(), print))
        argv = ("/bin/sh", "-c", "trap '' TERM; while :; do sleep 1; done")
        command = BackgroundCommand(argv, "forever", folder, {"PATH": "/usr/bin:/bin"}, notify=True)
        view = await backgrounds.of("key", Source("web", "local", "chat")).start(command)
        print(view.id, view.pid, flush=True)
        await trio.sleep_forever()

trio.run(main, Path(sys.argv[1]))
"""


async def test_a_kill_ends_the_process_and_the_next_start_tells_of_it_once(tmp_path: Path) -> None:
    process_id, pid = await trio.to_thread.run_sync(_run_and_kill, tmp_path)
    with trio.fail_after(_WITHIN):
        while await trio.Path(f"/proc/{pid}").exists():
            await trio.sleep(0.02)
    for _ in range(2):
        async with open_store(tmp_path) as store:
            await _start(Surroundings(store, "gateway", Redactor(), lambda _: None))
            (row,) = await store.pending("key")
            assert row.event.text.startswith(f"[Background process {process_id} (forever) was ended when the agent")
            assert (row.event.source.platform, row.event.source.chat_id) == ("web", "chat")
            assert await store.left_background("gateway") == ()


def _run_and_kill(folder: Path) -> list[str]:
    """Id and pid of the process that the killed program left."""
    command = [sys.executable, "-c", _PROGRAM, str(folder)]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        words = program.stdout.readline().split()
        program.send_signal(signal.SIGKILL)
    return words


async def _start(around: Surroundings) -> None:
    async def none() -> ProcessHost:
        raise Unavailable("not needed")

    async def actor(context: object, *, task_status: trio.TaskStatus[None]) -> None:
        await background_actor(context, Backgrounds(none), around, task_status=task_status)  # type: ignore[arg-type]

    async with supervised(ChildSpec("background", actor)):
        pass

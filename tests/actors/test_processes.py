"""The host of child processes is lent while there is one, and waited for while there is none."""

from functools import partial
from pathlib import Path

import pytest
import trio

from actors import processes
from actors.processes import LentHost, processes_actor
from actors.runtime import ChildSpec
from hermes.errors import Unavailable
from tests.actors.trees import supervised


async def echo(lent: LentHost, cwd: Path) -> str:
    done = await lent.run(
        ("/bin/echo", "hello"), cwd=cwd, environment={"PATH": "/usr/bin:/bin"}, timeout=20.0, limit=1000
    )
    return done.output


async def test_a_command_waits_for_a_host_that_is_not_there_yet(tmp_path: Path) -> None:
    lent, said = LentHost(), list[str]()

    async def run() -> None:
        said.append(await echo(lent, tmp_path))

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            await trio.testing.wait_all_tasks_blocked()
            assert said == []
            async with supervised(ChildSpec("processes", partial(processes_actor, lent=lent), shutdown=20.0)):
                while not said:
                    await trio.sleep(0.01)
    assert said == ["hello\n"]


async def test_without_a_host_a_command_is_given_up_in_the_end(tmp_path: Path, autojump_clock: object) -> None:
    begun = trio.current_time()
    with pytest.raises(Unavailable, match="cannot be started just now"):
        await echo(LentHost(), tmp_path)
    assert trio.current_time() - begun == pytest.approx(processes.HOST_WITHIN)

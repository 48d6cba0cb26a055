"""SIGKILL at every named point while a program waits for an answer: it asks again under its key, and there is one."""

import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import trio

from hermes.failpoints import FAILPOINTS
from tests.kill.api import KEY, Program
from tests.kill.process import Gateway

pytestmark = pytest.mark.kill

# Seconds for one scenario, restart included, on a machine that is busy with other tests.
WITHIN = 120.0

# Nobody is asked over the interface, and no answer grows by edits there.
NEVER = {"ask.after_open", "ask.after_answer", "draft.after_begin", "draft.after_send", "draft.after_sent"}

# A point that is also passed before the port is open is armed for a later hit.
LATER = {"store.before_commit": (1, 3, 5), "store.after_commit": (1, 3, 5)}

CASES = [(name, hit, False) for name in sorted(set(FAILPOINTS) - NEVER) for hit in LATER.get(name, (1,))]

# What a stream adds stands before the end of the turn, and between it and the send.
STREAMED = [(name, 1, True) for name in ("turn.after_model", "turn.before_finish", "turn.after_finish")]


@pytest.fixture
def keyed(gateway: Gateway) -> Gateway:
    env_file = gateway.home / ".env"
    env_file.write_text(f"API_SERVER_KEY={KEY}\n")
    env_file.chmod(0o600)
    return gateway


@pytest.mark.parametrize(("name", "hit", "stream"), [*CASES, *STREAMED])
async def test_a_kill_at_a_failpoint_leaves_one_answer(keyed: Gateway, name: str, hit: int, stream: bool) -> None:
    program = Program(keyed.port, "run echo ran >> ran.txt", stream=stream)
    with trio.fail_after(WITHIN):
        async with trio.open_nursery() as nursery:
            await keyed.start(f"{name}=kill@{hit}", wait=False)
            nursery.start_soon(program.ask)
            assert await keyed.wait() == -signal.SIGKILL, f"{name} was not reached:\n{keyed.output()}"
            await keyed.start()
            await program.answered.wait()
        assert await program.once() == program.answer
        await keyed.kill()
        await keyed.start()
        assert await program.once() == program.answer
    assert _rows(keyed.home) == {"inbox": 1, "turns": 1, "answers": 1}
    ran = keyed.home / "ran.txt"
    assert not ran.exists() or ran.read_text() == "ran\n"


def _rows(home: Path) -> dict[str, int]:
    queries = {"inbox": "inbox", "turns": "turns", "answers": "outbox WHERE kind = 'answer'"}
    with closing(sqlite3.connect(home / "state.db")) as connection:
        return {
            name: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for name, table in queries.items()
        }

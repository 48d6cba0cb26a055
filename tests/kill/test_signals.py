"""Signals that come while the gateway ends already: its exit code stays what the first one made it."""

import json
import signal
import sqlite3
from contextlib import closing

import pytest
import trio

from tests.kill.api import KEY, Program
from tests.kill.page import Page
from tests.kill.process import Gateway

pytestmark = pytest.mark.kill

# Seconds for the whole of it on a machine that is busy with other tests.
WITHIN = 120.0


async def test_a_sigterm_in_the_middle_of_a_planned_end_changes_nothing(gateway: Gateway) -> None:
    begun = gateway.home / "begun"
    page = Page(gateway.port, "chat")
    with trio.fail_after(WITHIN):
        await gateway.start()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(page.run)
            # It ignores its end for as long as it may, so that the gateway's own takes a while.
            await page.send("slow", f"run trap '' TERM; touch {begun}; sleep 60")
            while not begun.exists():
                await trio.sleep(0.02)
            nursery.cancel_scope.cancel()
        for _ in range(2):
            gateway.process.send_signal(signal.SIGINT)
            await trio.sleep(0.1)
        while (gateway.home / "gateway.sock").exists():
            await trio.sleep(0.01)
        gateway.process.send_signal(signal.SIGTERM)
        assert await gateway.wait() == 0
    assert not (gateway.home / "gateway.pid").exists()


async def test_ctrl_c_lets_the_answer_that_is_being_written_finish_and_says_so(gateway: Gateway) -> None:
    page = Page(gateway.port, "chat")
    with trio.fail_after(WITHIN):
        await gateway.start()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(page.run)
            await page.send("slow", "count to 60 slowly")
            while not page.drafts:
                await trio.sleep(0.02)
            gateway.process.send_signal(signal.SIGINT)
            assert (await page.until_answered("slow")).endswith("59 60")
            assert await gateway.wait() == 0
            nursery.cancel_scope.cancel()
    assert "Finishing 1 answer in at most 30 s. Ctrl-C again ends now" in gateway.output()


@pytest.mark.parametrize("stream", [False, True])
async def test_a_program_has_its_answer_from_a_gateway_that_is_told_to_end(gateway: Gateway, stream: bool) -> None:
    env_file = gateway.home / ".env"
    env_file.write_text(f"API_SERVER_KEY={KEY}\n")
    env_file.chmod(0o600)
    program = Program(gateway.port, "count to 40 slowly", stream=stream)
    with trio.fail_after(WITHIN):
        await gateway.start()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(program.ask)
            while not under_way(gateway):
                await trio.sleep(0.02)
            gateway.process.send_signal(signal.SIGTERM)
            await program.answered.wait()
        assert await gateway.wait() == 1
    assert program.tries == 1
    assert "39 40" in json.dumps(program.answer)


def under_way(gateway: Gateway) -> bool:
    """Whether a turn runs."""
    with closing(sqlite3.connect(gateway.home / "state.db")) as connection:
        return bool(connection.execute("SELECT 1 FROM turns WHERE state = 'running'").fetchall())
